"""Only days that received or lost events are counted again, and yet all totals are those of a count from scratch."""

import os
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from personalization.models import DailyTotal, Event, ProductWeek, SweepTurn, UncountedDay, Visitor
from personalization.privacy import identity, retention
from personalization.privacy.requester import Requester
from personalization.privacy.retention import LATE_DAYS, ONE_DAY, apply_retention, local_day, roll_up_days
from tests.collect.stored_events import NOW, store_dated_event

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("UNCOUNTED_RUNS", "6"))
PEOPLE = st.sampled_from((0, 1))
AGES = st.sampled_from((0.0, 0.2, 0.9, 1.1, 2.0, 3.2, 5.0, 7.0))
DEEDS = {
    "view_item": {"product_id": 1},
    "select_item": {"product_id": 1, "surface": "home", "row_key": "new_in", "reason": "new_in"},
    "add_to_cart": {"product_id": 1},
    "view_item_list": {"items": [[1, 0, "new"], [2, 1, "new"]], "surface": "home", "row_key": "new_in"},
    "search": {"query": "tea"},
}


class Killed(Exception):
    pass


def killed_after(days):
    def progress(stream, _label, _length):
        for number, day in enumerate(stream):
            if number == days:
                raise Killed
            yield day

    return progress


class CountedShop(RuleBasedStateMachine):
    """Two accounts, each with a browser in which it is not signed in yet, and a clock that goes on."""

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now = NOW
        self.users = [User.objects.create_user(f"person{n}") for n in (0, 1)]
        self.accounts = [self.agreeing(user=user) for user in self.users]
        self.browsers = [self.agreeing(), self.agreeing()]
        store_dated_event(self.browsers[0], "view_item", 8, product_id=1)

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def agreeing(self, **fields):
        return Visitor.objects.create(consent="granted", consented_at=NOW - timedelta(days=30), **fields)

    @rule(person=PEOPLE, deed=st.sampled_from(sorted(DEEDS)), age=AGES, is_browser=st.booleans())
    def do(self, person, deed, age, is_browser):
        visitor = (self.browsers if is_browser else self.accounts)[person]
        at = self.now - timedelta(days=age)
        event = store_dated_event(visitor, deed, **DEEDS[deed])
        Event.objects.filter(pk=event.pk).update(occurred_at=at, received_at=self.now)

    @rule(hours=st.sampled_from((1, 5, 24, 70)))
    def wait(self, hours):
        self.now += timedelta(hours=hours)

    @rule(person=PEOPLE)
    def sign_in(self, person):
        requester = Requester(user=self.users[person], visitor_id=self.browsers[person].pk)
        identity.merge_into_account(requester, self.now, agreed_in_session=False)
        self.browsers[person] = self.agreeing()

    @rule(person=PEOPLE)
    def erase(self, person):
        Visitor.objects.erase([self.browsers[person].pk])
        self.browsers[person] = self.agreeing()

    @rule(person=PEOPLE)
    def delete_account(self, person):
        self.users[person].delete()
        self.users[person] = User.objects.create_user(f"person{uuid4()}")
        self.accounts[person] = self.agreeing(user=self.users[person])

    @rule(person=PEOPLE, kind=st.sampled_from(("like", "searches", "views", "withdrawn", "sensitive")))
    def delete_some(self, person, kind):
        events = Event.objects.for_visitor(self.accounts[person].pk)
        if kind == "like":
            events.delete_like(events.values_list("event_id", flat=True).first())
        elif kind == "searches":
            events.delete_searches()
        elif kind == "views":
            events.delete_all_but_searches()
        elif kind == "sensitive":
            list(Event.objects.delete_for_products([1]))
        else:
            Visitor.objects.filter(pk=self.browsers[person].pk).update(consent="withdrawn")
            list(Event.objects.delete_withdrawn())
            Visitor.objects.filter(pk=self.browsers[person].pk).update(consent="granted")

    @rule(days=st.integers(0, 2))
    def begin_to_count(self, days):
        with suppress(Killed):
            roll_up_days(self.now, progress=killed_after(days))

    @precondition(lambda self: Event.objects.exists())
    @rule(drops=st.booleans())
    def count(self, drops):
        if drops:
            apply_retention(self.now)
        else:
            roll_up_days(self.now)
        assert not UncountedDay.objects.filter(date__lte=local_day(self.now)).exists()
        counted = self.totals()
        with transaction.atomic():
            today = local_day(self.now)
            roll_up_days(self.now, [today - ago * ONE_DAY for ago in range(LATE_DAYS + 1)])
            assert self.totals() == counted
            transaction.set_rollback(True)

    def totals(self):
        return [
            sorted(rows.values_list(*(field.name for field in rows.model._meta.fields if not field.primary_key)))
            for rows in (DailyTotal.objects.all(), ProductWeek.objects.all())
        ]


def test_totals_are_those_of_a_count_from_scratch_whatever_came_late_or_went():
    chances = {"max_examples": RUNS, "stateful_step_count": 14, "deadline": None, "phases": [Phase.generate]}
    run_state_machine_as_test(
        CountedShop, settings=effort(**chances, suppress_health_check=list(HealthCheck), database=None)
    )


def test_a_night_counts_two_days_and_asks_for_no_other():
    anna = Visitor.objects.create()
    for hours in range(0, 20 * 24, 4):
        store_dated_event(anna, "view_item", 20 - hours / 24, product_id=1)
    roll_up_days(NOW)
    store_dated_event(anna, "view_item", -0.2, product_id=1)
    store_dated_event(anna, "view_item", -0.9, product_id=1)
    with CaptureQueriesContext(connection) as asked:
        assert roll_up_days(NOW + ONE_DAY) == 2
    assert len(asked) < 110
    assert roll_up_days(NOW + ONE_DAY) == 0


def test_what_went_from_a_day_that_is_over_stays_counted():
    anna = Visitor.objects.create()
    for days in (3, 12):
        store_dated_event(anna, "view_item", days, product_id=1)
    roll_up_days(NOW)
    with transaction.atomic():
        Visitor.objects.erase([anna.pk])
    assert roll_up_days(NOW + timedelta(hours=2)) == 1
    assert not UncountedDay.objects.exists()
    assert set(DailyTotal.objects.values_list("date", flat=True)) == {(NOW - timedelta(days=12)).date()}


def test_an_installation_that_noted_nothing_counts_nine_days_once():
    store_dated_event(Visitor.objects.create(), "view_item", 20, product_id=1)
    store_dated_event(Visitor.objects.create(), "view_item", 0, product_id=1)
    roll_up_days(NOW)
    SweepTurn.objects.filter(kind=retention.ROLL_UP).delete()
    later = NOW + timedelta(hours=2)
    assert [retention.rows_due(later).days, roll_up_days(later), roll_up_days(later)] == [9, 9, 0]


def test_a_late_click_is_heard_by_the_day_of_the_basket_that_it_led_to():
    anna = Visitor.objects.create()
    store_dated_event(anna, "add_to_cart", 3, product_id=1)
    roll_up_days(NOW)
    click = store_dated_event(anna, "select_item", 3.8, received_at=NOW, **DEEDS["select_item"])
    added = DailyTotal.objects.filter(type="add_to_cart", product_id=1)
    for event, surface in ((None, "home"), (click.event_id, "")):
        if event:
            Event.objects.for_visitor(anna.pk).filter(pk=click.pk).delete_like(event)
        roll_up_days(NOW)
        assert list(added.values_list("surface", flat=True)) == [surface]


def test_what_a_browser_did_before_signing_in_is_a_customers_though_it_was_counted():
    anna = User.objects.create_user("anna")
    Visitor.objects.create(user=anna, consent="granted", consented_at=NOW)
    browser = Visitor.objects.create(consent="granted", consented_at=NOW)
    for hours in (6, 5.8, 5.6, 5.4, 5.2, 5):
        store_dated_event(browser, "view_item", hours / 24, product_id=1)
    store_dated_event(Visitor.objects.create(), "search", 4 / 24, query="tea")
    roll_up_days(NOW - timedelta(hours=2))
    moment = NOW - timedelta(hours=4.8)
    identity.merge_into_account(Requester(user=anna, visitor_id=browser.pk), moment, agreed_in_session=False)
    roll_up_days(NOW)
    views = DailyTotal.objects.filter(type="view_item", product_id=0)
    assert list(views.values_list("is_customer", "event_count")) == [(True, 6)]
