"""What a command and a task both do: find who is due, send what is due, and say it in words."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.timezone import now

from personalization.lifecycle.sending import SendingResult, send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.merchandising.campaign_audiences import enrol_customers
from personalization.models.deliveries import Why

MESSAGES_PER_RUN = 1_000


@dataclass(frozen=True)
class MessageRun:
    """What a run did."""

    new_messages: int
    result: SendingResult = field(default_factory=SendingResult)

    def __str__(self) -> str:
        parts = [f"{self.new_messages} new messages due", f"{self.result.sent} sent"]
        parts += [
            f"{sum(counts.values())} {label} ({_reasons(counts)})"
            for label, counts in (
                ("put off", self.result.waiting),
                ("not sent", self.result.skipped),
                ("failed", self.result.failed),
                ("taken back", self.result.taken_back),
            )
            if counts
        ]
        return "; ".join(parts)


def run_messages(limit: int = MESSAGES_PER_RUN) -> MessageRun:
    """Notes who came into the audience of a campaign, finds who is due, then sends up to so many messages."""
    enrol_customers(now())
    new_messages = sweep_messages(now())
    return MessageRun(new_messages, send_messages(limit=limit))


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {Why(why).label}" for why, count in Counter(counts).most_common())
