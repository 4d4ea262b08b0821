"""What a decision may look at."""

from dataclasses import dataclass, field
from typing import Any

from personalization.models import Genome


@dataclass(frozen=True)
class Visit:
    """One visitor at one moment in one context. Deciding reads nothing else: no request, no clock, no chance."""

    now: float
    """Seconds since 1970."""
    strategy: Any
    """The shop's own strategy for this visitor: what can be bought, at which price."""
    user_id: Any = None
    """The customer's primary key, or None for a visitor who is not signed in."""
    basket: frozenset[int] = frozenset()
    """The keys of the products in the open basket."""
    category: int | None = None
    """The key of the category whose page is open."""
    listing: tuple[int, ...] = ()
    """The keys of the products that are to be put in order, where somebody else chose them."""
    genome: Genome = field(default_factory=Genome)
    """What is known of the visitor's tastes; an empty one when nothing is."""
