"""The messages that merchants published: which are sent now, for whom, and in which words."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization import conf
from personalization.lifecycle.kinds import BY_MAIL, Channels, registered_kinds
from personalization.lifecycle.wording import Wording
from personalization.merchandising import documents, segments
from personalization.merchandising.campaign_parts import as_part
from personalization.merchandising.compile import read_segments
from personalization.merchandising.compiled import People
from personalization.models import Definition, DefinitionKind, Version
from personalization.models.message_permissions import Channel
from personalization.shop import customers

logger = logging.getLogger("personalization")


@dataclass(frozen=True)
class PublishedMessage:
    """What one version of a message says."""

    definition_id: int
    version_id: int
    kind: str
    """The name of a `kinds.MessageKind`."""
    in_segments: tuple[int, ...] = ()
    """Only who is in one of them; anybody where there are none."""
    out_segments: tuple[int, ...] = ()
    texts: Mapping[str, Mapping[str, str]] | None = None
    """By language: "subject", "opening" and "closing", each only where it differs from our own words."""
    hold_back: float | None = None
    """The part of the people, 0 to 1, who get none; None for that of the kind."""
    channels: Channels = BY_MAIL
    first_in_shop: bool = False
    """Whether who comes at least weekly is mailed only what they did not read in the shop."""
    best_hour: bool = False
    """Whether a mail waits for the hour at which its reader is usually in the shop."""
    campaign_id: int | None = None
    """The campaign that it belongs to: it is for whom that is, and holds back whom that holds back."""
    people: str = People.ALL
    """Whether it is for customers, or for who has no account, as its campaign says."""

    @classmethod
    def of_version(cls, version: Version, campaign: Definition | None = None) -> "PublishedMessage":
        """What a version says, for whom its campaign is. NewerSchemaError where a newer release wrote it."""
        document = documents.upgrade(DefinitionKind.MESSAGE, version.schema, version.document)
        if campaign is not None and campaign.live is not None:
            document |= as_part(document, campaign.pk, campaign.live.document)
            document["hold_back"] = document["who"].get("hold_back", 0.0)
        who = document.get("who", {})
        return cls(
            version.definition_id,
            version.pk,
            document["kind"],
            tuple(who.get("in", ())),
            tuple(who.get("out", ())),
            document.get("wording", {}),
            document.get("hold_back"),
            tuple(document.get("channels", BY_MAIL)),
            document.get("first_in_shop", False),
            document.get("best_hour", False),
            None if campaign is None else campaign.pk,
            who.get("people", People.ALL),
        )

    def wording(self, language: str) -> Wording:
        """Its words in a language; in "de-at" those of "de", where there are no others."""
        texts = self.texts or {}
        return Wording(**(texts.get(language) or texts.get(language.partition("-")[0]) or {}))


def read_live_messages(now: datetime) -> dict[str, list[PublishedMessage]]:
    """What is sent now, by the names of kinds that there are, each in the order in which messages count. Nothing while
    a setting is missing without which nothing can be sent, and no kind of which nothing is live. One query."""
    if conf.missing_message_settings():
        return {}
    known, found = registered_kinds(), dict[str, list[PublishedMessage]]()
    for definition in Definition.objects.live_messages(now):
        try:
            message = PublishedMessage.of_version(definition.live, definition.campaign)
        except (documents.NewerSchemaError, KeyError):
            logger.exception("The message %s cannot be read; it is not sent", definition.pk)
            continue
        if message.kind in known:
            found.setdefault(message.kind, []).append(message)
    return found


def live_channels(messages: Iterable[PublishedMessage]) -> Channels:
    """By which channels at least one of these messages goes."""
    used = {channel for message in messages for channel in message.channels}
    return tuple(channel.value for channel in Channel if channel in used)


def find_message_for(messages: Sequence[PublishedMessage], user: Any, now: datetime) -> PublishedMessage | None:
    """The first of these messages that is meant for a customer, or a guest (None); None where none is."""
    return next((one for one in messages if _is_meant_for(one, user, now)), None)


def _is_meant_for(message: PublishedMessage, user: Any, now: datetime) -> bool:
    """Only for whom the database is sure: nobody is on a page when mails are sent. A guest is in no segment, and in no
    campaign, whose report and codes are about customers."""
    if message.campaign_id is not None and (user is None or message.people == People.VISITORS):
        return False
    if not message.in_segments and not message.out_segments:
        return True
    if user is None:
        return not message.in_segments
    stored = read_segments(Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT))

    def is_in(key: int, unknown: bool) -> bool:
        if key not in stored:
            return False
        segment = segments.compile_segment(stored[key], stored)
        return bool(customers.active_customers().filter(segment.q(now.timestamp(), unknown), pk=user.pk).exists())

    if any(is_in(key, True) for key in message.out_segments):
        return False
    return not message.in_segments or any(is_in(key, False) for key in message.in_segments)


def unanswerable_segments(document: Mapping[str, Any]) -> list[str]:
    """The names of the segments of a message's document that ask for what only an open page tells."""
    who = document.get("who", {})
    keys = {*who.get("in", ()), *who.get("out", ())}
    definitions = list(Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT)) if keys else []
    stored = read_segments(definitions)
    return [
        one.name
        for one in definitions
        if one.pk in keys & stored.keys() and not segments.compile_segment(stored[one.pk], stored).is_countable
    ]
