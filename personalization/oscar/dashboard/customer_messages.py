"""What was written to a customer, what was not, and why: for the customer's page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization import conf
from personalization.lifecycle.kinds import registered_kinds
from personalization.models import Definition, Delivery
from personalization.oscar.dashboard.message_forms import message_label
from personalization.privacy.message_addresses import account_address, hash_address

SHOWN_MESSAGES = 20


@dataclass(frozen=True)
class CustomerMessage:
    """A message that came up for a customer, and what became of it."""

    label: str
    """Its kind."""
    channel: str
    definition: Definition | None
    number: int | None
    """The number of the version by which it was decided."""
    state: str
    why: str
    """"" for what was sent."""
    came_up_at: datetime
    changed_at: datetime | None
    due_at: datetime | None
    """When it is decided again, of one that waits."""


def customer_messages(account: Any) -> list[CustomerMessage]:
    """The latest messages that came up for an account or its address, the newest first; none in a shop that can send
    none. One query."""
    if conf.missing_message_settings():
        return []
    address = account_address(account)
    rows = Delivery.objects.to_customer(account.pk, hash_address(address) if address else None)
    newest = rows.select_related("version__definition").order_by("-created_at")[:SHOWN_MESSAGES]
    return [_customer_message(row) for row in newest]


def _customer_message(row: Delivery) -> CustomerMessage:
    kind, version = registered_kinds().get(row.kind), row.version
    return CustomerMessage(
        message_label(kind) if kind else row.kind,
        row.get_channel_display(),
        version.definition if version else None,
        version.number if version else None,
        row.get_state_display(),
        row.get_why_display() if row.why else "",
        row.created_at,
        row.sent_at or row.decided_at,
        row.due_at if row.state == "due" else None,
    )
