"""What clicks in rows are worth: only of who buys and allows it, and said by the evaluation."""

import random
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from oscar.apps.catalogue.models import Product

from personalization.models import Consent, Event, Visitor
from personalization.shop import orders
from tests.collect.stored_events import NOW, store_dated_event
from tests.shops import factories as shop
from tests.shops import habits_in_tables


@pytest.mark.django_db
def test_only_what_consenting_people_saw_of_our_rows_is_counted():
    tea = shop.create_shop_product("Tea")
    buyers = [shop.create_past_order(shop.create_customer(name), [tea], 1).user for name in "ab"]
    anna, left = (Visitor.objects.get_or_create_customer(user.pk) for user in buyers)
    stranger, newcomer = Visitor.objects.create(), Visitor.objects.get_or_create_customer(shop.create_customer("c").pk)
    Visitor.objects.filter(pk=left.pk).update(consent=Consent.WITHDRAWN)
    slate = {"slate_id": "8d0c7a36-1f8e-4a44-9d0a-0c7a361f8e4a", "surface": "home", "row_key": "trending"}
    items = [[3, 0, "trending"], [5, 1, "trending", None, 0.05]]
    robot = {"is_suspected_bot": True}
    for visitor, fields in ((anna, {}), (anna, {}), (left, {}), (stranger, {}), (newcomer, {}), (anna, robot)):
        store_dated_event(visitor, "view_item_list", 2, items=items, device="phone", **slate, **fields)
        store_dated_event(visitor, "select_item", 2, product_id=5, position=1, device="phone", **slate, **fields)
    store_dated_event(anna, "view_item_list", 2, items=[[3, 0]])  # of no slate
    store_dated_event(anna, "view_item_list", 9, items=items, **slate)
    seen, clicked = (
        list(Event.objects.cards_seen(NOW, 1, orders.account_buyers())),
        list(Event.objects.cards_clicked(NOW, 1, orders.account_buyers())),
    )
    assert sorted(seen) == [(0, 3, 0, "home", "phone", 1), (0, 5, 1, "home", "phone", 1)]
    assert clicked == [(0, 5, 1, "home", "phone", 1)]


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "week"), [(1, 0), (604_800, 0), (604_801, 1), (2 * 604_800, 1)])
def test_a_week_ends_where_the_one_after_it_begins(seconds, week):
    anna, moment = shop.create_customer("anna"), NOW - timedelta(seconds=seconds)
    shop.create_past_order(anna, [shop.create_shop_product("Tea")])
    store_dated_event(Visitor.objects.get_or_create_customer(anna.pk), "select_item", 0, product_id=5, position=1,
                      slate_id="8d0c7a36-1f8e-4a44-9d0a-0c7a361f8e4a", surface="home")  # fmt: skip
    Event.objects.update(occurred_at=moment)
    (clicked,) = Event.objects.cards_clicked(NOW, 2, orders.account_buyers())
    assert clicked.week == week
    assert not list(Event.objects.cards_clicked(NOW - timedelta(seconds=seconds), 2, orders.account_buyers()))


def report(capsys, **options):
    call_command("personalization_evaluate", task=["home"], signals=True, verbosity=0, **options)
    return capsys.readouterr().out


@pytest.mark.django_db
def test_the_report_says_that_there_is_too_little(capsys):
    shop.even_and_odd(weeks=9)
    said = report(capsys)
    assert "\nViews: none to learn from.\n" in said
    assert "Clicks over expected clicks: too few yet (0 cards seen, 0 clicks; from 5,000 cards on)." in said


@pytest.mark.django_db
def test_the_report_says_what_clicks_and_views_are_worth(capsys):
    habits_in_tables.habits_shop()
    keys = list(Product.objects.values_list("pk", flat=True))
    chance, at = random.Random(4), datetime.now(UTC) - timedelta(days=40)
    customers = [Visitor.objects.get_or_create_customer(pk) for pk in User.objects.values_list("pk", flat=True)]
    slate = {"slate_id": "8d0c7a36-1f8e-4a44-9d0a-0c7a361f8e4a", "surface": "home", "row_key": "trending"}
    events = []
    for number in range(12 * len(customers)):
        common = {"visitor": customers[number % len(customers)], **slate}
        common["occurred_at"] = common["received_at"] = at + timedelta(days=7 * (number % 2))
        items = [[key, place] for place, key in enumerate(chance.sample(keys, 6))]
        events.append(Event(event_id=uuid4(), type="view_item_list", items=items, **common))
        if number % 5 == 0:
            key, place = items[0]
            clicked = {"product_id": key, "position": place}
            events.append(Event(event_id=uuid4(), type="select_item", **clicked, **common))
    viewed = {"type": "view_item", "occurred_at": at, "received_at": at}
    events += [Event(event_id=uuid4(), visitor=one, product_id=keys[0], **viewed) for one in customers[:20]]
    Event.objects.bulk_create(events)
    said = report(capsys)
    assert "Views, Home page: NDCG@10 1.0000 without, 1.0000 with, ± 0.0000." in said
    assert "Clicks over expected clicks, Home page: NDCG@10 1.0000 without, " in said
    assert re.search(r"\(\d+,\d{3} cards seen, \d+ clicks\)\.", said)
