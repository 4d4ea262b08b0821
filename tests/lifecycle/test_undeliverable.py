"""What a mail provider says through anymail: who cannot be reached, or complained, is written to no more, at once."""

import importlib.util
from types import SimpleNamespace

import pytest
from django.core import mail
from django.dispatch import Signal

from personalization.contrib.anymail import listen_to_anymail, listen_to_tracking
from personalization.models import Suppression
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

ADDRESS = "Anna@example.com"
needs_anymail = pytest.mark.skipif(
    importlib.util.find_spec("anymail") is None, reason="django-anymail is not installed"
)


@pytest.fixture
def provider(switched_on):
    """Says what became of a mail, as anymail does: the documented fields of its event."""
    tracking = Signal()
    listen_to_tracking(tracking)

    def say(event_type, recipient=ADDRESS, **fields):
        known = {"reject_reason": None, "mta_response": None, "esp_event": {}, "timestamp": None}
        event = SimpleNamespace(event_type=event_type, recipient=recipient, **{**known, **fields})
        tracking.send(sender=object, event=event, esp_name="Provider")

    return say


def reasons():
    return list(Suppression.objects.values_list("purpose", "reason"))


@pytest.mark.parametrize(
    ("event_type", "fields", "reason"),
    [
        ("complained", {"reject_reason": "spam"}, "complained"),
        ("bounced", {"reject_reason": "bounced", "esp_event": {"Type": "HardBounce"}}, "bounced"),
        ("bounced", {"reject_reason": "invalid", "esp_event": {"event": "invalid_email"}}, "bounced"),
        ("bounced", {"esp_event": {"bounce": {"bounceType": "Permanent"}}}, "bounced"),
        ("bounced", {"reject_reason": "bounced", "mta_response": "550 5.1.1 no such user"}, "bounced"),
        ("bounced", {"reject_reason": "bounced", "esp_event": {"hard_bounce": True}}, "bounced"),
    ],
)
def test_who_complained_or_cannot_be_reached_is_not_written_to_again(provider, event_type, fields, reason):
    alerts.waiting_customer("anna", shop.create_shop_product("Tea", stock=5))
    for _ in range(2):
        provider(event_type, **fields)
    assert reasons() == [("", reason)]
    assert (dict(alerts.sweep_and_send().skipped), mail.outbox) == ({"suppressed": 1}, [])


@pytest.mark.parametrize(
    ("event_type", "fields"),
    [
        ("bounced", {"reject_reason": "bounced", "esp_event": {"Type": "SoftBounce"}}),
        ("bounced", {"reject_reason": "bounced", "esp_event": {"event": "soft_bounce"}}),
        ("bounced", {"reject_reason": "bounced", "esp_event": {"data": {"bounce": {"type": "Transient"}}}}),
        ("bounced", {"reject_reason": "bounced", "esp_event": {"hard_bounce": False}}),
        ("bounced", {"reject_reason": "bounced", "mta_response": "452 4.2.2 mailbox full"}),
        ("bounced", {"reject_reason": "bounced", "mta_response": "smtp; 421 try again"}),
        ("bounced", {"reject_reason": "blocked"}),
        ("deferred", {}),
        ("rejected", {"reject_reason": "blocked"}),
        ("delivered", {}),
        ("bounced", {"recipient": None}),
        ("complained", {"recipient": ""}),
    ],
)
def test_what_may_pass_or_says_nothing_of_the_address_stops_nothing(provider, event_type, fields):
    provider(event_type, **fields)
    assert reasons() == []


def test_a_shop_that_sends_no_messages_stores_nothing(provider, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_ADDRESS_KEY": ""}
    provider("complained")
    assert reasons() == []


@needs_anymail
def test_anymails_own_signal_and_event_are_heard(switched_on):
    from anymail.signals import AnymailTrackingEvent, tracking

    listen_to_anymail()
    for event_type, reason in (("complained", "spam"), ("delivered", None)):
        event = AnymailTrackingEvent(event_type=event_type, recipient=ADDRESS, reject_reason=reason, esp_event={})
        tracking.send(sender=object, event=event, esp_name="Provider")
    assert reasons() == [("", "complained")]
