"""The shelf of messages: one file is one kind of message, under the name `kind`.

A kind says who is due, whether that is still true, and what the text is made of. Permission, caps, quiet hours and
sending at most once are not its business. Its texts are the templates `personalization/messages/<name>_subject.txt`,
`<name>.txt` and `<name>.html`. A kind is switched on by publishing a message of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any

from personalization import plugins
from personalization.models import Delivery
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Channel, Purpose
from personalization.models.message_reach import Reach

TEMPLATE_ENDINGS = ("_subject.txt", ".txt", ".html")
MAX_DEDUPE = 100
Channels = tuple[str, ...]
BY_MAIL: Channels = (Channel.EMAIL,)


@dataclass(frozen=True)
class DueMessage:
    """What a sweep found: a message to one person."""

    dedupe: str
    """At most MAX_DEDUPE characters that name what it is about: the same person is not written to about it again."""
    address: str
    due_at: datetime
    user_id: Any = None
    """None for a guest."""
    source_id: int | None = None
    product_id: int | None = None


@dataclass(frozen=True)
class Occasion:
    """What a message is about, read again when it is to be sent."""

    address: str
    """"" where there is none."""
    user: Any = None
    """None for a guest."""
    asked_at: datetime | None = None
    """When its reader asked for it; None where they did not, or took it back."""
    details: Any = None
    """For the kind's own use."""
    is_example: bool = False
    """Whether it is made up, for staff to look at."""


class MessageKind(ABC):
    """What every file of this shelf offers, as an instance."""

    name: str
    label: Any = ""
    """What the dashboard calls it; its name where it has none."""
    explanation: Any = ""
    """A sentence for merchants: who gets it, and when."""
    placeholders: tuple[str, ...] = ("shop",)
    """What the shop's own words may hold in braces; all but "shop" are `text_values` of the same name."""
    purpose: str = Purpose.OFFERS
    """What the reader must have allowed. What they asked for needs no more than that, and no cap applies to it."""
    priority: int = 0
    """Of several messages that are due to a person, the one with the highest goes; the others wait."""
    give_up: timedelta = timedelta(days=3)
    """A message that could not be sent for so long is not sent at all."""
    hold_back: float = 0.1
    """The part of the people, 0 to 1, that gets none of this kind, to compare the others with; a message may say
    otherwise."""

    @abstractmethod
    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterable[DueMessage]:
        """Who is due now. May name the same message again and again, and look at some of the people each time.
        Parameters: `channels`, those by which messages of the kind go now: see `reach`."""

    @abstractmethod
    def read_occasion(self, delivery: Delivery) -> Occasion | None:
        """What a message is about, as of now; None when it is gone."""

    @abstractmethod
    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Why the message is not true any more; None when it is. Asked in the transaction that decides."""

    @abstractmethod
    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """What its templates need besides what all have: plain values, in the language that is active."""

    def fitting_messages(self, messages: Sequence[Any], delivery: Delivery) -> Sequence[Any]:
        """Those of the kind's live messages (`live_messages.PublishedMessage`) that a delivery may be of."""
        return messages

    def reach(self, channels: Channels) -> Reach:
        """Whom its sweep looks for, where these are the channels."""
        return Reach(self.purpose, channels)

    def example(self, customer: Any = None) -> Occasion | None:
        """What a message could be about, for staff to look at: to a customer, or to nobody known. None for none."""
        return None

    def claim(self, delivery: Delivery, now: datetime) -> bool:
        """Called in the transaction after which the mail is handed over. Whether it may be."""
        return True

    def release(self, delivery: Delivery) -> None:  # noqa: B027 - most kinds have nothing to undo
        """Called when the mail server did not take it, and it is tried again later."""


def message_kind_error(plugin: Any) -> str:
    """How an object breaks the contract of kinds of messages; "" when it does not."""
    if not isinstance(plugin, MessageKind):
        return f"it is {plugin!r}; expected a `personalization.lifecycle.kinds.MessageKind`"
    if error := plugins.name_error(getattr(plugin, "name", None)):
        return error
    if plugin.purpose not in Purpose.values:
        return f"its purpose is {plugin.purpose!r}; expected one of: {', '.join(Purpose.values)}"
    return "" if 0 <= plugin.hold_back <= 1 else f"it holds back {plugin.hold_back!r}; expected a number from 0 to 1"


@cache
def _built_in_kinds() -> dict[str, MessageKind]:
    modules = (import_module(f"{__name__}.{name}") for name in plugins.folder_modules(__path__))
    return {module.kind.name: module.kind for module in modules}


_kinds = plugins.Registry[MessageKind]("message_kind", _built_in_kinds, message_kind_error)


def registered_kinds() -> dict[str, MessageKind]:
    """All kinds by name. One that cannot be used is left out; `manage.py check` names it."""
    return _kinds.usable()
