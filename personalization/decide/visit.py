"""What a decision may look at: whatever it knows of a person, it knows from here."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from personalization.models import Genome
from personalization.models.events import Did
from personalization.models.visitors import Wish


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
    country: str = ""
    """The ISO code of the country that they are in or order to, of two letters; "" when it is not known."""
    category: int | None = None
    """The key of the category whose page is open."""
    listing: tuple[int, ...] = ()
    """The keys of the products that are to be put in order, where somebody else chose them."""
    genome: Genome = field(default_factory=Genome)
    """What is known of the visitor's tastes; an empty one when nothing is."""
    recent: tuple[Did, ...] = ()
    """What they did lately, newest first."""
    wishes: tuple[Wish, ...] = ()
    """What they said themselves that they want more or less of."""
    unwanted: frozenset[int] = frozenset()
    """The keys of the products that they do not want to see, worked out from their wishes."""
    visitor: UUID | None = None
    """Who they are in our own tables; None for a browser that is not known (yet)."""
    reported: bool = False
    """Whether what they see and do may be reported: they agreed to it."""
    discreet: bool = False
    """Whether somebody else may be looking: nothing is named that was bought, looked at or
    said."""
