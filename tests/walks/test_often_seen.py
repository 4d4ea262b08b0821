"""What a visitor saw again and again and never touched makes room on their home page, and comes back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.models import Product

from personalization.decide.often_seen import demote_often_seen
from personalization.decide.policy import Policy
from personalization.decide.slate import Candidate, Reason, RowCandidate, product_ref
from personalization.decide.visit import Visit
from personalization.models import Event, Genome
from personalization.models.events import MAX_SEEN_ROWS
from personalization.recommenders import DAY
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db
DAY_MINUTES = 24 * 60.0
NOW = 1e9


@pytest.fixture
def seen(client, trained):
    """(visitor, the keys of the bestsellers that they see), as they come for the first time."""
    visitor = identify_browser(client)
    return visitor, bestsellers(client)


def bestsellers(client, address="/"):
    rows = {row.type: row for row in client.get(address).context["slate"].rows}
    return [item.product_id for item in rows["bestsellers"].items]


def see(visitor, keys, times=1, minutes_ago=5.0, **fields):
    items = [[key, place, "popular"] for place, key in enumerate(keys)]
    shown = {"items": items, "surface": "home", "row_key": "bestsellers", **fields}
    for _ in range(times):
        store_event(visitor, "view_item_list", minutes_ago, **shown)


def test_what_was_seen_five_times_and_never_touched_makes_room(client, seen):
    visitor, before = seen
    see(visitor, before[:2], times=4)
    assert bestsellers(client) == before
    see(visitor, before[:1])
    after = bestsellers(client)
    assert after[:5] == before[1:] and after[5] not in before
    see(visitor, before)
    assert before[1] not in bestsellers(client)


def test_it_is_hidden_nowhere(client, seen):
    visitor, before = seen
    see(visitor, before[:1], times=5)
    page = client.get(reverse("personalization:row", args=["home", "bestsellers"])).content.decode()
    assert Product.objects.get(pk=before[0]).get_absolute_url() in page


@pytest.mark.parametrize("touch", ["select_item", "view_item", "add_to_cart", "add_to_wishlist"])
def test_a_touch_resets_it(client, seen, touch):
    visitor, before = seen
    see(visitor, before[:1], times=9)
    assert before[0] not in bestsellers(client)
    store_event(visitor, touch, product_id=before[0])
    shown = [item.product_id for row in client.get("/").context["slate"].rows for item in row.items]
    assert before[0] in shown


def test_a_purchase_resets_it():
    row = RowCandidate([Candidate(product_ref(key), 1.0, Reason("any")) for key in range(1, 9)])
    visit = Visit(NOW, None, often_seen=(1, 2, 3))

    def order(days_ago):
        genome = Genome(products=[[2, 1.0, 1, NOW - days_ago * DAY, 0.0]])
        moved = demote_often_seen(row, "any", replace(visit, genome=genome, policy=Policy(row_size=3)), "home")
        return [candidate.item.id for candidate in moved.candidates]

    assert order(days_ago=27) == [2, 4, 5, 6, 7, 8, 1, 3]
    assert order(days_ago=29) == [4, 5, 6, 7, 8, 1, 2, 3]


def test_it_is_forgotten_after_four_weeks(client, seen):
    visitor, before = seen
    see(visitor, before[:1], times=9, minutes_ago=29 * DAY_MINUTES)
    assert bestsellers(client) == before
    see(visitor, before[:1], times=5, minutes_ago=27 * DAY_MINUTES)
    assert bestsellers(client) != before


@pytest.mark.parametrize(
    "fields",
    [
        {"surface": "search", "row_key": "results"},
        {"item_kind": "category", "surface": "navigation"},
        {"is_suspected_bot": True},
    ],
)
def test_lists_menus_and_robots_do_not_count(client, seen, fields):
    visitor, before = seen
    see(visitor, before[:1], times=9, **fields)
    assert bestsellers(client) == before


def test_a_row_that_the_others_do_not_fill_stays_as_it_is(client, seen):
    visitor, before = seen
    every = list(Product.objects.values_list("pk", flat=True))
    see(visitor, every, times=5)
    assert bestsellers(client) == before


def test_another_visitor_and_who_did_not_agree_see_the_row_as_it_was(client, seen):
    visitor, before = seen
    see(visitor, before[:1], times=5)
    assert bestsellers(type(client)()) == before
    identify_browser(client)
    assert bestsellers(client) == before


def test_it_can_be_turned_off(client, seen, settings):
    visitor, before = seen
    see(visitor, before[:1], times=5)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "DEMOTE_AFTER_VIEWS": 0}
    assert bestsellers(client) == before
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "DEMOTE_AFTER_VIEWS": 6}
    assert bestsellers(client) == before
    see(visitor, before[:1])
    assert bestsellers(client) != before


def test_it_costs_no_query(client, seen, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}  # a look for it is a query
    visitor, before = seen
    for _ in range(2):
        client.get("/")
    with CaptureQueriesContext(connection) as plain:
        client.get("/")
    see(visitor, before, times=MAX_SEEN_ROWS + 5)
    bestsellers(client)  # renders the cards that come in
    with CaptureQueriesContext(connection) as moved:
        assert set(bestsellers(client)).isdisjoint(before)
    assert len(moved) <= len(plain)


def test_what_was_done_keeps_its_moment_and_its_sequence(seen):
    visitor, before = seen
    first = store_event(visitor, "view_item", 3, product_id=before[0])
    last = store_event(visitor, "search", 2, query="tea")
    found = Event.objects.recent(visitor.pk, now() - timedelta(days=1), now(), min_seen=1)
    assert [(one.type, one.product_id, one.query) for one in found.events] == [
        ("search", None, "tea"),
        ("view_item", before[0], ""),
    ]
    assert [one.timestamp for one in found.events] == [last.occurred_at.timestamp(), first.occurred_at.timestamp()]
