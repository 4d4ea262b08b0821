"""The screens of two interleaved orders: the form, the plan, the verdict, and what can be done with it."""

import pytest
from django.utils.timezone import localdate, now

from personalization.measure.experiment_readings import day_start
from personalization.measure.experiments import measure_experiments
from personalization.merchandising import publishing
from personalization.merchandising.experiments import arm_ranges
from personalization.models import Consent, Definition, Event, Exposure, Season, Visitor
from tests.dashboard.test_experiment_screens import address, analyst, posted, words_of  # noqa: F401
from tests.measure import test_choices
from tests.measure.orders import DAY

pytestmark = pytest.mark.django_db


def posted_orders(**fields):
    data = {"order": "engine", "strength": "", "lists": ["search"], **fields}
    return posted("interleave", **data)


def season_since(days, second=None, **document):
    """The shop's order and another one in the list of searches, since the midnight so many days ago."""
    does = [{}, second or {"policy": {"rerank_strength": 0}}]
    document = {"primary": "conversion", "weeks": 2, "method": "interleave", "surfaces": ["search"], **document}
    document["arms"] = [
        {"key": arm, "share": 0.5, "does": effect} for arm, effect in zip(("control", "variant"), does, strict=True)
    ]
    definition = publishing.publish(publishing.create("experiment", "Which order", document, None), None)
    return Season.objects.create(
        definition=definition,
        number=1,
        document=document,
        arms=arm_ranges(document),
        started_at=day_start(localdate()) - days * DAY,
        planned_units=400,
    )


def filled(season, share, count, monkeypatch):
    monkeypatch.setattr(test_choices, "START", season.started_at)
    test_choices.fill(season, share, count)
    measure_experiments(now())
    season.refresh_from_db()
    return address("experiment", season.definition_id)


@pytest.mark.parametrize(
    ("fields", "second"),
    [
        ({"order": "engine"}, {"policy": {"rerank_strength": 0}}),
        ({"order": "stranger", "strength": "7", "lists": ["search", "category", "catalogue"]}, {"plain": True}),
        ({"order": "strength", "strength": "50", "shares": "10 20"}, {"policy": {"rerank_strength": 50}}),
    ],
)
def test_two_orders_are_compared_from_the_form_and_shown_in_it_again(client, analyst, fields, second):  # noqa: F811
    page = words_of(client.post(address("experiment-create"), posted_orders(**fields), follow=True))
    assert "The draft of “Tea test” is saved." in page
    made = Definition.objects.get()
    document = made.draft.document
    assert document["method"] == "interleave" and document["surfaces"] == fields.get("lists", ["search"])
    assert [(arm["does"], arm["share"]) for arm in document["arms"]] == [({}, 0.5), (second, 0.5)]
    form = client.get(address("experiment-edit", made.pk)).context["form"]
    shown = {form.add_prefix(name): form[name].value() for name in form.fields}
    data = {name: value for name, value in shown.items() if value is not None}
    assert client.post(address("experiment-edit", made.pk), {"base": "1", **data}).status_code == 302
    assert made.versions.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"lists": []}, "lists", "Choose at least one."),
        ({"lists": ["home"]}, "lists", "not one of the available choices"),
        ({"order": ""}, "order", "Say which."),
        ({"order": "luck"}, "order", "not one of the available choices"),
        ({"order": "strength"}, "strength", "Say which."),
        ({"order": "strength", "strength": "101"}, "strength", "less than or equal to 100"),
        ({"order": "strength", "strength": "100"}, "order", "This is the order that the shop has already."),
    ],
)
def test_what_is_wrong_with_two_orders_is_said_at_its_field(client, analyst, fields, field, words):  # noqa: F811
    errors = client.post(address("experiment-create"), posted_orders(**fields)).context["form"].errors
    assert list(errors) == [field] and words in str(errors[field])
    assert not Definition.objects.exists()


def test_the_plan_is_told_in_visitors_who_choose(client, analyst):  # noqa: F811
    data = posted_orders(smallest_lift="5", weeks="2")
    page = words_of(client.post(address("experiment-plan"), data))
    assert "To tell 55 of 100 from half takes 864 visitors who choose more from one order." in page
    assert "Nobody chose from these lists in the last four weeks, so how long it takes is unknown." in page
    at = now() - 7 * DAY
    common = {"type": "select_item", "occurred_at": at, "received_at": at, "product_id": 1, "surface": "search"}
    visitors = Visitor.objects.bulk_create(Visitor(consent=Consent.GRANTED, consented_at=at) for _ in range(800))
    Event.objects.bulk_create(
        Event(event_id=one.pk, visitor=one, row_key="results" if place % 2 else "similar", **common)
        for place, one in enumerate(visitors)
    )
    page = words_of(client.post(address("experiment-plan"), data))
    assert "About 100 a week click in these lists: about 9 weeks. In 2 weeks 61 of 100 would show." in page
    data = posted_orders(smallest_lift="2", weeks="2")
    assert "more than the 12 weeks that are possible" in words_of(client.post(address("experiment-plan"), data))


def test_a_draft_says_what_is_compared_and_begins(client, analyst):  # noqa: F811
    client.post(address("experiment-create"), posted_orders())
    made = Definition.objects.get()
    page = words_of(client.get(address("experiment", made.pk)))
    assert "Order 1 the shop's order: what the shop serves without the experiment" in page
    assert "Order 2 the search engine's order: as the search engine found them, nothing moved" in page
    assert "What decides from which order visitors choose more often" in page
    assert "Worth having from 55 of 100 who choose more from one order" in page
    assert "Search results · “the shop's order” and “the search engine's order” in one list" in words_of(
        client.get(address("experiments"))
    )
    page = words_of(client.post(address("experiment-start", made.pk), follow=True))
    assert "“Tea test” begins in up to 10 seconds." in page and "Planned 4 weeks, or 200 visitors who choose" in page
    assert "No verdict below 100 visitors who choose" in page
    season = Season.objects.get()
    assert (season.arms, season.document["surfaces"]) == ([["both", 0, 10_000]], ["search"])


def test_two_orders_and_groups_on_one_list_do_not_run_at_once(client, analyst):  # noqa: F811
    for number, data in enumerate((posted_orders(), posted("policy", policy="rerank_strength", values="20")), 1):
        client.post(address("experiment-create"), {**data, "experiment-name": f"Test {number}"})
    first, second = Definition.objects.order_by("pk")
    client.post(address("experiment-start", first.pk))
    page = words_of(client.post(address("experiment-start", second.pk), follow=True))
    assert "“Test 1” runs on the same pages" in page


def test_the_verdict_says_which_order_and_that_it_is_not_about_money(client, analyst, monkeypatch):  # noqa: F811
    season = season_since(8)
    page = filled(season, 0.62, 400, monkeypatch)
    response = client.get(page)
    words = words_of(response)
    assert (
        "Visitors choose from “the search engine's order” more often than from “the shop's order”. Of 100 visitors who "
        "chose something, between 57 and 67 chose more from it (best guess 62)."
    ) in words
    assert (
        "never what that is worth in money" in words
        and "About $" not in words
        and "Visitors who saw both orders in one list: 400." in words
    )
    assert [(one.chosen, one.clicks, one.adds) for one in response.context["orders"]] == [
        ("152", "152", "0"),
        ("248", "248", "0"),
    ]
    assert "As much from both: 0." in words and "Kept orders" not in words
    answer = words_of(client.post(address("experiment-apply", season.definition_id), {"arm": "variant"}, follow=True))
    assert 'has to set PERSONALIZATION = {"RERANK_STRENGTH": 0}' in answer


def test_only_an_order_that_a_setting_can_make_is_offered_to_be_made_so(client, analyst, monkeypatch):  # noqa: F811
    season = season_since(8)
    body = client.get(filled(season, 0.62, 400, monkeypatch)).content.decode()
    assert body.count('name="arm"') == 1 and 'value="variant"' in body
    Season.objects.update(
        document={
            **season.document,
            "arms": [season.document["arms"][0], {**season.document["arms"][1], "does": {"plain": True}}],
        }
    )
    body = client.get(address("experiment", season.definition_id)).content.decode()
    assert 'name="arm"' not in body
    refused = client.post(address("experiment-apply", season.definition_id), {"arm": "variant"}, follow=True)
    assert "cannot be published" in words_of(refused)


def test_too_few_are_said_in_words_and_the_stop_page_says_it_too(client, analyst, monkeypatch):  # noqa: F811
    season = season_since(8, weeks=4)
    page = filled(season, 0.9, 20, monkeypatch)
    sentence = "Too few yet: 20 of 100 visitors have chosen something from these lists."
    assert sentence in words_of(client.get(page))
    assert sentence in words_of(client.get(address("experiment-stop", season.definition_id)))
    client.post(address("experiment-stop", season.definition_id))
    assert "Stopped by mia in week 2; not decided." in words_of(client.get(page))


def test_a_list_that_favours_one_order_silences_all_numbers(client, analyst, monkeypatch):  # noqa: F811
    season = season_since(8)
    page = filled(season, 0.62, 400, monkeypatch)
    leads = [400, 300, 400]
    Season.objects.update(looks=[{**season.looks[0], "leads": leads}])
    response = client.get(page)
    words = words_of(response)
    assert "The two orders did not stand first equally often" in words and "What usually causes it:" in words
    assert {(one.chosen, one.clicks) for one in response.context["orders"]} == {("\N{EN DASH}",) * 2}
    assert "Make it so" not in words


def test_a_season_nobody_was_shown_says_that_nothing_was_counted(client, analyst):  # noqa: F811
    season = season_since(0)
    words = words_of(client.get(address("experiment", season.definition_id)))
    assert "Nothing was counted yet" in words and "Too few yet: 0 of 100" in words
    assert not Exposure.objects.exists()
