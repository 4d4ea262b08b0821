"""Whatever people, stock, clocks, mail servers and killed workers do: no message twice, none in vain, none unwanted."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from oscar.apps.communication.models import Notification
from oscar.apps.customer.models import ProductAlert

from personalization.lifecycle import in_shop, sending
from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.lifecycle.unsubscribe import UnsubscribeLink, end_messages
from personalization.merchandising import publishing
from personalization.models import Definition, Delivery
from personalization.privacy import identity
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts
from tests.lifecycle.scripted_backend import Killed, ScriptedBackend
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("MESSAGE_RUNS", "10"))
MOST_TRIES = 50
"""What is tried is left to chance: once in a while all of it ends before a mail goes out."""
PEOPLE = st.sampled_from((0, 1, 2))
GUEST = 2
PRODUCTS = st.sampled_from((0, 1))
ANSWERS = st.sampled_from(("taken", "taken", "busy", "refused", "lost", "killed before", "killed after"))
MEANWHILE = st.sampled_from(("nothing", "nothing", "nothing", "bought", "unsubscribed", "erased", "sold out", "paused"))
LONGEST_WAIT = timedelta(days=4)


class Shop(RuleBasedStateMachine):
    """Keeps who asked for what when, and what ended it; each mail that goes out must follow from that."""

    mails = notices = 0
    """How many went out, or were seen in an inbox, in all runs."""

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        mail.outbox = []
        self.now = datetime(2026, 3, 27, 9, tzinfo=UTC)
        self.message = alerts.publish_message(channels=["email", "shop"])
        self.products = [shop.create_shop_product(title, stock=2) for title in ("Tea", "Coffee")]
        names = ("anna", "bert")
        self.users = [User.objects.create_user(name, f"{name}@example.com", "x") for name in names]
        self.addresses = ["anna@example.com", "bert@example.com", "guest@example.com"]
        self.asked = {(person, product): [] for person in range(3) for product in range(2)}
        self.bought, self.stopped, self.ended = {}, {}, {}
        self.stock = [[(self.now, 2)] for _ in self.products]
        self.sent, self.erased = [], {}

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def tick(self, minutes=1):
        self.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from((10, 31, 60, 600, 1500)))
    def time_passes(self, minutes):
        self.tick(minutes)
        self.work([])

    @rule(product=PRODUCTS, pieces=st.sampled_from((0, 1, 2, 3, 5)))
    def stock_changes(self, product, pieces):
        self.tick()
        alerts.set_stock(self.products[product], pieces)
        self.stock[product].append((self.now, pieces))

    @rule(pairs=st.lists(st.tuples(PEOPLE, PRODUCTS), min_size=1, max_size=6, unique=True))
    def some_ask(self, pairs):
        for person, product in pairs:
            self.tick()
            self.ask(person, product)

    @rule(person=PEOPLE, product=PRODUCTS, meanwhile=MEANWHILE, answers=st.lists(ANSWERS, max_size=4))
    def somebody_asks_by_day(self, person, product, meanwhile, answers):
        """While there is stock, so that there is something to send."""
        self.now = (self.now + timedelta(days=1)).replace(hour=10)
        self.stock_changes(product, 3)
        self.ask(person, product)
        self.workers_run(meanwhile, person, product, answers)

    def ask(self, person, product):
        who = {"email": self.addresses[GUEST]} if person == GUEST else {"user": self.users[person]}
        if ProductAlert.objects.filter(**who, product=self.products[product], status=ProductAlert.ACTIVE).exists():
            return
        alert = ProductAlert.objects.create(**who, product=self.products[product])
        if person == GUEST:
            alert.confirm()
        confirmed = self.now if person == GUEST else None
        ProductAlert.objects.filter(pk=alert.pk).update(date_created=self.now, date_confirmed=confirmed)
        self.asked[person, product].append(self.now)

    @rule(person=PEOPLE, product=PRODUCTS)
    def somebody_buys(self, person, product):
        self.tick()
        order = shop.create_past_order(None if person == GUEST else self.users[person], [self.products[product]])
        type(order).objects.filter(pk=order.pk).update(
            date_placed=self.now, guest_email=self.addresses[GUEST] if person == GUEST else ""
        )
        self.bought[person, product] = self.now

    @rule(person=PEOPLE, everything=st.booleans())
    def somebody_unsubscribes(self, person, everything):
        self.tick()
        link = UnsubscribeLink(hash_address(self.addresses[person]), "asked_for", "")
        end_messages(link, self.now, everything=everything)
        self.stopped[person] = self.now
        if everything:
            self.ended[person] = self.now

    @rule(person=st.sampled_from((0, 1)), number=st.integers(0, 3))
    def somebody_reads(self, person, number):
        """So that what is untrue later stays."""
        unread = Notification.objects.filter(recipient=self.users[person], date_read=None).order_by("pk")
        Notification.objects.filter(pk__in=unread[number : number + 1]).update(date_read=self.now)

    @rule(person=st.sampled_from((0, 1)))
    def somebody_is_erased(self, person):
        self.tick()
        identity.erase_customer(self.users[person].pk, self.now)
        self.stopped[person] = self.erased[person] = self.ended[person] = self.now
        assert not Notification.objects.filter(recipient=self.users[person]).exists()

    @rule(meanwhile=MEANWHILE, person=PEOPLE, product=PRODUCTS, answers=st.lists(ANSWERS, max_size=4))
    def workers_run(self, meanwhile, person, product, answers):
        """Two of them half an hour apart, in which something may happen."""
        self.work([])
        if meanwhile == "bought":
            self.somebody_buys(person, product)
        elif meanwhile == "unsubscribed":
            self.somebody_unsubscribes(person, everything=False)
        elif meanwhile == "erased" and person != GUEST:
            self.somebody_is_erased(person)
        elif meanwhile == "sold out":
            self.stock_changes(product, 0)
        elif meanwhile == "paused":
            publishing.pause(self.message, None)
        self.tick(30)
        self.work(answers)
        if meanwhile == "paused":
            publishing.resume(self.message, None)

    def work(self, answers):
        self.tick()
        ScriptedBackend.answers = list(answers)
        before = len(mail.outbox)
        try:
            sweep_messages(self.now)
            send_messages(limit=100, clock=lambda: self.now)
        except Killed:
            pass
        for sent in mail.outbox[before:]:
            self.check_mail(sent)
        self.check_inboxes()

    def check_inboxes(self):
        """What nobody has read is true and wanted after each run, and nobody was told more often than they asked."""
        never = datetime.min.replace(tzinfo=UTC)
        told = Counter()
        for one in Notification.objects.all():
            person = self.users.index(one.recipient)
            product = ("Tea", "Coffee").index(one.subject.split()[0])
            told[person, product] += 1
            Shop.notices += 1
            if one.date_read is None and one.pk in self.told_now():
                asked = self.asked[person, product][-1]
                assert self.stock[product][-1][1] > 0
                assert asked > self.bought.get((person, product), never)
                assert asked > self.ended.get(person, never)
        for key, times in told.items():
            assert times <= len(self.asked[key])
        rows = Delivery.objects.values_list("dedupe", "channel")
        assert len(rows) == len(set(rows))

    def told_now(self):
        return set(Delivery.objects.filter(state="sent", channel="shop").values_list("notification_id", flat=True))

    def check_mail(self, sent):
        person = self.addresses.index(sent.to[0])
        product = ("Tea", "Coffee").index(sent.subject.split()[0])
        asked = self.asked[person, product]
        self.sent.append((self.now, person, product))
        Shop.mails += 1
        assert 8 <= self.now.hour < 20
        assert Definition.objects.get().state == "live"
        assert self.stock[product][-1][1] > 0
        assert asked[-1] > self.bought.get((person, product), datetime.min.replace(tzinfo=UTC))
        assert asked[-1] > self.stopped.get(person, datetime.min.replace(tzinfo=UTC))
        assert sum(each[1:] == (person, product) for each in self.sent) <= len(asked)
        on_one_day = sum(each[2] == product and self.is_recent_and_stored(*each[:2]) for each in self.sent)
        assert on_one_day <= self.most_pieces_since(product, self.now - LONGEST_WAIT)
        assert not Delivery.objects.filter(pk=sent.extra_headers["Message-ID"][1:37], state__in=["due", "skipped"])

    def is_recent_and_stored(self, at, person):
        """Whether a mail counts when the next people are chosen. Nobody knows any more that who was erased got one."""
        return at > max(self.now - timedelta(days=1), self.erased.get(person, at - timedelta(days=1)))

    def most_pieces_since(self, product, moment):
        changes = self.stock[product]
        earlier = [pieces for at, pieces in changes if at <= moment][-1:]
        return max([*earlier, *(pieces for at, pieces in changes if at > moment)])


def test_each_message_follows_from_what_was_asked_and_what_ended_it(settings, monkeypatch):
    monkeypatch.setattr(in_shop, "RECHECK_EVERY", timedelta(0))
    monkeypatch.setattr(sending, "RECHECK_EVERY", timedelta(0))
    alerts.switch_on(settings, MESSAGE_QUIET_FROM=20, MESSAGE_QUIET_UNTIL=8)
    settings.EMAIL_BACKEND = "tests.lifecycle.scripted_backend.ScriptedBackend"
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    machine_settings = effort(max_examples=RUNS, stateful_step_count=40, deadline=None, suppress_health_check=checks)
    for _ in range(MOST_TRIES):
        run_state_machine_as_test(Shop, settings=machine_settings)
        if Shop.mails and Shop.notices:
            return
    raise AssertionError("no mail or no notification went out, so nothing was tried")
