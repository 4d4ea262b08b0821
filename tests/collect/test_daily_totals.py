"""Daily totals: how often each thing happened on each day, with what, where, and by how many visitors."""

from datetime import UTC, date, datetime, timedelta

import pytest

from personalization.models import DailyTotal, Event, Visitor
from personalization.privacy.retention import day_bounds, roll_up_days
from tests.collect.stored_events import NOW, store_dated_event

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


def totals(day: date = TODAY) -> list[tuple]:
    rows = DailyTotal.objects.filter(date=day).order_by("type", "surface", "row_code", "product_id")
    return list(rows.values_list("type", "surface", "row_code", "product_id", "event_count", "visitor_count"))


def test_events_and_their_different_visitors_are_counted_by_name_place_and_product():
    anna, ben = Visitor.objects.create(), Visitor.objects.create()
    store_dated_event(anna, "view_item", product_id=7)
    store_dated_event(anna, "view_item", product_id=7)
    store_dated_event(ben, "view_item", product_id=7)
    store_dated_event(ben, "view_item", product_id=8)
    store_dated_event(ben, "select_item", product_id=8, surface="home", row_key="buy_again:7", reason="buy_again")
    store_dated_event(ben, "search", query="tea")
    roll_up_days(NOW)
    assert totals() == [
        ("search", "", "", 0, 1, 1),
        ("select_item", "home", "buy_again", 0, 1, 1),
        ("select_item", "home", "buy_again", 8, 1, 1),
        ("view_item", "", "", 0, 4, 2),
        ("view_item", "", "", 7, 3, 2),
        ("view_item", "", "", 8, 1, 1),
    ]


def test_a_row_that_was_seen_counts_for_each_of_its_products():
    anna, ben = Visitor.objects.create(), Visitor.objects.create()
    store_dated_event(anna, "view_item_list", items=[[3, 0, "new"], [5, 1, "new"]], surface="home", row_key="new_in")
    store_dated_event(anna, "view_item_list", items=[[5, 0, "new"]], surface="home", row_key="new_in")
    store_dated_event(ben, "view_item_list", items=[[5, 0, "sold"]], surface="home", row_key="bestsellers")
    store_dated_event(ben, "view_item_list", items=[[5, 0]], surface="search", row_key="results")
    store_dated_event(ben, "view_item_list")
    roll_up_days(NOW)
    assert totals() == [
        ("view_item_list", "", "", 0, 1, 1),
        ("view_item_list", "home", "bestsellers", 0, 1, 1),
        ("view_item_list", "home", "bestsellers", 5, 1, 1),
        ("view_item_list", "home", "new_in", 0, 3, 1),
        ("view_item_list", "home", "new_in", 3, 1, 1),
        ("view_item_list", "home", "new_in", 5, 2, 1),
        ("view_item_list", "search", "", 0, 1, 1),
        ("view_item_list", "search", "", 5, 1, 1),
    ]


def test_the_entries_of_a_menu_count_once_and_as_no_products():
    visitor, fields = Visitor.objects.create(), {"item_kind": "category", "surface": "navigation", "row_key": "menu"}
    store_dated_event(visitor, "view_item_list", items=[[3, 0, ""], [5, 1, ""]], **fields)
    roll_up_days(NOW)
    assert totals() == [("view_item_list", "navigation", "menu", 0, 1, 1)]


def test_a_basket_counts_once_however_much_lies_in_it():
    store_dated_event(Visitor.objects.create(), "view_cart", items=[[3, 0], [5, 1]])
    store_dated_event(Visitor.objects.create(), "begin_checkout", items=[[3, 0], [5, 1]])
    roll_up_days(NOW)
    assert totals() == [("begin_checkout", "", "", 0, 1, 1), ("view_cart", "", "", 0, 1, 1)]


def test_what_no_shopper_did_is_not_counted():
    store_dated_event(Visitor.objects.create(), "view_item", product_id=7, is_suspected_bot=True)
    roll_up_days(NOW)
    assert totals() == []


def test_a_day_begins_at_midnight_in_the_shops_time_zone(settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    late = datetime(2026, 11, 19, 11, 30, tzinfo=UTC)  # 0:30 on the 20th there
    store_dated_event(Visitor.objects.create(), "view_item", product_id=1)
    Event.objects.update(occurred_at=late)
    roll_up_days(late)
    assert day_bounds(TODAY) == datetime(2026, 11, 19, 11, tzinfo=UTC)
    assert totals(date(2026, 11, 19)) == []
    assert totals() == [("view_item", "", "", 0, 1, 1), ("view_item", "", "", 1, 1, 1)]


def test_counting_again_gives_the_same_and_takes_in_what_came_late():
    anna = Visitor.objects.create()
    store_dated_event(anna, "view_item", 7, product_id=1)
    assert roll_up_days(NOW) == 8
    store_dated_event(anna, "view_item", 7, product_id=1, received_at=NOW)
    assert [roll_up_days(NOW + timedelta(hours=hours)) for hours in (0, 2, 4)] == [1, 1, 0]
    assert totals(TODAY - timedelta(days=7)) == [("view_item", "", "", 0, 2, 1), ("view_item", "", "", 1, 2, 1)]


def test_what_turned_out_to_be_no_shopper_is_taken_out_again():
    store_dated_event(Visitor.objects.create(), "view_item", 1, product_id=1)
    roll_up_days(NOW)
    Event.objects.mark_days()
    Event.objects.update(is_suspected_bot=True)
    roll_up_days(NOW)
    assert totals(TODAY - timedelta(days=1)) == []


def test_days_that_were_missed_are_made_up_for():
    anna = Visitor.objects.create()
    store_dated_event(anna, "view_item", 40, product_id=1)
    roll_up_days(NOW - timedelta(days=38))
    for days_ago in (39, 30, 20):
        store_dated_event(anna, "view_item", days_ago, product_id=1)
    roll_up_days(NOW)
    assert [
        str(day) for day in DailyTotal.objects.filter(product_id=0).order_by("date").values_list("date", flat=True)
    ] == [
        "2026-10-11",
        "2026-10-12",
        "2026-10-21",
        "2026-10-31",
    ]


def test_a_day_whose_searches_are_partly_dropped_keeps_their_total_and_gets_new_ones_of_other_names(
    settings, monkeypatch
):
    monkeypatch.setitem(settings.PERSONALIZATION, "SEARCH_RETENTION_DAYS", 3)
    anna = Visitor.objects.create()
    first = store_dated_event(anna, "search", 3.2, query="tea")
    store_dated_event(anna, "search", 2.9, query="tea")
    store_dated_event(anna, "view_item", 2.9, product_id=1)
    roll_up_days(NOW)
    first.delete()
    store_dated_event(anna, "view_item", 2.9, product_id=1)
    roll_up_days(NOW)
    assert totals(TODAY - timedelta(days=3)) == [
        ("search", "", "", 0, 2, 1),
        ("view_item", "", "", 0, 2, 1),
        ("view_item", "", "", 1, 2, 1),
    ]


def test_a_day_that_is_over_is_counted_anew_when_asked_unless_that_would_lose_some():
    anna = Visitor.objects.create()
    day = TODAY - timedelta(days=20)
    rare, frequent = (
        store_dated_event(anna, "view_item", 20, product_id=1),
        store_dated_event(anna, "search", 20, query="tea"),
    )
    store_dated_event(anna, "view_item", product_id=1)
    roll_up_days(NOW)
    rare.delete()
    store_dated_event(anna, "search", 20, query="coffee")
    roll_up_days(NOW, [day])
    counted = [("search", "", "", 0, 2, 1), ("view_item", "", "", 0, 1, 1), ("view_item", "", "", 1, 1, 1)]
    assert totals(day) == counted
    frequent.delete()
    roll_up_days(NOW, [day])
    assert totals(day) == counted


def test_what_was_put_into_a_basket_counts_where_it_was_clicked_on_last():
    anna, ben = Visitor.objects.create(), Visitor.objects.create()
    for days_ago, row in ((0.5, "new_in"), (0.3, "bestsellers:7")):
        at_home = {"surface": "home", "row_key": row, "reason": row, "campaign": "5:1"}
        store_dated_event(anna, "select_item", days_ago, product_id=1, **at_home)
    store_dated_event(anna, "select_item", 0.25, product_id=1, is_suspected_bot=True, surface="search")
    store_dated_event(anna, "add_to_cart", 0.2, product_id=1, device="phone")
    store_dated_event(ben, "add_to_cart", 0.2, product_id=1, device="phone")
    store_dated_event(anna, "add_to_cart", 0.4, product_id=2)
    roll_up_days(NOW)
    added = DailyTotal.objects.filter(type="add_to_cart", product_id=1).order_by("surface")
    assert list(added.values_list("surface", "row_code", "campaign", "event_count")) == [
        ("", "", "", 1),
        ("home", "bestsellers", "5:1", 1),
    ]
    together = DailyTotal.objects.filter(type="add_to_cart", product_id=0, surface="home").get()
    assert (together.device, together.is_customer, together.event_count) == ("phone", False, 1)


def test_what_campaigns_placed_is_counted_by_campaign():
    seen = [[3, 0, "new", "5:1"], [4, 1, "new"], [5, 2, "new", "5:1"]]
    store_dated_event(Visitor.objects.create(), "view_item_list", items=seen, surface="home", row_key="new_in")
    roll_up_days(NOW)
    rows = DailyTotal.objects.filter(product_id=0).order_by("campaign")
    assert list(rows.values_list("campaign", "event_count")) == [("", 1), ("5:1", 2)]
