"""Who comes often is told in the shop first, and a mail goes out at the hour at which its reader is there."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from personalization.lifecycle import best_moments
from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Definition, Delivery, Event, Visitor
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.test_in_shop import BOTH, consenting, states

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""


def came(user, *moments):
    visitor = Visitor.objects.get(user=user)
    Event.objects.bulk_create(
        Event(event_id=uuid.uuid4(), visitor=visitor, type="product_view", occurred_at=at, received_at=at)
        for at in moments
    )


def weekly(user, days=4, hour=18, times=8):
    came(user, *(NOON.replace(hour=hour) - timedelta(days=days * n + 1) for n in range(times)))


def run(at):
    sweep_messages(at)
    return send_messages(limit=50, clock=lambda: at)


@pytest.fixture
def publish(greetings):
    Definition.objects.all().delete()
    return lambda **document: alerts.publish_message("greeting", **document)


def permitted(name):
    user = consenting(name)
    allow(user, at=NOON - timedelta(days=100))
    return user


def test_who_comes_often_is_mailed_only_after_two_of_their_pauses(publish):
    publish(channels=BOTH, first_in_shop=True)
    anna, bert = permitted("anna"), permitted("bert")
    weekly(anna)
    weekly(bert, days=9)
    assert run(NOON).sent == 3 and [one.to for one in mail.outbox] == [[bert.email]]
    assert dict(run(NOON + timedelta(days=7)).waiting) == {}
    assert run(NOON + timedelta(days=8, minutes=1)).sent == 1 and mail.outbox[-1].to == [anna.email]
    rows = Delivery.objects.filter(channel="email").order_by("user_id").values_list("shop_first", "hour_rule")
    assert list(rows) == [(True, ""), (False, "")]


def test_who_read_it_in_the_shop_gets_no_mail(publish):
    publish(channels=BOTH, first_in_shop=True)
    anna = permitted("anna")
    weekly(anna)
    run(NOON)
    anna.notifications.update(date_read=NOON)
    assert dict(run(NOON + timedelta(days=9)).skipped) == {"read_in_shop": 1}
    assert mail.outbox == [] and states() == ["email skipped read_in_shop", "shop sent"]


def test_a_mail_waits_for_the_readers_own_hour_and_caps_are_asked_then(publish):
    publish(best_hour=True)
    anna = permitted("anna")
    came(anna, *(NOON.replace(hour=18) - timedelta(days=7 * n) for n in range(1, 7)))
    assert dict(run(NOON).waiting) == {"best_hour": 1}
    row = Delivery.objects.get()
    assert (row.due_at, row.hour_rule) == (NOON.replace(hour=18), "own")
    sent = NOON + timedelta(hours=5)
    Delivery.objects.create(
        dedupe="x", kind="x", user=anna, address_hash=row.address_hash, state="sent", sent_at=sent, created_at=sent,
        due_at=sent,
    )  # fmt: skip
    assert dict(run(NOON.replace(hour=18)).waiting) == {"capped": 1}
    assert run(sent + timedelta(hours=25)).sent == 1


def test_of_whom_little_is_known_the_shops_hour_counts(publish):
    publish(best_hour=True)
    anna, others = permitted("anna"), [consenting(f"user{n}") for n in range(6)]
    came(anna, *(NOON.replace(hour=18) - timedelta(days=7 * n) for n in range(1, 4)))
    for other in others:
        came(other, *(NOON.replace(hour=21) - timedelta(days=7 * n) for n in range(1, 4)))
    Delivery.objects.all().delete()
    run(NOON)
    row = Delivery.objects.get(user=anna)
    assert (row.due_at.hour, row.hour_rule) == (21, "shop")


def test_the_hour_is_never_one_of_the_night_and_unknown_habits_wait_for_nothing(publish, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_QUIET_FROM": 20, "MESSAGE_QUIET_UNTIL": 8}
    night = Counter({hour: 9 for hour in range(168) if hour % 24 in (21, 3)} | {14 + 48: 1})
    assert best_moments.best_hour((), night, NOON, Delivery()) == NOON.replace(hour=14)
    assert best_moments.best_hour((), Counter(), NOON, Delivery()) is None


def test_both_are_off_unless_a_message_says_so(publish, django_assert_num_queries):
    message = publish(channels=BOTH)
    anna = permitted("anna")
    weekly(anna)
    assert run(NOON).sent == 2 and Definition.objects.get() == message
    assert set(Delivery.objects.values_list("shop_first", "hour_rule")) == {(None, "")}


def test_visits_are_told_apart_by_half_an_hour():
    moments = [NOON + timedelta(minutes=m) for m in (0, 20, 45, 120, 125)]
    assert best_moments.visit_starts(moments) == [NOON, NOON + timedelta(minutes=120)]
