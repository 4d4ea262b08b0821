"""All that is held of somebody, a page of events at a time."""

import base64
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from personalization.api import account
from personalization.models import Event, Visitor
from personalization.models.paging import newest_page
from tests.api.api_client import ROOT
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db

EVENTS = "personalization.Event"


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(account.EventPages, "page_size", 3)


def follow(who, told):
    """The pages that come after this one."""
    while told["next"]:
        told = who.get(told["next"].partition(ROOT)[2]).json()
        yield told


def test_all_events_come_page_by_page_newest_first_each_once(app, small_pages):
    milk, visitor = shop.create_shop_product("Milk"), Visitor.objects.get()
    made = [store_event(visitor, product_id=milk.pk, minutes_ago=60 - n) for n in range(8)]
    first = app.get("me/data/").json()
    store_event(visitor, product_id=milk.pk, minutes_ago=0)  # what happens meanwhile moves no page
    rest = list(follow(app, first))
    told = [row for page in [first, *rest] for row in page["tables"][EVENTS]]
    assert [row["id"] for row in told] == [event.id for event in reversed(made)]
    assert {row["product_name"] for row in told} == {"Milk"}
    assert [len(page["tables"][EVENTS]) for page in [first, *rest]] == [3, 3, 2]


def test_only_the_first_page_has_all_the_rest(app, small_pages):
    for n in range(4):
        store_event(Visitor.objects.get(), product_id=1, minutes_ago=n)
    first = app.get("me/data/").json()
    (second,) = follow(app, first)
    assert [row["id"] for row in first["tables"]["personalization.Visitor"]] == [str(Visitor.objects.get().pk)]
    assert app.get("me/data/?cursor=").json().keys() == first.keys()
    assert second.keys() == {"tables", "next"} and second["tables"].keys() == {EVENTS}


def test_a_page_of_somebody_else_shows_ones_own(app, known_browser, small_pages):
    theirs, other = Visitor.objects.order_by("created_at")
    for n in range(9):
        store_event(other, product_id=2, minutes_ago=n)
    (of_app,) = app.get("me/data/").json()["tables"]["personalization.Visitor"]
    rich, poor = (app, known_browser) if of_app["id"] == str(other.pk) else (known_browser, app)
    cursor = rich.get("me/data/").json()["next"].partition(ROOT)[2]
    assert poor.get(cursor).json() == {"tables": {EVENTS: []}, "next": None}
    assert theirs.pk != other.pk


def test_the_latest_that_happened_comes_first_however_late_it_arrived(app, small_pages):
    visitor = Visitor.objects.get()
    for minutes in (1, 9, 5, 3, 7, 2, 8):
        store_event(visitor, product_id=minutes, minutes_ago=minutes)
    first = app.get("me/data/").json()
    pages = [first, *follow(app, first)]
    assert [row["product_id"] for page in pages for row in page["tables"][EVENTS]] == [1, 2, 3, 5, 7, 8, 9]


def test_many_events_of_one_moment_come_each_once(app, small_pages):
    visitor, moment = Visitor.objects.get(), now().replace(microsecond=1)
    for number in range(10):
        store_event(visitor, product_id=number)
    Event.objects.update(occurred_at=moment)
    first = app.get("me/data/").json()
    pages = [first, *follow(app, first)]
    assert [row["product_id"] for page in pages for row in page["tables"][EVENTS]] == list(range(10))[::-1]
    assert len(pages) == 4


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="its plans are what counts")
def test_a_page_is_read_from_the_index_of_a_visitors_events():
    visitor, other = Visitor.objects.create(), Visitor.objects.create()
    at = now()
    Event.objects.bulk_create(
        Event(event_id=uuid4(), visitor=owner, type="view_item", occurred_at=at - timedelta(seconds=n), received_at=at)
        for n in range(3000)
        for owner in (visitor, other)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE personalization_event")
    with CaptureQueriesContext(connection) as captured:
        newest_page(Event.objects.filter(visitor=visitor), ("occurred_at", "pk"), (at - timedelta(seconds=900), 7), 501)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF) " + captured[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using personalization_event_recent" in plan and "Seq Scan" not in plan, plan
    assert "Presorted Key: occurred_at" in plan, plan


FAR = base64.b64encode(b"p=" + b"9" * 5000).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "1_",
        "-1_1",
        "9999999999999999_999999999999999999",
        "\u0661_1",
        "1_1_1",
        "cD0x",
        "bz0tMQ==",
        "bz05OTk5OTk5OTk5",
        "cD1hYmM=",
        "=" * 5000,
        FAR,
    ],
)
def test_whatever_a_cursor_says_is_answered(app, cursor):
    store_event(Visitor.objects.get(), product_id=1)
    answer = app.get(f"me/data/?cursor={cursor}")
    assert answer.status_code in (200, 404)
    assert answer.status_code == 200 or answer.json()["code"] == "not_found"
