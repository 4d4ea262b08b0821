"""Two orders shown as one list: what visitors see of it, what it reports, and who is left out."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from oscar.apps.catalogue.models import Category

from personalization.collect.exposure_tokens import verify_exposures
from personalization.collect.impression_tokens import verify_impression
from personalization.decide.active_rules import read_rules_now
from personalization.measure.experiments import measure_experiments
from personalization.merchandising import publishing
from personalization.merchandising.assignment import HELD_OUT
from personalization.models import DefinitionKind, Event, Exposure, Visitor
from tests.api.api_client import ApiClient, issue_visitor_token
from tests.collect.event_payloads import FIREFOX, delivery_body
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start, start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
SEARCH = "/search/?q=product"
EXPOSURE = re.compile(r'data-exposure="([^"]+)"')
SLATE = re.compile(r'data-slate="([^"]+)" data-kind="product" data-links="([^"]+)"')
ENGINE = {"policy": {"rerank_strength": 0}}


@pytest.fixture
def browser():
    return Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)


@pytest.fixture
def loyal(browser, trained_and_indexed):
    """A customer who bought every week, signed in."""
    user = trained_and_indexed[0][0]
    browser.force_login(user)
    return Visitor.objects.get(user=user)


def interleaved(second=ENGINE, surfaces=("search", "category"), name="Test"):
    arms = {"own": (0.5, {}), "other": (0.5, second)}
    return start(arms, name=name, method="interleave", surfaces=list(surfaces))


def listed(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def exposure_of(response):
    found = EXPOSURE.search(response.content.decode())
    return found[1] if found else ""


def slate_of(response, visitor):
    """The token of the page's list, and what it says."""
    token = SLATE.search(response.content.decode())[1]
    return token, verify_impression(token, visitor.pk, 0.0)


def teams_of(response, visitor):
    """{product: the arm whose choice it is, None where it counts for neither}."""
    return {item.item_id: item.team and item.team.partition("=")[2] for item in slate_of(response, visitor)[1].items}


def both_orders(browser, loyal):
    """What is listed by each order alone."""
    own = listed(browser.get(SEARCH))
    engine = listed(browser.get(SEARCH + "&sort_by=relevancy"))
    assert own != engine
    return own, engine


def test_a_list_holds_what_each_order_would_show_first(browser, loyal):
    own, engine = both_orders(browser, loyal)
    interleaved()
    page = browser.get(SEARCH)
    mixed, teams = listed(page), teams_of(page, loyal)
    assert mixed not in (own, engine)
    assert [key for key in mixed if teams[key] == "own"] == sorted(
        (key for key in mixed if teams[key] == "own"), key=own.index
    )
    chosen = {team: sum(one == team for one in teams.values()) for team in ("own", "other")}
    assert min(chosen.values()) >= len(mixed) // 2 - 1
    assert {mixed[0], mixed[1]} <= {own[0], engine[0], own[1], engine[1]}


def test_no_product_is_lost_between_the_pages_of_a_list_and_none_stands_twice(browser, loyal):
    everything = {key for number in (1, 2) for key in listed(browser.get(f"{SEARCH}&page={number}"))}
    interleaved()
    pages = [listed(browser.get(f"{SEARCH}&page={number}")) for number in (1, 2)]
    shown = [key for page in pages for key in page]
    assert len(shown) == len(set(shown)) and set(shown) == everything


def test_a_list_stays_as_it_is_when_it_is_loaded_again(browser, loyal):
    interleaved()
    assert len({tuple(listed(browser.get(SEARCH))) for _ in range(3)}) == 1


def test_other_visitors_get_their_own_mix_and_another_search_too(browser, loyal):
    season = interleaved()
    mixes = set()
    for _ in range(8):
        put_into_arm(loyal, season, "both")
        mixes.add(tuple(listed(browser.get(SEARCH))))
    assert len(mixes) > 1


def test_a_click_says_whose_choice_it_was_and_the_visitor_is_counted_once(browser, loyal):
    season = interleaved()
    page = browser.get(SEARCH)
    token, _ = slate_of(page, loyal)
    teams = teams_of(page, loyal)
    other = next(key for key, team in teams.items() if team == "other")
    seen = [{"item_id": str(key)} for key in listed(page)]
    body = delivery_body(
        {"name": "exposure", "slate": exposure_of(page)},
        {"name": "view_item_list", "slate": token, "items": seen},
        {"name": "select_item", "slate": token, "items": [{"item_id": str(other)}]},
    )
    assert post_events(browser, body).json() == {"accepted": 3, "rejected": []}
    assert Exposure.objects.values_list("season_id", "visitor_id", "arm").get() == (season.pk, loyal.pk, "both")
    click = Event.objects.get(type="select_item")
    assert (click.arm, click.product_id) == (f"{season.definition.key}-1=other", other)
    impression = Event.objects.get(type="view_item_list")
    assert impression.arm is None
    assert {item[0]: item[6].partition("=")[2] for item in impression.items if len(item) > 6} == {
        key: team for key, team in teams.items() if team
    }
    measure_experiments(now())
    season.refresh_from_db()
    assert (season.newest["units"], season.newest["choosers"], season.newest["signs"]) == (1, 1, [0, 1, 0])
    assert season.newest["leads"][2] == 1


def test_a_category_is_mixed_as_a_search_is_and_another_list_is_not(browser, loyal):
    interleaved(surfaces=["category"])
    category = Category.objects.get(name="Odd").get_absolute_url()
    assert exposure_of(browser.get(category)) and not exposure_of(browser.get(SEARCH))
    assert not exposure_of(browser.get("/catalogue/"))
    assert set(teams_of(browser.get(SEARCH), loyal).values()) == {None}


def test_the_order_of_strangers_can_be_the_other_one(browser, loyal):
    stranger = listed(Client(HTTP_USER_AGENT=FIREFOX).get(SEARCH))
    interleaved({"plain": True})
    page = browser.get(SEARCH)
    teams = teams_of(page, loyal)
    theirs = [key for key in listed(page) if teams[key] == "other"]
    assert theirs == sorted(theirs, key=stranger.index) and theirs


def test_who_sorts_a_list_sees_it_sorted(browser, loyal):
    _, engine = both_orders(browser, loyal)
    interleaved()
    for sort in ("relevancy", "price-asc"):
        page = browser.get(f"{SEARCH}&sort_by={sort}")
        assert exposure_of(page) == "" and set(teams_of(page, loyal).values()) == {None}
    assert listed(browser.get(SEARCH + "&sort_by=relevancy")) == engine


@pytest.mark.parametrize("who", ["stranger", "staff", "robot", "objects", "held out"])
def test_some_see_the_list_as_it_is(trained_and_indexed, who):
    user = trained_and_indexed[0][0]
    client = Client(HTTP_USER_AGENT="Googlebot/2.1" if who == "robot" else FIREFOX, HTTP_ORIGIN=HERE)
    if who == "objects":
        client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_SEC_GPC="1")
    if who == "staff":
        user.is_staff = True
        user.save()
    if who != "stranger":
        client.force_login(user)
    if who == "held out":
        put_into_arm(Visitor.objects.get(user=user), start_holdout(), HELD_OUT)
    before = listed(client.get(SEARCH))
    season = interleaved()
    page = client.get(SEARCH)
    assert listed(page) == before and page.context["view"].teams == {}
    if who == "held out":
        assert season.pk not in verify_exposures(exposure_of(page), Visitor.objects.get(user=user).pk, 0.0).arms
    else:
        assert exposure_of(page) == ""


def test_a_preview_shows_the_list_as_it_is(admin_client, admin_user, loyal, browser):
    from personalization.oscar.previews import PARAMETER, Preview

    own, _ = both_orders(browser, loyal)
    interleaved()
    token = Preview(staff=str(admin_user.pk), customer=str(loyal.user_id)).sign()
    page = admin_client.get(SEARCH, {"q": "product", PARAMETER: token})
    assert page.context["view"].teams == {} and exposure_of(page) == "" and listed(page) == own


def test_what_a_campaign_pins_stays_in_its_place_and_counts_for_neither(browser, loyal, trained_and_indexed):
    pinned = trained_and_indexed[1][39].pk
    document = {
        "where": [{"surface": "search"}],
        "what": [{"do": "pin", "target": {"products": [pinned]}, "place": 2}],
    }
    publishing.publish(publishing.create(DefinitionKind.CAMPAIGN, "Spring", document, None), None)
    read_rules_now()
    interleaved()
    page = browser.get(SEARCH)
    assert listed(page)[1] == pinned and teams_of(page, loyal)[pinned] is None
    assert {"own", "other"} <= set(teams_of(page, loyal).values())


def test_what_they_refused_stands_last_whichever_order_would_show_it(browser, loyal):
    _, engine = both_orders(browser, loyal)
    loyal.set_preference("product", engine[0], -1, 10.0**9 * 2)
    interleaved()
    assert engine[0] not in listed(browser.get(SEARCH))


def test_where_both_orders_are_the_same_nothing_is_mixed_and_nobody_counts(browser, trained_and_indexed):
    identify_browser(browser)
    before = listed(browser.get(SEARCH))
    interleaved({"plain": True})
    page = browser.get(SEARCH)
    assert listed(page) == before and exposure_of(page) == ""


def test_a_mixed_list_costs_no_query_more(browser, loyal):
    for _ in range(2):
        browser.get(SEARCH)
    with CaptureQueriesContext(connection) as before:
        browser.get(SEARCH)
    interleaved()
    browser.get(SEARCH)
    with CaptureQueriesContext(connection) as after:
        page = browser.get(SEARCH)
    assert exposure_of(page) and len(after) <= len(before)


def test_a_shop_whose_lists_stand_in_the_order_of_its_engine_can_try_ours(browser, loyal, settings):
    settings.PERSONALIZATION = {**getattr(settings, "PERSONALIZATION", {}), "RERANK_STRENGTH": 0}
    engine = listed(browser.get(SEARCH))
    interleaved({"policy": {"rerank_strength": 100}})
    page = browser.get(SEARCH)
    teams = teams_of(page, loyal)
    first = [key for key in listed(page) if teams[key] == "own"]
    assert first == sorted(first, key=engine.index) and "other" in teams.values()
    assert "private" in page["Cache-Control"]


def test_lists_that_a_headless_shop_ranks_are_not_mixed(trained_and_indexed):
    app = ApiClient(Client(HTTP_USER_AGENT=FIREFOX), {"X-Personalization-Visitor": issue_visitor_token()})
    body = {"products": [product.pk for product in trained_and_indexed[1]], "limit": 10}
    before = app.post("rank/", body).json()
    interleaved()
    after = app.post("rank/", body).json()
    assert (after["products"], after["exposure"]) == (before["products"], "")
