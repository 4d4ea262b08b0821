"""Finds who is due, and puts the messages into the outbox. May be repeated, killed, and done twice at once."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from personalization.batching import batched
from personalization.lifecycle.kinds import Channels, DueMessage, MessageKind, registered_kinds
from personalization.lifecycle.live_messages import live_channels, read_live_messages
from personalization.models import Delivery
from personalization.models.message_permissions import Channel, Purpose
from personalization.privacy.message_addresses import hash_address

ROWS_AT_ONCE = 500


def sweep_messages(now: datetime) -> int:
    """Puts out what is due of all kinds of which a message is live; how many messages are due by that."""
    kinds = registered_kinds()
    return sum(
        Delivery.objects.put_out(
            _delivery(kinds[name], due, channel, now) for due, channel in _by_channel(kinds[name], batch, channels)
        )
        for name, messages in read_live_messages(now).items()
        for channels in [live_channels(messages)]
        for batch in batched(list(kinds[name].find_due(now, channels)), ROWS_AT_ONCE)
    )


def _by_channel(kind: MessageKind, batch: Sequence[DueMessage], channels: Channels) -> Iterator[tuple[DueMessage, str]]:
    """Each with each channel by which its reader may be told. Guests have no account in which to tell them. One query
    for each channel where there are several, and none about what readers asked for."""
    users = {due.user_id for due in batch if due.user_id is not None}
    is_open = kind.purpose == Purpose.ASKED_FOR or len(channels) == 1
    for channel in channels:
        reached = users if is_open else kind.reach((channel,)).of_customers(users)
        for due in batch:
            if due.user_id in reached or (due.user_id is None and channel == Channel.EMAIL):
                yield due, channel


def _delivery(kind: MessageKind, due: DueMessage, channel: str, now: datetime) -> Delivery:
    return Delivery(
        channel=channel,
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
