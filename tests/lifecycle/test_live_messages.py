"""What is live decides what is sent: to whom, in which words, how many are held back, and nothing once it is paused."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone
from oscar.apps.catalogue.models import Product

from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.merchandising import documents, publishing
from personalization.models import CustomerFacts, Definition, Delivery
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea(settings):
    """A product that people wait for, in a shop where nothing is live."""
    alerts.switch_on(settings)
    return shop.create_shop_product("Tea", stock=5)


def outcome():
    return sorted((row.state, row.why) for row in Delivery.objects.all())


def buyer(name, orders):
    """A customer with so many orders, who waits for tea."""
    user, _ = alerts.waiting_customer(name, Product.objects.get())
    CustomerFacts.objects.create(user=user, kept_orders=orders, computed_at=timezone.now())
    return user


def test_nothing_is_sent_until_somebody_publishes_a_message(tea):
    alerts.waiting_customer("anna", tea)
    assert alerts.sweep_and_send().sent == 0 and not Delivery.objects.exists()
    draft = publishing.create("message", "Tea is back", {"kind": "back_in_stock"}, None)
    assert alerts.sweep_and_send().sent == 0
    publishing.publish(draft, None)
    assert alerts.sweep_and_send().sent == 1


def test_a_message_is_sent_from_its_start_to_its_end(tea):
    start = timezone.now()
    when = {"from": (start + timedelta(days=1)).isoformat(), "to": (start + timedelta(days=2)).isoformat()}
    alerts.publish_message(when=when)
    alerts.waiting_customer("anna", tea)
    sent = {days: alerts.sweep_and_send(start + timedelta(days=days, minutes=1)).sent for days in (0, 2.5, 1)}
    assert sent == {0: 0, 2.5: 0, 1: 1}


def test_a_delivery_knows_by_which_version_it_was_sent(tea):
    message = alerts.publish_message()
    publishing.save_draft(message, {"kind": "back_in_stock", "hold_back": 0}, None, base=1)
    publishing.publish(message, None)
    alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    delivery = Delivery.objects.get()
    assert (delivery.version.definition_id, delivery.version.number) == (message.pk, 2)
    assert Delivery.objects.sent_by_definition(timezone.now() - timedelta(days=1)) == {message.pk: 1}


def test_what_was_due_when_a_message_is_paused_is_not_sent_and_comes_up_again_when_it_is_resumed(tea):
    message = alerts.publish_message()
    alerts.waiting_customer("anna", tea)
    start = timezone.now()
    assert sweep_messages(start) == 1
    publishing.pause(message, None)
    assert dict(send_messages(limit=9, clock=lambda: start + alerts.SOON).skipped) == {"ended": 1}
    assert outcome() == [("skipped", "ended")] and mail.outbox == []
    publishing.resume(message, None)
    assert alerts.sweep_and_send(start + timedelta(hours=1)).sent == 1


def test_a_message_that_is_paused_in_the_middle_of_a_run_is_sent_no_further(tea, monkeypatch):
    message = alerts.publish_message()
    for n in range(3):
        alerts.waiting_guest(f"guest{n}@example.com", tea)
    start = timezone.now()
    sweep_messages(start)
    times = iter([start + alerts.SOON] * 1000)

    def clock():
        if mail.outbox and Definition.objects.get().state == "live":
            publishing.pause(message, None)
        return next(times)

    assert send_messages(limit=9, clock=clock).sent == 1
    assert [row[0] for row in outcome()] == ["due", "due", "sent"]


def test_nothing_is_given_up_while_a_setting_is_missing(tea, settings):
    alerts.publish_message()
    alerts.waiting_customer("anna", tea)
    start = timezone.now()
    sweep_messages(start)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_IMPRINT": ""}
    assert send_messages(limit=9, clock=lambda: start + alerts.SOON).sent == 0
    assert outcome() == [("due", "")]


def segment(name, at_least):
    conditions = [{"field": "orders", "op": "at_least", "value": at_least}]
    document = {"match": "all", "groups": [{"match": "all", "conditions": conditions}]}
    return publishing.publish(publishing.create("segment", name, document, None), None).pk


def test_the_first_message_that_is_meant_for_somebody_decides(tea):
    regulars, best = segment("Regulars", 2), segment("Best", 5)
    alerts.publish_message(name="others", who={"out": [best]}, wording={"en-gb": {"subject": "Others"}})
    alerts.publish_message(
        name="regulars", who={"in": [regulars], "out": [best]}, wording={"en-gb": {"subject": "Regular"}}
    )
    for name, orders in (("new", 0), ("regular", 3), ("best", 7)):
        buyer(name, orders)
    alerts.waiting_guest("guest@example.com", tea)
    alerts.sweep_and_send()
    assert sorted((sent.to[0], sent.subject) for sent in mail.outbox) == [
        ("guest@example.com", "Others"),
        ("new@example.com", "Others"),
        ("regular@example.com", "Regular"),
    ]
    assert outcome().count(("skipped", "not_meant")) == 1


def test_a_message_is_moved_before_another(tea):
    first = alerts.publish_message(name="first")
    second = alerts.publish_message(name="second")
    assert [one.name for one in Definition.objects.live_messages(timezone.now())] == ["second", "first"]
    publishing.move(first, None, band=first.band, place=1)
    assert [one.name for one in Definition.objects.live_messages(timezone.now())] == ["first", "second"]
    assert second.place


def test_the_part_that_is_held_back_is_that_of_the_message(greetings):
    message = Definition.objects.get(name="greeting")
    publishing.save_draft(message, {"kind": "greeting", "hold_back": 1}, None, base=1)
    publishing.publish(message, None)
    allow(User.objects.create_user("anna", "anna@example.com", "x"))
    sweep_messages(timezone.now())
    send_messages(limit=9, clock=timezone.now)
    row = Delivery.objects.get()
    assert (row.why, row.arm, row.version.number) == ("held_back", "held_back", 2)


def test_the_words_of_the_shop_stand_in_the_mail_in_its_language_and_nothing_of_them_is_a_template(tea):
    wording = {
        "en-gb": {
            "subject": "{product} at {shop}",
            "opening": "Dear friend of <b>{product}</b>,\n\nit is here.",
            "closing": "See you!",
        },
        "de": {"subject": "{product} ist da"},
    }
    alerts.publish_message(wording=wording)
    alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    (sent,) = mail.outbox
    html = sent.alternatives[0][0]
    assert sent.subject.startswith("Tea at ") and "{" not in sent.subject
    assert "Dear friend of <b>Tea</b>,\n\nit is here." in sent.body and "See you!" in sent.body
    assert "Dear friend of &lt;b&gt;Tea&lt;/b&gt;," in html and "See you!" in html
    assert "You asked us to tell you" not in sent.body + html


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"kind": "Back In Stock"}, "kind"),
        ({"hold_back": 1.1}, "hold_back"),
        ({"who": {"people": "all"}}, "who"),
        ({"when": {"days": [1]}}, "when"),
        ({"when": {"from": "2026-05-01T10:00:00"}}, "when.from"),
        ({"wording": {"en": {"subject": "{name}, hello"}}}, "wording.en.subject"),
        ({"wording": {"en": {"opening": "An open { brace"}}}, "wording.en.opening"),
        ({"wording": {"en": {"subject": "x" * 151}}}, "wording.en.subject"),
        ({"wording": {"en": {"html": "<p>"}}}, "wording.en"),
    ],
)
def test_what_is_no_message_is_refused_at_its_place(part, path):
    assert [error.path for error in documents.document_errors("message", {"kind": "back_in_stock", **part})] == [path]


def test_a_placeholder_that_there_is_not_is_named_with_those_that_there_are():
    document = {"kind": "back_in_stock", "wording": {"en": {"subject": "{nmae}"}}}
    (error,) = documents.document_errors("message", document)
    assert error.message == "There is no such placeholder: {nmae}. Possible here: {product} {shop}"


@pytest.mark.parametrize("missing", ["MESSAGE_BASE_URL", "MESSAGE_ADDRESS_KEY", "MESSAGE_IMPRINT"])
def test_a_message_that_could_not_be_sent_is_not_published(settings, missing):
    alerts.switch_on(settings, **{missing: ""})
    with pytest.raises(publishing.NotPossibleError, match=f"these settings are there: {missing}."):
        alerts.publish_message()
    assert not Definition.objects.filter(state="live").exists()
