"""Finds who is due, and puts the messages into the outbox. May be repeated, killed, and done twice at once."""

from datetime import datetime

from personalization.batching import batched
from personalization.lifecycle.kinds import DueMessage, MessageKind, active_kinds
from personalization.models import Delivery
from personalization.privacy.message_addresses import hash_address

ROWS_AT_ONCE = 500


def sweep_messages(now: datetime) -> int:
    """Puts out what is due of all kinds that are switched on; how many messages are due by that."""
    return sum(
        Delivery.objects.put_out(_delivery(kind, due, now) for due in batch)
        for kind in active_kinds().values()
        for batch in batched(list(kind.find_due(now)), ROWS_AT_ONCE)
    )


def _delivery(kind: MessageKind, due: DueMessage, now: datetime) -> Delivery:
    return Delivery(
        kind=kind.name,
        dedupe=due.dedupe,
        user_id=due.user_id,
        address_hash=hash_address(due.address),
        source_id=due.source_id,
        product_id=due.product_id,
        priority=kind.priority,
        created_at=now,
        due_at=due.due_at,
    )
