"""The shelf of row types: each is whole, and what fails costs its own row only."""

from dataclasses import replace

import pytest
from django.core.management import call_command
from oscar.core.loading import get_class

from personalization import checks, plugins, rows, serve, surfaces, testing
from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.rows import Candidate, Reason, RowCandidate, RowType, product_ref, row_type_error
from personalization.rows.bestsellers import BESTSELLERS
from tests import shop

Selector = get_class("partner.strategy", "Selector")


def propose_all(visit, snapshot):
    reason = Reason("staff_picks")
    yield RowCandidate([Candidate(product_ref(key), 1.0, reason) for key in snapshot.ids.tolist()])


STAFF_PICKS = RowType(
    code="staff_picks",
    title=lambda params: "Our favourites",
    explanation=lambda params: "Chosen by us",
    discloses_activity=False,
    propose=propose_all,
    surfaces=("home",),
)


@pytest.fixture
def with_row_type(monkeypatch):
    """Registers a row type of another app."""
    monkeypatch.setattr(plugins, "_registered", [])
    return lambda row_type: plugins.register(row_type=row_type)


@pytest.fixture
def visit(db):
    """A stranger in a shop that learned."""
    shop.even_and_odd()
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    return Visit(1e9, Selector().strategy())


def test_every_row_type_of_the_shelf_is_whole_and_shown_somewhere():
    row_types = rows.registered_row_types()
    assert len(row_types) >= 20
    assert [error for error in map(row_type_error, row_types.values()) if error] == []
    shown = {row.code for surface in surfaces.registered_surfaces().values() for row in surface.rows}
    fallback = {row.code for surface in surfaces.registered_surfaces().values() for row in surface.fallback_rows}
    assert shown | fallback == row_types.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("code", rows.registered_row_types())
def test_every_row_type_of_the_shelf_keeps_its_contract(code):
    testing.check_row_type(rows.registered_row_types()[code])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"code": "staff picks"}, "'staff picks': its name is 'staff picks'; expected at most 32 lower-case letters"),
        ({"code": "recommended"}, "'recommended': this code is reserved"),
        ({"title": None}, "'staff_picks': its title is None; expected a function"),
        ({"explanation": "Chosen by us"}, "its explanation is 'Chosen by us'; expected a function"),
        ({"discloses_activity": None}, "discloses_activity is None; expected True or False"),
        ({"min_items": -1}, "min_items is -1; expected an integer >= 0"),
        ({"max_items": 0}, "max_items is 0; expected an integer >= 1, or None"),
        ({"propose": None}, "expected a function `propose` or `fallback`"),
        ({"code": "bestsellers"}, "is called 'bestsellers', as another row type is"),
    ],
)
def test_a_row_type_that_lacks_something_is_named_by_check_and_left_out(with_row_type, broken, message):
    usual = rows.registered_row_types()
    with_row_type(replace(STAFF_PICKS, **broken))
    (error,) = checks.check_plugins(None)
    assert error.id == "personalization.E005" and message in error.msg
    assert rows.registered_row_types() == usual


def test_a_surface_of_another_app_with_a_broken_row_type_is_named_by_check(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", [])
    broken = replace(STAFF_PICKS, title=None)
    plugins.register(surface=surfaces.Surface("till", ranking=propose_all, rows=(broken,)))
    assert "till" not in surfaces.registered_surfaces()
    (error,) = checks.check_plugins(None)
    assert "'staff_picks': its title is None" in error.msg


def test_a_row_type_of_another_app_stands_on_the_surface_that_it_names(visit, with_row_type):
    with_row_type(STAFF_PICKS)
    slate = serve.serve_slate("home", visit)
    row = next(row for row in slate.rows if row.type == "staff_picks")
    assert (row.title, row.explanation, len(row.items)) == ("Our favourites", "Chosen by us", 6)
    assert {item.explanation for item in row.items} == {"Chosen by us"}
    assert "staff_picks" not in {row.type for row in serve.serve_slate("basket", visit).rows}


def fail(*args):
    raise RuntimeError("no words today")


@pytest.mark.parametrize("broken", ["title", "explanation", "propose"])
def test_a_row_type_that_fails_costs_its_own_rows_and_is_logged_by_name(visit, with_row_type, caplog, broken):
    usual = [row.type for row in serve.serve_slate("home", visit).rows]
    with_row_type(replace(STAFF_PICKS, **{broken: fail}))
    slate = serve.serve_slate("home", visit)
    assert set(usual) >= {row.type for row in slate.rows} >= {"bestsellers"}
    assert slate.snapshot_name, "the rows are still those that were learned"
    assert "staff_picks" in caplog.text and "no words today" in caplog.text


def test_an_item_whose_reason_has_no_words_is_left_out_alone_and_its_reason_is_logged(visit, with_row_type, caplog):
    def propose(visit, snapshot):
        first, *others = snapshot.ids[:4].tolist()
        known = [Candidate(product_ref(key), 1.0, Reason("staff_picks")) for key in others]
        yield RowCandidate([Candidate(product_ref(first), 2.0, Reason("hunch")), *known])

    with_row_type(replace(STAFF_PICKS, propose=propose))
    row = next(row for row in serve.serve_slate("home", visit).rows if row.type == "staff_picks")
    learned = active_snapshot.get_active_snapshot()
    assert [item.product_id for item in row.items] == learned.ids[1:4].tolist()
    assert [item.position for item in row.items] == [0, 1, 2]
    assert "The reason hunch has no words" in caplog.text


def test_a_row_type_that_discloses_activity_gets_a_neutral_title_where_others_may_look(visit, with_row_type):
    private = replace(STAFF_PICKS, discloses_activity=True, personal=True)
    with_row_type(private)
    hidden = replace(visit, hide_private_reasons=True)
    titles = {
        slate_row.title for slate_row in serve.serve_slate("home", hidden).rows if slate_row.type == "staff_picks"
    }
    assert titles == {"Recommended for you"}
    assert BESTSELLERS.discloses_activity is False
