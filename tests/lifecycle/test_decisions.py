"""Whether a message is sent is decided once more when it is sent: allowed, not too many, not at night, held back."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from personalization.lifecycle.decisions import is_held_back
from personalization.lifecycle.kinds import back_in_stock
from personalization.lifecycle.pauses import SPREAD_MINUTES, end_of_cap, end_of_quiet
from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, Suppression
from personalization.models.deliveries import DeliveryState
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts, kinds
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop


def customer(name="anna"):
    return User.objects.create_user(name, f"{name}@example.com", "x")


pytestmark = pytest.mark.django_db


def outcome():
    return sorted((row.state, row.why) for row in Delivery.objects.all())


def run(at=None):
    at = at or timezone.now()
    sweep_messages(at)
    return send_messages(limit=100, clock=lambda: at)


def test_who_said_nothing_is_not_written_to(greetings):
    customer()
    run()
    assert outcome() == [("skipped", "no_permission")] and mail.outbox == []


def test_who_allowed_it_is(greetings):
    allow(customer())
    assert run().sent == 1
    assert mail.outbox[0].subject == "Hello anna"


def test_a_text_that_cannot_be_made_is_tried_again_when_it_is_mended(greetings, caplog):
    allow(customer())
    text = greetings.TEMPLATES[0]["DIRS"][0] / "personalization" / "messages" / "greeting.txt"
    written = text.read_text()
    text.write_text("{% nonsense %}")
    start = timezone.now()
    assert run(start).waiting == {"not_rendered": 1}
    assert outcome() == [("due", "not_rendered")] and mail.outbox == []
    assert "A message of kind greeting could not be made" in caplog.text
    text.write_text(written)
    assert run(start + timedelta(minutes=30)).sent == 0
    assert run(start + timedelta(minutes=61)).sent == 1


def test_one_that_never_can_be_made_is_given_up(greetings):
    allow(customer())
    (greetings.TEMPLATES[0]["DIRS"][0] / "personalization" / "messages" / "greeting.txt").write_text("{% nonsense %}")
    start = timezone.now()
    run(start)
    run(start + timedelta(days=4))
    assert outcome() == [("skipped", "too_old")]


def test_the_newest_word_counts(greetings):
    anna = customer()
    allow(anna, "granted")
    allow(anna, "withdrawn", at=timezone.now())
    run()
    assert outcome() == [("skipped", "no_permission")]


def test_permission_for_one_purpose_is_none_for_another(greetings):
    allow(customer(), purpose="reminders")
    run()
    assert outcome() == [("skipped", "no_permission")]


@pytest.mark.parametrize(("country", "sent"), [("AT", 1), ("DE", 0), ("", 0)])
def test_who_did_not_object_is_written_to_in_the_countries_that_the_shop_names(greetings, settings, country, sent):
    alerts.switch_on(settings, MESSAGE_SOFT_COUNTRIES=["AT"])
    allow(customer(), "soft", country=country)
    assert run().sent == sent


def test_permission_that_is_withdrawn_while_a_message_is_due_counts(greetings):
    anna = customer()
    allow(anna)
    sweep_messages(timezone.now())
    allow(anna, "withdrawn", at=timezone.now())
    send_messages(limit=100, clock=timezone.now)
    assert outcome() == [("skipped", "no_permission")]


@pytest.mark.parametrize(
    ("reason", "days_ago", "sent"),
    [("unsubscribed", 0, 0), ("unsubscribed", 2, 1), ("erased", 2, 1), ("bounced", 2, 0), ("complained", 2, 0)],
)
def test_only_what_somebody_ended_themselves_is_taken_back_by_allowing_it_anew(greetings, reason, days_ago, sent):
    anna = customer()
    allow(anna)
    ended_at = timezone.now() - timedelta(days=days_ago)
    Suppression.objects.suppress(hash_address(" Anna@Example.com"), reason, ended_at)
    assert run().sent == sent


def test_staff_children_and_closed_accounts_are_not_written_to(greetings, settings):
    settings.PERSONALIZATION["IS_CHILD_CALLABLE"] = "tests.lifecycle.test_decisions.is_bert"
    for name, columns in (("anna", {"is_staff": True}), ("bert", {}), ("carl", {"is_active": False})):
        allow(customer(name))
        User.objects.filter(username=name).update(**columns)
    run()
    assert outcome() == [("skipped", "child"), ("skipped", "no_address"), ("skipped", "staff")]


def is_bert(user):
    return user.username == "bert"


def test_one_message_a_day_three_a_week_eight_a_month(greetings, monkeypatch):
    monkeypatch.setattr(kinds.greeting, "topics", tuple(f"topic{n}" for n in range(40)))
    monkeypatch.setattr(kinds.greeting, "give_up", timedelta(days=100))
    allow(customer(), at=timezone.now() - timedelta(days=100))
    start, sent_on = datetime(2026, 5, 1, 12, tzinfo=UTC), []
    for hour in range(0, 24 * 31, 6):
        sent_on += [hour] * run(start + timedelta(hours=hour)).sent
    assert len(sent_on) == 8 + 1  # the window of the first ends with the 30th day
    gaps = [later - earlier for earlier, later in pairwise(sent_on)]
    assert min(gaps) >= 24
    assert all(later - earlier >= 24 * 7 for earlier, later in zip(sent_on, sent_on[3:], strict=False))


def test_what_is_put_off_for_too_long_is_not_sent(greetings, monkeypatch):
    monkeypatch.setattr(kinds.greeting, "topics", ("spring", "summer"))
    monkeypatch.setattr(kinds.greeting, "give_up", timedelta(hours=20))
    allow(customer())
    assert (run().sent, outcome()) == (1, [("sent", ""), ("skipped", "capped")])


def test_what_somebody_asked_for_is_outside_the_caps_and_counts_for_the_others(greetings, monkeypatch):
    first, second = (shop.create_shop_product(title, stock=5) for title in ("Tea", "Coffee"))
    anna, _ = alerts.waiting_customer("anna", first)
    alerts.dated(second.productalert_set.create(user=anna), 60)
    allow(anna)
    at = timezone.now()
    sweep_messages(at)
    result = send_messages(limit=100, clock=lambda: at + alerts.SOON)
    assert (result.sent, dict(result.waiting)) == (2, {"capped": 1})
    assert [sent.subject for sent in mail.outbox] == ["Tea is back in stock", "Coffee is back in stock"]


def test_the_same_tenth_is_held_back_whatever_is_due(greetings, monkeypatch):
    hashes = [hash_address(f"{n}@example.com") for n in range(2000)]
    held_back = {each for each in hashes if is_held_back(kinds.greeting, each, 0.1)}
    assert 160 < len(held_back) < 240
    assert held_back < {each for each in hashes if is_held_back(kinds.greeting, each, 0.2)}
    assert not any(is_held_back(back_in_stock.kind, each, back_in_stock.kind.hold_back) for each in hashes)
    monkeypatch.setattr(kinds.greeting, "hold_back", 1.0)
    allow(customer())
    run()
    assert [(row.state, row.why, row.arm) for row in Delivery.objects.all()] == [("skipped", "held_back", "held_back")]


def test_a_text_without_the_link_to_end_messages_is_not_sent(greetings, tmp_path):
    (tmp_path / "personalization" / "messages" / "greeting.html").write_text("<p>Hello</p>")
    allow(customer())
    run()
    assert outcome() == [("due", "not_rendered")] and mail.outbox == []


def berlin(*moment):
    return datetime(*moment, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (berlin(2026, 3, 28, 20, 0), berlin(2026, 3, 29, 8, 0)),  # an hour less, as clocks go forward
        (berlin(2026, 3, 29, 3, 30), berlin(2026, 3, 29, 8, 0)),
        (berlin(2026, 10, 24, 23, 0), berlin(2026, 10, 25, 8, 0)),  # an hour more
        (berlin(2026, 10, 25, 7, 59), berlin(2026, 10, 25, 8, 0)),
        (berlin(2026, 3, 28, 19, 59), None),
        (berlin(2026, 3, 29, 8, 0), None),
    ],
)
def test_nights_end_by_the_shops_clocks_also_when_these_are_changed(settings, moment, end):
    settings.TIME_ZONE = "Europe/Berlin"
    delivery = Delivery()
    found = end_of_quiet(moment.astimezone(UTC), delivery.pk)
    expected = end and end.astimezone(UTC) + timedelta(minutes=delivery.pk.int % SPREAD_MINUTES)
    assert (found and found.astimezone(UTC)) == expected


def test_a_message_that_is_due_at_night_goes_in_the_morning(greetings, settings):
    alerts.switch_on(settings, MESSAGE_QUIET_FROM=20, MESSAGE_QUIET_UNTIL=8)
    allow(customer(), at=datetime(2026, 1, 1, tzinfo=UTC))
    night = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)
    assert dict(run(night).waiting) == {"quiet": 1}
    assert run(night + timedelta(hours=8)).sent == 0
    assert run(night + timedelta(hours=10)).sent == 1


def test_without_quiet_hours_any_hour_will_do(switched_on):
    assert [end_of_quiet(datetime(2026, 5, 1, hour, tzinfo=UTC), Delivery().pk) for hour in range(24)] == [None] * 24


def test_nobody_is_capped_by_nothing():
    assert end_of_cap(timezone.now(), []) is None


@pytest.mark.django_db
def test_the_command_says_what_it_did_and_why_not(greetings, capsys):
    allow(customer("anna"))
    customer("bert")
    call_command("personalization_messages")
    assert capsys.readouterr().out == ("Done: 2 new messages due; 1 sent; 1 not sent (1 no permission (any more)).\n")


def test_the_command_says_when_a_setting_is_missing_or_nothing_is_live(settings, capsys):
    call_command("personalization_messages")
    assert capsys.readouterr().out.startswith(
        "Nothing was sent: MESSAGE_BASE_URL, MESSAGE_ADDRESS_KEY, MESSAGE_IMPRINT is not set."
    )
    alerts.switch_on(settings)
    call_command("personalization_messages")
    assert capsys.readouterr().out.startswith("No message is live in the dashboard")


@pytest.mark.django_db
def test_a_message_that_is_with_the_server_for_a_quarter_of_an_hour_is_given_up(switched_on):
    at = timezone.now()
    columns = {"kind": "back_in_stock", "created_at": at, "due_at": at, "state": DeliveryState.SENDING}
    for minutes in (14, 16):
        Delivery.objects.create(dedupe=str(minutes), lease_until=at + timedelta(minutes=15 - minutes), **columns)
    assert dict(send_messages(limit=10, clock=lambda: at).failed) == {"unknown": 1}
    assert outcome() == [("failed", "unknown"), ("sending", "")]
