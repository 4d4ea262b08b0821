"""Clicks over expected clicks: what is left of clicks when places are taken out."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from oscar.apps.catalogue.models import Product

from personalization.models import Consent, Event, Visitor
from personalization.models.shown_events import CardCount
from personalization.train.click_ratios import MAX_RATIO, MIN_CARDS_SEEN, click_ratios
from tests.collect.stored_events import NOW, store_dated_event
from tests.shops import factories as shop
from tests.shops import habits_in_tables

RATES = (0.2, 0.1, 0.05, 0.02)
"""How likely a card is clicked on in each place, whatever it shows."""


def shown(places, taste, cards=4_000):
    """What is seen and clicked on: each product stands in its place, and is clicked on by its rate times its taste."""
    seen = [CardCount(key, place, "home", "phone", cards) for key, place in places.items()]
    clicks = [
        CardCount(key, place, "home", "phone", round(cards * RATES[place] * taste[key]))
        for key, place in places.items()
    ]
    return seen, clicks


def test_a_place_explains_clicks_and_is_no_merit():
    one, two = shown({1: 0, 2: 3}, {1: 1.0, 2: 1.0})
    other, more = shown({3: 0, 4: 3}, {3: 1.0, 4: 1.0})
    found = click_ratios([*one, *other], [*two, *more])
    assert found.has_enough
    assert [found.ratio[key] for key in (1, 2, 3, 4)] == pytest.approx([1.0] * 4, abs=0.15)


def test_what_is_liked_more_than_its_neighbours_stands_out_wherever_it_stands():
    places = dict(enumerate([0, 0, 0, 3, 3, 3]))
    taste = {0: 0.5, 1: 1.0, 2: 1.5, 3: 0.5, 4: 1.0, 5: 1.5}
    found = click_ratios(*shown(places, taste))
    rough = [found.ratio[key] for key in range(6)]
    assert rough == pytest.approx([0.5, 1.0, 1.5, 0.6, 1.0, 1.4], abs=0.12)


def test_few_clicks_say_little_and_no_ratio_is_beyond_its_bounds():
    seen = [CardCount(1, 0, "home", "", 10), CardCount(2, 0, "home", "", 10_000), CardCount(3, 0, "home", "", 10_000)]
    found = click_ratios(seen, [CardCount(1, 0, "home", "", 3), CardCount(3, 0, "home", "", 9_000)])
    assert 0.9 < found.ratio[1] < 1.1
    assert 1 / MAX_RATIO <= found.ratio[2] < 0.3 and 1 < found.ratio[3] <= MAX_RATIO
    assert found.of_products(np.array([3, 99])).tolist() == [found.ratio[3], 1.0]


def test_a_product_that_is_clicked_on_a_hundred_times_too_often_counts_five_times():
    seen = [CardCount(key, 0, "home", "", 100) for key in range(1_000)]
    assert click_ratios(seen, [CardCount(7, 0, "home", "", 100_000)]).ratio[7] == MAX_RATIO


def test_below_the_floor_nothing_is_worked_out():
    few = [CardCount(1, 0, "home", "", MIN_CARDS_SEEN - 1)]
    assert click_ratios(few, [CardCount(1, 0, "home", "", 9)]).ratio == {}
    assert not click_ratios([CardCount(1, 0, "home", "", MIN_CARDS_SEEN)], []).has_enough


@pytest.mark.django_db
def test_only_what_consenting_people_saw_of_our_rows_is_counted():
    anna, left = Visitor.objects.create(), Visitor.objects.create(consent=Consent.WITHDRAWN)
    slate = {"slate_id": "8d0c7a36-1f8e-4a44-9d0a-0c7a361f8e4a", "surface": "home", "row_key": "trending"}
    items = [[3, 0, "trending"], [5, 1, "trending", None, 0.05]]
    for visitor, fields in ((anna, {}), (anna, {}), (left, {}), (anna, {"is_suspected_bot": True})):
        store_dated_event(visitor, "view_item_list", 2, items=items, device="phone", **slate, **fields)
        store_dated_event(visitor, "select_item", 2, product_id=5, position=1, device="phone", **slate, **fields)
    store_dated_event(anna, "view_item_list", 2, items=[[3, 0]])  # of no slate
    store_dated_event(anna, "view_item_list", 9, items=items, **slate)
    span = NOW - timedelta(days=3), NOW
    assert sorted(Event.objects.cards_seen(*span)) == [(3, 0, "home", "phone", 2), (5, 1, "home", "phone", 2)]
    assert Event.objects.cards_clicked(*span) == [(5, 1, "home", "phone", 2)]


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
    visitor, chance, at = Visitor.objects.create(), random.Random(4), datetime.now(UTC) - timedelta(days=40)
    slate = {"slate_id": "8d0c7a36-1f8e-4a44-9d0a-0c7a361f8e4a", "surface": "home", "row_key": "trending"}
    common = {"visitor": visitor, "occurred_at": at, "received_at": at, **slate}
    events = []
    for number in range(900):
        items = [[key, place] for place, key in enumerate(chance.sample(keys, 6))]
        events.append(Event(event_id=uuid4(), type="view_item_list", items=items, **common))
        if number % 5 == 0:
            key, place = items[0]
            clicked = {"product_id": key, "position": place}
            events.append(Event(event_id=uuid4(), type="select_item", **clicked, **common))
    customers = [Visitor.objects.get_or_create_customer(pk) for pk in User.objects.values_list("pk", flat=True)[:20]]
    viewed = {"type": "view_item", "occurred_at": at, "received_at": at}
    events += [Event(event_id=uuid4(), visitor=one, product_id=keys[0], **viewed) for one in customers]
    Event.objects.bulk_create(events)
    said = report(capsys)
    assert "Views, Home page: NDCG@10 1.0000 without, 1.0000 with, ± 0.0000." in said
    assert "Clicks over expected clicks, Home page: NDCG@10 1.0000 without, " in said
    assert "(5,400 cards seen, 180 clicks)." in said
