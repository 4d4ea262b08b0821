"""What would have been known of a customer at the end of an earlier month."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from personalization.models import CustomerFacts, Genome, GenomeMonth, Visitor
from personalization.profile.customer_facts import build_facts
from personalization.profile.genome import build_genomes, read_history
from personalization.profile.tastes import purchase_tastes

KEPT_COLUMNS = ("value_tier", "value_tier_since", "recency_tier", "frequency_tier", "expected_tier")
"""What only a comparison with all customers tells: the row of the month has it."""


@dataclass(frozen=True)
class PastProfile:
    """A customer's genome and facts as of a moment."""

    genome: Genome
    facts: CustomerFacts | None


def profile_in_month(user_id: Any, month: date, moment: float) -> PastProfile:
    """What would be known of a customer who consents: from what they had bought by this moment, in seconds since 1970,
    with the tiers of the month. What similar customers buy, wish lists and groups are today's. Nothing is stored."""
    history = read_history(Visitor.objects.consented([user_id]), moment)
    genome = next(iter(build_genomes(history.purchases, history.members, moment)), Genome())
    genome.neighbour_products = Genome.objects.neighbour_products([user_id]).get(user_id, [])
    tastes = purchase_tastes(history.purchases, history.members, moment)
    facts = next(iter(build_facts(history.since, tastes, moment)), None)
    row = GenomeMonth.objects.of_month(month, [user_id]).get(user_id)
    for name in KEPT_COLUMNS if facts and row else ():
        setattr(facts, name, getattr(row, name))
    return PastProfile(genome, facts)
