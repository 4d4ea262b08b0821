"""Finds who is due, and puts the messages into the outbox. May be repeated, killed, and done twice at once."""

from datetime import datetime

from personalization.batching import batched
from personalization.lifecycle.kinds import DueMessage, MessageKind, registered_kinds
from personalization.lifecycle.live_messages import read_live_messages
from personalization.models import Delivery
from personalization.privacy.message_addresses import hash_address

ROWS_AT_ONCE = 500


def sweep_messages(now: datetime) -> int:
    """Puts out what is due of all kinds of which a message is live; how many messages are due by that."""
    kinds = registered_kinds()
    return sum(
        Delivery.objects.put_out(_delivery(kinds[name], due, now) for due in batch)
        for name in read_live_messages(now)
        for batch in batched(list(kinds[name].find_due(now)), ROWS_AT_ONCE)
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
