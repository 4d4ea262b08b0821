"""The shop's own search engine, asked for product keys."""

import pytest
from django.core.management import call_command
from haystack import connections
from oscar.test.factories import create_product

from personalization.oscar import search_engine
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def index():
    call_command("rebuild_index", interactive=False, verbosity=0)


def test_what_is_found_is_what_the_search_page_shows_in_its_order(client):
    for title in ("Oat milk", "Bread", "Milk chocolate with milk cream and milk", "Milk"):
        shop.create_shop_product(title)
    index()
    page = [result.object.pk for result in client.get("/search/", {"q": "milk"}).context["results"]]
    assert len(page) == 3
    assert search_engine.search_keys("milk", 10) == page


def test_no_more_is_asked_for_than_wanted():
    made = [shop.create_shop_product(f"Milk {n}") for n in range(30)]
    index()
    assert len(search_engine.search_keys("milk", 12)) == 12
    assert sorted(search_engine.search_keys("milk", 100)) == [one.pk for one in made]


@pytest.mark.parametrize("query", ["nonsense", "", " ", '"milk', "milk AND (", "\x00"])
def test_a_query_that_finds_nothing_gives_nothing_and_a_strange_one_does_no_harm(query):
    shop.create_shop_product("Bread")
    index()
    assert search_engine.search_keys(query, 10) == []


def test_a_child_that_the_engine_finds_stands_for_its_parent(monkeypatch):
    parent = create_product(structure="parent", title="Shirt")
    children = [create_product(structure="child", parent=parent, title=f"Shirt {size}") for size in "SM"]
    other = shop.create_shop_product("Shirt button")
    monkeypatch.setattr(
        search_engine,
        "_search_hits",
        lambda query, limit, wanted, search_rules: [children[1].pk, other.pk, 999_999, children[0].pk],
    )
    assert search_engine.search_keys("shirt", 10) == [parent.pk, other.pk]


def test_a_search_costs_the_database_one_query(django_assert_num_queries):
    for n in range(5):
        shop.create_shop_product(f"Milk {n}")
    index()
    with django_assert_num_queries(1):
        assert len(search_engine.search_keys("milk", 10)) == 5


@pytest.fixture
def _own_spelling(monkeypatch):
    """The engine corrects spelling itself."""
    with monkeypatch.context() as patched:
        patched.setitem(connections.connections_info["default"], "INCLUDE_SPELLING", True)
        connections.reload("default")
        yield
    connections.reload("default")


@pytest.mark.usefixtures("_own_spelling")
def test_where_the_engine_corrects_spelling_its_own_suggestion_helps_too(monkeypatch):
    for title in ("Chocolate", "Oat milk", "Bread"):
        shop.create_shop_product(title)
    call_command("personalization_train", verbosity=0)
    index()
    assert search_engine.correct_spelling("chocolade") == "chocolate"
    monkeypatch.setattr(search_engine.spelling, "corrected_queries", lambda query, **rest: [])
    assert search_engine.correct_spelling("chocolade") == "chocolate"
    assert search_engine.correct_spelling("milk") is None
