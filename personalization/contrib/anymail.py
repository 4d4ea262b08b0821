"""Bounces and complaints that django-anymail hears of from the shop's mail provider: such an address is written to no
more. Listened to where "anymail" is in INSTALLED_APPS, and its webhook set up."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.dispatch import Signal
from django.utils.timezone import now

from personalization import conf
from personalization.models import Suppression
from personalization.models.message_permissions import SuppressionReason
from personalization.privacy.message_addresses import hash_address

HARD_REASONS = (None, "bounced", "invalid")
"""Other reasons, such as a policy or the size of a mail, say nothing of the address."""
TYPE_KEYS = ("event", "type", "bouncetype", "severity")
SOFT_BOUNCE = re.compile("soft|transient|temporary|undetermined")
TEMPORARY_REPLY = re.compile(r"\s*(smtp;\s*)?4\d\d\b")


def listen_to_anymail() -> None:
    """Called once, when the apps are ready and anymail is one of them."""
    from anymail.signals import tracking  # noqa: PLC0415 - only shops with that app have it

    listen_to_tracking(tracking)


def listen_to_tracking(signal: Signal) -> None:
    """Hears what a signal of anymail's `tracking` kind says."""
    signal.connect(suppress_undeliverable, dispatch_uid="personalization.suppress_undeliverable")


def suppress_undeliverable(sender: Any, event: Any, esp_name: str = "", **rest: Any) -> None:
    """Stores that an address is written to no more, of which a mail came back for good or was reported as spam. An
    error reaches the webhook, so that the provider tells it again.

    Parameters: `event`, an `AnymailTrackingEvent`.
    """
    reason = _reason_to_stop(event)
    if reason and event.recipient and not conf.missing_message_settings():
        Suppression.objects.suppress(hash_address(event.recipient), reason, now())


def _reason_to_stop(event: Any) -> SuppressionReason | None:
    if event.event_type == "complained":
        return SuppressionReason.COMPLAINED
    if event.event_type == "bounced" and event.reject_reason in HARD_REASONS and not _is_soft(event):
        return SuppressionReason.BOUNCED
    return None


def _is_soft(event: Any) -> bool:
    """Whether a mail may get through another time. Anymail calls both kinds "bounced"; what the provider itself said of
    it tells them apart."""
    if TEMPORARY_REPLY.match(event.mta_response or ""):
        return True
    return any(SOFT_BOUNCE.search(word) for word in _type_words(event.esp_event))


def _type_words(raw: Any) -> Iterator[str]:
    """What the provider calls the event, wherever in it that stands."""
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            if str(key).lower() in TYPE_KEYS and isinstance(value, str):
                yield value.lower()
            elif key == "hard_bounce" and value is False:
                yield "soft"
            else:
                yield from _type_words(value)
