"""What a decision may look at: all that it knows of a visitor, their context and the shop's policy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from personalization.decide.policy import DEFAULT_POLICY, Policy
from personalization.decide.slate import ALONE, HOUSEHOLD
from personalization.decide.trace import Trace
from personalization.merchandising.compiled import NO_RULES, CompiledRules
from personalization.models import CustomerFacts, Genome
from personalization.models.recent_activity import RecentEvent
from personalization.models.visitors import Preference
from personalization.rank.snapshot_arrays import SnapshotArrays

if TYPE_CHECKING:
    from personalization.decide.arms import VisitArms

Item = TypeVar("Item")
Result = TypeVar("Result")


class LazySequence(Sequence[Item]):
    """What a decision may look at, read when one first does: a visitor's recent events, which most need not know."""

    def __init__(self, read: Callable[[], Iterable[Item]]) -> None:
        self._read = read

    @property
    def is_read(self) -> bool:
        """Whether anything has looked at it."""
        return "_items" in self.__dict__

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        return tuple(self._read())

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


@dataclass(frozen=True)
class Visit:
    """One visitor at one moment in one context. A decision reads nothing else: no request, clock, chance or setting."""

    timestamp: float
    """Seconds since 1970."""
    strategy: Any
    """The shop's own strategy for this visitor: what can be bought, at which price."""
    user_id: Any = None
    """The customer's primary key, or None for a visitor who is not signed in."""
    basket: frozenset[int] = frozenset()
    """The keys of the products in the open basket."""
    basket_quantity: int = 0
    """The number of items in it; of one product there may be several."""
    basket_updated_at: float = 0.0
    """When anything in it was last changed, in seconds since 1970; 0 for an empty one."""
    unavailable_basket_products: tuple[int, ...] = ()
    """The keys of those of its products that cannot be bought now in that quantity, in the order of the lines."""
    country: str = ""
    """The ISO code, two letters, of the country that they are in or order to; "" when unknown."""
    language: str = ""
    """The code of the language that the page is in."""
    device: str = ""
    """"phone", "tablet" or "computer", as the browser says; "" when it does not say."""
    channel: str = ""
    """What led them to this page: "search", "social", "email", "ads", "link" or "direct"; "" when unknown."""
    store: str = ""
    """The code of the store where they fetch their orders; "" where they chose none."""
    product: int | None = None
    """The key of the product whose page is open; a child's parent."""
    child_product: int | None = None
    """The key of the child, where the page is a child's own."""
    category: int | None = None
    """The key of the category whose page is open."""
    category_name: str = ""
    """Its name, as the shop shows it."""
    query: str = ""
    """The search query, on the page of its results."""
    candidate_products: tuple[int, ...] = ()
    """The keys of the products to rerank, where a search engine or an API client chose them; in its order."""
    shown_products: frozenset[int] = frozenset()
    """The keys of the products that are on the page already: none of them is shown again."""
    genome: Genome = field(default_factory=Genome)
    """The visitor's profile, or their household's; an empty one for a stranger."""
    own_genome: Genome | None = None
    """What they bought themselves, where `genome` is their household's; None where it is their own."""
    facts: CustomerFacts | None = None
    """Numbers and dates of the customer, for segments; None for a stranger."""
    recent_events: Sequence[RecentEvent] = ()
    """Newest first."""
    often_seen: Sequence[int] = ()
    """The keys of the products that rows showed them again and again lately, whatever they did then."""
    preferences: tuple[Preference, ...] = ()
    """What they stated that they want more or less of."""
    excluded_products: frozenset[int] = frozenset()
    """The keys of the products that they do not want to see, derived from their preferences."""
    visitor_id: UUID | None = None
    """The primary key in our own table; None for a browser without consent, or without a visitor yet."""
    unit: UUID | None = None
    """By what arms are computed for them; None where nothing may be measured, or there is no visitor yet."""
    browser_key: str = ""
    """Binds the tokens of what is shown to the browser while it has no visitor; see `Requester.browser_key`. "" where
    there is a visitor, or no consent."""
    tracking_allowed: bool = False
    """Whether they gave consent, so that impressions and clicks may be reported."""
    is_preview: bool = False
    """Whether a member of staff looks at it as somebody else would; then nothing is reported."""
    hide_private_reasons: bool = False
    """Whether another person may be looking: nothing is named that was bought, viewed or said."""
    policy: Policy = DEFAULT_POLICY
    """The numbers that the decision goes by."""
    rules: CompiledRules = field(default=NO_RULES, repr=False)
    """The campaigns of the shop's merchants."""
    held_back: bool = False
    """Whether this visitor is held back from personalisation, to measure it: campaigns for segments do not act then."""
    arms: "VisitArms | None" = field(default=None, compare=False, repr=False)
    """Their arms of the experiments that run; None where they are in none."""
    trace: Trace | None = field(default=None, compare=False, repr=False)
    """Where the decision writes down how it came about; None when nobody asks."""
    _shared: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    @property
    def alternative_queries(self) -> tuple[str, ...]:
        """What the search looks for besides its own words: itself with synonyms in their place."""
        return self.rules.search.alternatives(self.query) if self.query else ()

    @property
    def in_household(self) -> bool:
        """Whether `genome` is of several people, so that no sentence about it may say "you"."""
        return self.own_genome is not None

    @property
    def alone_params(self) -> dict[str, Any]:
        """The parameters of a reason about what they bought themselves, which says so where others are meant, too."""
        return {ALONE: True} if self.in_household else {}

    @property
    def household_params(self) -> dict[str, Any]:
        """The parameters of a row about all in `genome`, which says so where that is of several people."""
        return {HOUSEHOLD: True} if self.in_household else {}

    @property
    def own_purchases(self) -> list[list[Any]]:
        """The products of the genome that they bought themselves."""
        rows: list[list[Any]] = (self.genome if self.own_genome is None else self.own_genome).products
        return rows

    def compute_once(self, compute: Callable[["Visit", SnapshotArrays], Result], snapshot: SnapshotArrays) -> Result:
        """The result of `compute` for this visit and snapshot, worked out at the first call: several rows share it. A
        changed copy of the visit starts anew."""
        key = compute, id(snapshot)
        if key not in self._shared:
            self._shared[key] = compute(self, snapshot), snapshot  # which keeps the snapshot, and so its id
        result: Result = self._shared[key][0]
        return result

    def remember(self, key: tuple[str, int | str], compute: Callable[[], Result]) -> Result:
        """What `compute` gave at the first call with this key. A changed copy of the visit starts anew."""
        if key not in self._shared:
            self._shared[key] = compute()
        result: Result = self._shared[key]
        return result
