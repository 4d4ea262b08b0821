"""The answer of one decision, and what it is made from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from personalization.decide.merchandising import MerchandisedRow
    from personalization.decide.visit import Visit
    from personalization.rank.snapshot_arrays import SnapshotArrays

PRODUCT, CATEGORY, CONTENT = "product", "category", "content"
"""The kinds of items."""
CHOSEN_BY_US, SPONSORED = "chosen_by_us", "sponsored"
"""The reasons of items that a campaign put in their places and that have none of their own."""

HOUSEHOLD = "household"
"""The parameter of rows and reasons that speak of what several people bought: their words say "you" of nobody."""
ALONE = "alone"
"""The parameter of reasons that speak of what the visitor alone bought, beside what several people bought."""


class ItemRef(NamedTuple):
    """What a row or a list holds, by its kind and its key. A category and a product with one key are two items."""

    kind: str
    """`PRODUCT`, `CATEGORY` or `CONTENT`."""
    id: int
    """The primary key."""


def product_ref(product_id: int) -> ItemRef:
    """The product with this primary key."""
    return ItemRef(PRODUCT, product_id)


def category_ref(category_id: int) -> ItemRef:
    """The category with this primary key."""
    return ItemRef(CATEGORY, category_id)


@dataclass(frozen=True)
class Reason:
    """Why something is shown: a code and its parameters. `decide.reasons` puts it into words."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """May name a product or a category by its key, under "product" or "category"."""

    @property
    def key(self) -> str:
        """The code, and the product or category that it names."""
        subject = self.params.get(PRODUCT, self.params.get(CATEGORY))
        return self.code if subject is None else f"{self.code}:{subject}"


@dataclass(frozen=True)
class PlacedBy:
    """The campaign that put an item in its place."""

    campaign: int
    """The key of its definition."""
    version: int
    """The number of its version."""
    name: str
    """What the merchandisers call it; shoppers are not told."""
    sponsored: bool = False
    """Whether somebody pays for the place."""

    @property
    def key(self) -> str:
        """How events name it."""
        return f"{self.campaign}:{self.version}"

    @property
    def reason_code(self) -> str:
        """The reason of an item that has none of its own."""
        return SPONSORED if self.sponsored else CHOSEN_BY_US


@dataclass(frozen=True)
class Candidate:
    """An item that could be shown."""

    item: ItemRef
    score: float
    """Comparable within one row or list only."""
    reason: Reason
    size_family: int | None = None
    """What it shares with those of its row that differ from it in size only: a page shows the first that can stand."""
    size_count: int = 1
    """In how many sizes there is the product, where a row shows one of several."""
    propensity: float | None = None
    """The chance with which it stands there; None where no chance took part."""


@dataclass(frozen=True)
class Link:
    """A way to go on that is no product; the door knows the address."""

    target: str
    """"search" or "basket"."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The "query" of a search; the number of "items" in a basket."""
    label: str = ""
    """In the visitor's language; "" until the row is rendered."""


@dataclass(frozen=True)
class RowCandidate:
    """A row before the availability of its products is known."""

    candidates: list[Candidate]
    """Best first, more than the row will show."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What the title and the explanation name; at most one of "product" and "category", by primary key."""
    expected_share: float = 0.0
    """About which share of this visitor's next purchases the row speaks to, in 0..1; sorts the personal rows."""
    links: tuple[Link, ...] = ()
    """Where else the row leads; with a link it needs no products."""
    probability: Mapping[int, float] | None = None
    """By product key, how likely this visitor is to buy it soon; None where the row is not judged by that."""
    merchandised: "MerchandisedRow | None" = None
    """What campaigns did to the candidates; None before they were asked."""
    raised: frozenset[int] = frozenset()
    """The keys of the products that stand higher than by relevance, as something else counts, too."""


ProposeRows = Callable[["Visit", "SnapshotArrays"], Iterable[RowCandidate]]
"""Makes rows from what was learned."""
ProposeFallbackRows = Callable[["Visit"], Iterable[RowCandidate]]
"""Makes rows from the shop's own tables."""
RowText = Callable[[dict[str, Any]], str]
"""A text with the parameters of a row: names in place of the keys under "product" and "category"."""


@dataclass(frozen=True)
class RowType:
    """A kind of row: all that the app needs to know of it. The contract of the shelf `personalization.rows`."""

    code: str
    """A stable identifier: it stands in the API, in events and in dismissals."""
    title: RowText
    """Translated when it is called, so that it follows the visitor's language."""
    explanation: RowText
    """Why there is this row: a sentence without a full stop, also for items whose reason is the row's."""
    discloses_activity: bool
    """Whether the row tells what the visitor bought, viewed or said; then it shows a neutral title where another person
    may be looking."""
    propose: ProposeRows | None = None
    """Makes the rows of this type for a visit from a snapshot; none, one or several."""
    fallback: ProposeFallbackRows | None = None
    """Makes them without a snapshot, for a surface that names this type among its fallback rows."""
    personal: bool = False
    """Whether the row depends on this visitor: personal rows stand above the others, sorted by `expected_share`."""
    min_items: int = 3
    """With fewer products than this the row is not shown."""
    max_items: int | None = None
    """At most this many products, where the policy's row size is larger."""
    lines: int = 1
    """How many lines of a row it may fill on a page that is all ours."""
    price_range: tuple[float, float] | None = None
    """What its products may cost, as a multiple of the price of the product in the parameters; None for any price."""
    takes_pins: bool = True
    """Whether campaigns may put products into it; not where its title would be untrue then."""
    keeps_order: bool = False
    """Whether its order is what it is about, so that what counts besides relevance moves none of its products."""
    takes_newcomers: bool = False
    """Whether a new product may have its last place now and then."""
    surfaces: tuple[str, ...] = ()
    """The surfaces that show this row type although they do not name it: for row types of other apps."""


@dataclass(frozen=True)
class SlateItem:
    """A product at its position."""

    product_id: int
    position: int
    """From 0, within the row."""
    score: float
    reason: Reason
    explanation: str
    """The reason in the visitor's language."""
    product: Any
    """Oscar's product, with all that a card needs."""
    info: Any = field(default=None, compare=False)
    """Price and availability for this visitor, from the shop's own strategy."""
    placed_by: PlacedBy | None = None
    """The campaign that put it there; None where the engine did."""
    size_count: int = 1
    """In how many sizes there is the product, where the row shows this one for all."""
    propensity: float | None = None
    """The chance with which it stands there; None where no chance took part."""


@dataclass(frozen=True)
class RankedItem:
    """An item of a ranked list."""

    item: ItemRef
    score: float
    """Comparable within one list only."""
    reason: Reason
    explanation: str
    """The reason in the active language."""
    placed_by: PlacedBy | None = None
    """The campaign that put it there; None where the engine did."""

    @property
    def item_id(self) -> int:
        """The primary key of the product, or of the category on the navigation surface."""
        return self.item.id


@dataclass(frozen=True)
class Row:
    """A titled strip of products."""

    key: str
    """Tells this row from others of its type."""
    type: str
    title: str
    reason: Reason
    explanation: str
    """Why there is this row, in the visitor's language."""
    personal: bool
    items: tuple[SlateItem, ...]
    subject_category: int | None = None
    """The category that the title names."""
    subject_category_name: str = ""
    links: tuple[Link, ...] = ()
    """Where else the row leads."""
    candidate_count: int = 0
    """How many products the row could show, before it is known which of them can be bought."""
    is_reordered: bool = False
    """Whether something stands higher there than by what the row is about; its explanation says so."""


@dataclass(frozen=True)
class Slate:
    """What one visitor is shown on one surface at one moment."""

    surface: str
    snapshot_name: str = ""
    """The snapshot that decided, "" when there was none."""
    rows: tuple[Row, ...] = ()
    subject_product: Any = None
    """The product of the page, as it was looked up with all the others; None where there is none."""
    subject_is_unavailable: bool = False
    """Whether it cannot be bought now."""
