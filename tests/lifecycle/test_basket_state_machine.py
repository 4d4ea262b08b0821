"""Whatever people do with baskets, orders and permissions: no reminder of what was bought, sold out or ended."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from oscar.apps.basket.models import Basket, Line

from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.lifecycle.unsubscribe import UnsubscribeLink, end_messages
from personalization.models import Suppression
from personalization.privacy import identity
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import leave_basket, send_kind
from tests.lifecycle.scripted_backend import Killed, ScriptedBackend
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("MESSAGE_RUNS", "10"))
MOST_TRIES = 5
"""What is tried is left to chance: once in a while all of it ends before a mail goes out."""
TITLES = ("Tea", "Coffee", "Jam")
PEOPLE, PRODUCTS = st.sampled_from((0, 1)), st.sampled_from(range(len(TITLES)))
ANSWERS = st.sampled_from(("taken", "taken", "busy", "refused", "lost", "killed before", "killed after"))
NEVER = datetime.min.replace(tzinfo=UTC)


class BasketShop(RuleBasedStateMachine):
    """Keeps what was put into which basket when, and what ended it."""

    mails = 0
    """How many went out in all runs."""

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        mail.outbox = []
        self.now = datetime(2026, 3, 27, 9, tzinfo=UTC)
        self.products = [shop.create_shop_product(title, stock=2) for title in TITLES]
        self.users = [User.objects.create_user(name, f"{name}@example.com", "x") for name in ("anna", "bert")]
        self.allowed, self.stopped, self.refused = [self.now] * 2, [NEVER] * 2, set()
        for user in self.users:
            allow(user, at=self.now, purpose="reminders")
        self.stock = [2] * len(TITLES)
        self.bought, self.put_in, self.changed = {}, {}, {}

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def tick(self, minutes=1):
        self.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from((10, 60, 250, 600, 1500, 3000)))
    def time_passes(self, minutes):
        self.tick(minutes)
        self.workers_run(0, [])

    @rule(product=PRODUCTS, pieces=st.sampled_from((0, 1, 5)))
    def stock_changes(self, product, pieces):
        self.tick()
        alerts.set_stock(self.products[product], pieces)
        self.stock[product] = pieces

    @rule(person=PEOPLE, products=st.sets(PRODUCTS, min_size=1), then=st.sampled_from((0, 250, 270, 300, 3000)))
    def somebody_leaves_a_basket(self, person, products, then):
        """Instead of the one that they had. Some minutes pass."""
        self.tick()
        Basket.objects.filter(owner=self.users[person], status="Open").update(status="Merged")
        available = [one for one in sorted(products) if self.stock[one]]
        leave_basket(self.users[person], [self.products[one] for one in available], at=self.now)
        self.put_in[person], self.changed[person] = dict.fromkeys(available, self.now), self.now
        self.tick(then)
        self.workers_run(0, [])

    @rule(person=PEOPLE)
    def somebody_empties_it(self, person):
        self.tick()
        Line.objects.filter(basket__owner=self.users[person], basket__status="Open").delete()
        self.put_in[person] = {}

    @rule(person=PEOPLE, product=PRODUCTS)
    def somebody_buys(self, person, product):
        self.tick()
        order = shop.create_past_order(self.users[person], [self.products[product]])
        type(order).objects.filter(pk=order.pk).update(date_placed=self.now)
        self.bought[person, product] = self.now

    @rule(person=PEOPLE)
    def somebody_allows_reminders(self, person):
        self.tick()
        allow(self.users[person], at=self.now, purpose="reminders")
        self.allowed[person] = self.now

    @rule(person=PEOPLE, everything=st.booleans())
    def somebody_unsubscribes(self, person, everything):
        self.tick()
        link = UnsubscribeLink(hash_address(self.users[person].email), "reminders", "")
        end_messages(link, self.now, everything=everything)
        self.stopped[person] = self.now

    @rule(person=PEOPLE)
    def somebody_is_erased(self, person):
        self.tick()
        identity.erase_customer(self.users[person].pk, self.now)
        self.stopped[person] = self.now

    @rule(person=PEOPLE)
    def somebody_complains(self, person):
        self.tick()
        Suppression.objects.suppress(hash_address(self.users[person].email), "complained", self.now)
        self.refused.add(person)

    @rule(minutes=st.sampled_from((0, 30)), answers=st.lists(ANSWERS, max_size=3))
    def workers_run(self, minutes, answers):
        sweep_messages(self.now)
        self.tick(minutes)
        ScriptedBackend.answers, before = list(answers), len(mail.outbox)
        with suppress(Killed):
            send_messages(limit=100, clock=lambda: self.now)
        for sent in mail.outbox[before:]:
            self.check_mail(sent)

    def check_mail(self, sent):
        person = [user.email for user in self.users].index(sent.to[0])
        BasketShop.mails += 1
        assert 8 <= self.now.hour < 20
        assert self.allowed[person] > self.stopped[person] and person not in self.refused
        assert self.now - self.changed[person] >= timedelta(hours=4)
        named = {one for one, title in enumerate(TITLES) if f" x {title}, " in sent.body}
        there = {
            one
            for one, at in self.put_in[person].items()
            if self.stock[one] and self.bought.get((person, one), NEVER) < at
        }
        assert named == there != set()
        mentioned = {one for one, title in enumerate(TITLES) if title in sent.body + sent.alternatives[0].content}
        assert mentioned == named


def test_each_reminder_is_of_what_still_lies_there_and_was_allowed(settings, monkeypatch):
    send_kind(settings, monkeypatch, "basket_left", MESSAGE_QUIET_FROM=20, MESSAGE_QUIET_UNTIL=8)
    settings.EMAIL_BACKEND = "tests.lifecycle.scripted_backend.ScriptedBackend"
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    machine_settings = effort(max_examples=RUNS, stateful_step_count=40, deadline=None, suppress_health_check=checks)
    for _ in range(MOST_TRIES):
        run_state_machine_as_test(BasketShop, settings=machine_settings)
        if BasketShop.mails:
            return
    raise AssertionError("no mail went out, so nothing was tried")
