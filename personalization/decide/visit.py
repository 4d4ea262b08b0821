"""What a decision may look at: whatever it knows of a person, it knows from here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload
from uuid import UUID

from personalization.models import Genome
from personalization.models.events import RecentEvent
from personalization.models.visitors import Preference


class LazyEvents(Sequence[RecentEvent]):
    """What somebody did lately; read when a decision first looks at it, which most do not."""

    def __init__(self, read: Callable[[], Iterable[RecentEvent]]) -> None:
        self._read = read

    @cached_property
    def _did(self) -> tuple[RecentEvent, ...]:
        return tuple(self._read())

    @overload
    def __getitem__(self, place: int) -> RecentEvent: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RecentEvent]: ...
    def __getitem__(self, place: int | slice) -> RecentEvent | Sequence[RecentEvent]:
        return self._did[place]

    def __len__(self) -> int:
        return len(self._did)


@dataclass(frozen=True)
class Visit:
    """One visitor at one moment in one context. Deciding reads nothing else: no request, no clock, no chance."""

    timestamp: float
    """Seconds since 1970."""
    strategy: Any
    """The shop's own strategy for this visitor: what can be bought, at which price."""
    user_id: Any = None
    """The customer's primary key, or None for a visitor who is not signed in."""
    basket: frozenset[int] = frozenset()
    """The keys of the products in the open basket."""
    basket_quantity: int = 0
    """How many items lie there; of one product there may be several."""
    basket_updated_at: float = 0.0
    """When anything in it was last changed, in seconds since 1970; 0 for an empty one."""
    unavailable_basket_products: tuple[int, ...] = ()
    """The keys of those of its products that cannot be bought now, or not as many as lie there; in the order of the
    lines."""
    country: str = ""
    """The ISO code of the country that they are in or order to, of two letters; "" when it is not known."""
    language: str = ""
    """The code of the language that the page is in."""
    device: str = ""
    """"phone", "tablet" or "computer", as the browser says; "" when it does not say."""
    channel: str = ""
    """What led them to this page: "search", "social", "email", "ads", "link" or "direct"; "" when it is not known."""
    product: int | None = None
    """The key of the product whose page is open; a child's parent."""
    child_product: int | None = None
    """The key of the child, where the page is a child's own."""
    category: int | None = None
    """The key of the category whose page is open."""
    category_name: str = ""
    """Its name, as the shop shows it."""
    query: str = ""
    """What was searched for, on the page of its results."""
    candidate_products: tuple[int, ...] = ()
    """The keys of the products that are to be put in order, where somebody else chose them; in that order."""
    shown_products: frozenset[int] = frozenset()
    """The keys of the products that stand on the page already: none of them is shown again."""
    genome: Genome = field(default_factory=Genome)
    """What is known of the visitor's tastes; an empty one when nothing is."""
    recent_events: Sequence[RecentEvent] = ()
    """What they did lately, newest first."""
    preferences: tuple[Preference, ...] = ()
    """What they said themselves that they want more or less of."""
    excluded_products: frozenset[int] = frozenset()
    """The keys of the products that they do not want to see, worked out from their wishes."""
    visitor_id: UUID | None = None
    """Who they are in our own tables; None for a browser that is not known (yet)."""
    browser_key: str = ""
    """What ties what they are shown to their browser while they have no such id; "" where they have one, or are not
    reported."""
    tracking_allowed: bool = False
    """Whether what they see and do may be reported: they agreed to it."""
    hide_private_reasons: bool = False
    """Whether somebody else may be looking: nothing is named that was bought, looked at or
    said."""
