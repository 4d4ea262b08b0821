"""All that is held of somebody, a page of events at a time."""

import base64

import pytest

from personalization.api import account
from personalization.models import Visitor
from tests.api.api_client import ROOT
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db

EVENTS = "personalization.Event"


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(account.EventCursorPagination, "page_size", 3)


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


FAR = base64.b64encode(b"p=" + b"9" * 5000).decode()


@pytest.mark.parametrize(
    "cursor", ["", "x", "%00", "cD0x", "bz0tMQ==", "bz05OTk5OTk5OTk5", "cD1hYmM=", "=" * 5000, FAR]
)
def test_whatever_a_cursor_says_is_answered(app, cursor):
    store_event(Visitor.objects.get(), product_id=1)
    answer = app.get(f"me/data/?cursor={cursor}")
    assert answer.status_code in (200, 404)
    assert answer.status_code == 200 or answer.json()["code"] == "not_found"
