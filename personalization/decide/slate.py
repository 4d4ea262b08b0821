"""The answer of one decision, and what it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """Why something is shown: a code and the facts behind it. `decide.explain` puts it into words."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """May name a product or a category by its key, under "product" or "category"."""

    @property
    def key(self) -> str:
        """The code, and what it is about."""
        about = self.params.get("product", self.params.get("category"))
        return self.code if about is None else f"{self.code}:{about}"


@dataclass(frozen=True)
class Candidate:
    """A product that could stand in a row."""

    item: int
    """The product's primary key."""
    score: float
    """Comparable within one row only."""
    reason: Reason


@dataclass(frozen=True)
class Link:
    """A way to go on that is no product: which page it leads to is for the door to say."""

    target: str
    """"search" or "basket"."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The "query" of a search; how many "items" lie in a basket."""
    label: str = ""
    """What it says, in the visitor's language; "" in a draft."""


@dataclass(frozen=True)
class RowCandidate:
    """A row before anyone looked whether its products can be bought."""

    reason: Reason
    """Why there is this row; its code names the row."""
    candidates: list[Candidate]
    """Best first, more than the row will show."""
    personal: bool = False
    """Whether the row says something about this visitor."""
    expected_share: float = 0.0
    """About which share of this visitor's next purchases the row speaks to, in 0..1; orders the personal rows."""
    min_items: int = 3
    """With fewer products than this the row is not shown."""
    price_range: tuple[float, float] | None = None
    """What its products may cost, in so many times the price of the product that the reason speaks of; None for any."""
    max_items: int = 1_000
    """With so many it is full, however many a row may hold."""
    links: tuple[Link, ...] = ()
    """What else the row leads to; with a link it may do without products."""


@dataclass(frozen=True)
class SlateItem:
    """A product in its place."""

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
    """At which price this visitor can buy it, and how available it is: the answer of the shop's own strategy."""


@dataclass(frozen=True)
class RankedItem:
    """A product, or on the navigation surface a category, in a ranked list."""

    item_id: int
    """Its primary key."""
    score: float
    """Comparable within one list only."""
    reason: Reason
    explanation: str
    """The reason in the active language."""


@dataclass(frozen=True)
class Row:
    """A titled strip of products."""

    key: str
    """Tells this row from others of its kind."""
    type: str
    title: str
    reason: Reason
    explanation: str
    """Why there is this row, in the visitor's language."""
    personal: bool
    items: tuple[SlateItem, ...]
    subject_category: int | None = None
    """The category that the row is about, and says so."""
    subject_category_name: str = ""
    links: tuple[Link, ...] = ()
    """What else it leads to."""


@dataclass(frozen=True)
class Slate:
    """What one visitor is shown on one surface at one moment."""

    surface: str
    snapshot_name: str = ""
    """The name of the snapshot that it was decided with, or "" when there was none."""
    rows: tuple[Row, ...] = ()
    subject_product: Any = None
    """The product whose page this is, as it was looked up with all the others; None where there is none."""
    subject_is_unavailable: bool = False
    """Whether it cannot be bought now."""
