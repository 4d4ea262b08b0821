"""An audience for the shop's mail or ad tool: the addresses of a segment's customers who allow offers and agreed to
personalisation, asked at the moment at which each is handed over. Nothing of it is kept.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet
from django.utils.module_loading import import_string
from django.utils.timezone import now as current_time

from personalization import conf
from personalization.batching import batched
from personalization.lifecycle.permissions import allows
from personalization.merchandising.stored_segments import compiled_segment, stored_segment
from personalization.models import (
    AuditAction,
    AuditEntry,
    ChannelConsent,
    Definition,
    DefinitionKind,
    Suppression,
    Visitor,
)
from personalization.models.message_permissions import Channel, Purpose
from personalization.privacy.message_addresses import account_address, hash_address
from personalization.shop.audience_keys import audience_key, new_export
from personalization.shop.customers import exclude_children

CUSTOMERS_AT_ONCE = 1_000
FORMATS = ("csv", "json")


class NoAudience(Exception):
    """A segment cannot be handed over; the message says why, and what helps."""


@dataclass(frozen=True)
class Audience:
    """A segment that can be handed over."""

    definition: Definition
    is_hashed: bool
    """Whether it has the SHA-256 of each address in lower case, as ad tools take it, in place of the address."""
    customers: QuerySet[Any]

    @property
    def columns(self) -> tuple[str, str]:
        """What each of its rows holds."""
        return ("audience_key", "email_sha256" if self.is_hashed else "email")

    def rows(self) -> Iterator[tuple[str, str]]:
        """(key, address or its hash) of each customer who may be in it, asked a thousand at a time; four queries each.
        The key is another one in each export, and what the imports and the API know the customer by."""
        export = new_export()
        found = self.customers.order_by("pk").iterator(chunk_size=CUSTOMERS_AT_ONCE)
        for batch in batched(found, CUSTOMERS_AT_ONCE):
            for user, address in consented_addresses(batch):
                shown = sha256(address.lower().encode()).hexdigest() if self.is_hashed else address
                yield audience_key(export, user.pk), shown


def consented_addresses(users: list[Any]) -> Iterator[tuple[Any, str]]:
    """Those of these customers who may be handed over, with their addresses: active accounts of no staff and no
    children, that agreed to personalisation, whose last word about offers by mail is a yes, and that did not
    unsubscribe, complain, or have their data erased since."""
    owned = {user.pk: address for user in users if (address := account_address(user)) and _is_active_customer(user)}
    agreed = exclude_children(Visitor.objects.consented(owned))
    hashes = {key: hash_address(owned[key]) for key in agreed}
    said = ChannelConsent.objects.newest_of(hashes, Purpose.OFFERS, Channel.EMAIL)
    said_at = {hashes[key]: row.recorded_at for key, row in said.items() if allows(row)}
    held = Suppression.objects.suppressed_addresses(said_at, Purpose.OFFERS, Channel.EMAIL)
    for user in users:
        address_hash = hashes.get(user.pk)
        if user.pk in said and allows(said[user.pk]) and address_hash not in held:
            yield user, owned[user.pk]


def _is_active_customer(user: Any) -> bool:
    """Whether it is the active account of a customer."""
    return user.is_active and not getattr(user, "is_staff", False)


def find_audience(key: str, now: datetime, *, is_hashed: bool = False) -> Audience:
    """The audience of the live segment with this key. NoAudience where there is none, or it cannot be handed over."""
    definition = Definition.objects.of_kind(DefinitionKind.SEGMENT).present().with_versions().filter(key=key).first()
    if definition is None:
        live = Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT)
        names = ", ".join(sorted(live.values_list("key", flat=True))) or "none"
        raise NoAudience(f"There is no segment {key!r}. Live are: {names}.")
    return audience_of(definition, now, is_hashed=is_hashed)


def audience_of(definition: Definition, now: datetime, *, is_hashed: bool = False) -> Audience:
    """The audience of a segment as it is live. NoAudience where it cannot be handed over."""
    if not conf.get_settings().MESSAGE_ADDRESS_KEY:
        raise NoAudience("MESSAGE_ADDRESS_KEY is not set: without it nobody can have allowed that they are written to.")
    segment = stored_segment(definition) if definition.live else None
    if segment is None:
        raise NoAudience(f"The segment {definition.key!r} is not live, or of a newer release; publish it first.")
    compiled = compiled_segment(segment)
    if not compiled.is_countable:
        raise NoAudience(
            f"The segment {definition.key!r} is about what visitors do while they shop: nobody stays in it."
        )
    return Audience(definition, is_hashed, compiled.customers(now.timestamp()))


def record_export(audience: Audience, by: Any, way: str) -> None:
    """Stores in the audit that an audience is handed over, by whom (None: no member of staff) and how."""
    definition = audience.definition
    note = f"audience {definition.key}, {audience.columns[1]}, {way}"
    AuditEntry.objects.record(by, AuditAction.EXPORT, kind=definition.kind, object_id=definition.pk, note=note)


def audience_lines(audience: Audience, form: str) -> Iterator[str]:
    """An audience as the text of a file, "csv" or "json", a piece at a time: it is written nowhere by us."""
    if form == "csv":
        yield _csv_line(audience.columns)
        yield from map(_csv_line, audience.rows())
        return
    before = "["
    for row in audience.rows():
        yield f"{before}\n{json.dumps(dict(zip(audience.columns, row, strict=True)))}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv_line(cells: tuple[str, str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def hand_over_audiences(now: datetime | None = None) -> int:
    """Hands each of the shop's AUDIENCES to its AUDIENCE_CALLABLE, row by row; how many. NoAudience where one of the
    segments cannot be: then none is."""
    settings, moment = conf.get_settings(), now or current_time()
    receive = import_string(settings.AUDIENCE_CALLABLE)
    found = [find_audience(key, moment, is_hashed=settings.AUDIENCE_HASHED) for key in settings.AUDIENCES or ()]
    for audience in found:
        record_export(audience, None, "to AUDIENCE_CALLABLE")
        receive(audience.definition.key, (dict(zip(audience.columns, row, strict=True)) for row in audience.rows()))
    return len(found)
