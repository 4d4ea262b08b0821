"""Whose genome and facts are worked out in a night: those that may differ in more than that they faded.

All weights of a customer fade alike, and a decision takes that into account (`decide/genome_age.py`), so that a genome
need not be new for it. What does change with time alone (the revenue of a year, what was taken up within a year) is of
the customer's last turn: every day of a week has a seventh of all customers.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import personalization
from personalization import conf
from personalization.batching import batched
from personalization.models import CustomerFacts, CustomerTaste, Genome, SweepTurn
from personalization.models.customer_facts import TasteKind
from personalization.profile.customer_facts import current_choices
from personalization.recommenders import DAY
from personalization.shop import catalogue, purchases

TURN_DAYS = 7
"""Each customer has their turn once in so many days; a run that was missed is made up for by the next one."""
SWEEP, BASIS = "genomes", "genomes-basis"
"""The names under which a sweep, and what all genomes depend on, are noted."""
CUSTOMERS_AT_ONCE = 2_000
CHOICES = (TasteKind.WISH, TasteKind.ALERT, TasteKind.GROUP)
"""What changes without an order."""


@dataclass(frozen=True)
class GenomeSweep:
    """A sweep, and what was before it."""

    now: datetime
    last_began: datetime | None
    """When the last one that was finished began; None for none."""
    valid_since: datetime
    """What was worked out before is of no use: a category became sensitive since, or a setting was changed."""

    def due_customers(self, consented: Sequence[Any]) -> list[Any]:
        """Those of these customers, in their sequence, who

        1. have no facts, as they agreed since,
        2. have their turn, or had it since they were worked out,
        3. were worked out before what is valid now, or as of a later moment,
        4. bought something after they were worked out,
        5. wish for, wait for or belong to something else than their facts say.

        Orders that were placed, cancelled or returned one by one, consent, and cards worked them out at once.
        """
        computed = CustomerFacts.objects.computed_times()
        bought = purchases.last_purchases(min(self.last_began or self.now, self.now - timedelta(days=1)))
        due = {user for user in consented if user not in computed or self._is_outdated(user, computed[user])}
        due |= {user for user, last in bought.items() if user in computed and computed[user] < last <= self.now}
        due |= _chose_something_else([user for user in consented if user not in due])
        return [user for user in consented if user in due]

    def _is_outdated(self, user: Any, computed: datetime) -> bool:
        is_of_this_turn = computed.timestamp() // DAY >= last_turn(user, int(self.now.timestamp() // DAY))
        return not is_of_this_turn or computed < self.valid_since or computed > self.now

    def changed_customers(self, users: Sequence[Any]) -> list[Any]:
        """Those of these customers whose genome was worked out since the last sweep, by it or by an order."""
        changed = Genome.objects.computed_since(self.last_began or datetime.fromtimestamp(0, UTC))
        return [user for user in users if user in changed]

    def finish(self) -> None:
        """Notes that it was finished."""
        SweepTurn.objects.note_round(SWEEP, self.now)


def begin_sweep(now: float) -> GenomeSweep:
    """A sweep as of `now`, in seconds since 1970. Notes what genomes depend on: once that has changed, what is older
    stays due until it was worked out, however often a run is killed."""
    moment, basis = datetime.fromtimestamp(now, UTC), _basis()
    known, last = SweepTurn.objects.last_round(BASIS), SweepTurn.objects.last_round(SWEEP)
    last_began = last.round_began if last else None
    if known is None or known.position != basis:
        SweepTurn.objects.note_round(BASIS, moment, basis)
        return GenomeSweep(moment, last_began, moment)
    return GenomeSweep(moment, last_began, known.round_began)


def last_turn(user: Any, day: int) -> int:
    """The last day up to this one on which it was a customer's turn, in days since 1970. By a checksum of the key, so
    that each day has as many customers as the others."""
    return day - (day - crc32(str(user).encode())) % TURN_DAYS


def _chose_something_else(users: Sequence[Any]) -> set[Any]:
    found: set[Any] = set()
    for batch in batched(users, CUSTOMERS_AT_ONCE):
        stored = set(CustomerTaste.objects.chosen(batch, CHOICES))
        found.update(user for user, _, _ in stored ^ current_choices(batch))
    return found


def _basis() -> int:
    """A checksum of what all genomes depend on besides what customers do."""
    settings = conf.get_settings()
    parts: Iterator[object] = iter(
        (
            personalization.__version__,
            settings.PURCHASE_HALF_LIFE_DAYS,
            settings.GENOME_MAX_PRODUCTS,
            settings.MIN_CUSTOMERS,
            settings.SIZE_ATTRIBUTES,
            sorted(catalogue.all_sensitive_products()),
        )
    )
    digest = hashlib.sha256(repr(list(parts)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
