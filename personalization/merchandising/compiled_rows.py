"""The settings of rows as a decision reads them; `merchandising.compile_rows` makes them from what is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from personalization.merchandising.compiled import Audience, Schedule, Target
from personalization.merchandising.compiled_numbers import ProductGroups, relative_ranks
from personalization.merchandising.compiled_objectives import MAX_MOVE

EVERYBODY, ALWAYS = Audience(), Schedule()
NO_PRODUCTS: NDArray[np.int64] = np.empty(0, np.int64)


class RowSource(StrEnum):
    """Where the products of a shop's own row come from."""

    RANGE = "range"
    NEWEST = "newest"
    ON_OFFER = "on_offer"


@dataclass(frozen=True)
class Nudge:
    """A number of each product that counts besides relevance."""

    weight: int
    """Percent."""
    numbers: ProductGroups
    """The higher the better."""


@dataclass(frozen=True)
class RowSettings:
    """What a merchandiser decided about one row of one surface."""

    id: int
    """The key of its definition."""
    surface: str
    code: str
    """Of the row type; of a row of the shop's own, a code that no row type has."""
    version: int = 0
    """The number of the version that is live."""
    is_shown: bool = True
    titles: Mapping[str, str] = field(default_factory=dict)
    """By language code in lower case. None for a language: the row type's own title."""
    source: RowSource | None = None
    """None: the code's row type makes its products."""
    product_ids: NDArray[np.int64] = field(default_factory=lambda: NO_PRODUCTS, repr=False, compare=False)
    """Of a row of the shop's own: its products, the newest first."""
    most: int | None = None
    """So many products instead of the policy's."""
    fewest: int | None = None
    """With fewer it is not shown, instead of the row type's number."""
    without_bought_days: int = 0
    """What the visitor bought within so many days is left out; 0 for nothing."""
    only: Target | None = None
    """What it may hold; None for all."""
    audience: Audience = EVERYBODY
    schedule: Schedule = ALWAYS
    fallback: tuple[str, ...] = ()
    """The codes of what is shown in its place when too little is there, the first choice first."""
    nudges: tuple[Nudge, ...] = ()
    is_fixed: bool = False
    """Whether a personal row keeps its place, and does not stand where it suits each visitor."""
    place: int = 0
    """From 1, among the rows of the page; 0 where the surface has it."""

    @property
    def has_own_place(self) -> bool:
        """Whether a merchandiser decided where it stands, for all visitors."""
        return self.is_fixed or self.place > 0

    def percents(self, product_ids: Sequence[int]) -> dict[int, int]:
        """By product, how far what counts besides relevance moves it up (or down) in a list of these, in percent of the
        list: between any two of them lie at most MAX_MOVE. A product without a number stays where it is."""
        totals = np.zeros(len(product_ids))
        for nudge in self.nudges:
            totals += nudge.weight * relative_ranks(nudge.numbers, product_ids)
        moved = np.rint(totals * MAX_MOVE / 2 / 100).astype(int).tolist()
        return {key: percent for key, percent in zip(product_ids, moved, strict=True) if percent}


def page_order(personal: Sequence[str], others: Sequence[str], settings: Mapping[str, RowSettings]) -> list[str]:
    """The codes of a page's rows from the top: of a surface's personal row types, which stand first, of the shop's own
    rows, and of the other row types. Each that a merchandiser gave a place stands exactly there, as far as there are so
    many."""
    own = [one.code for one in settings.values() if one.source is not None and one.code not in {*personal, *others}]
    codes = [*personal, *own, *others]
    order = [code for code in codes if not (code in settings and settings[code].place)]
    for place, code in sorted((settings[code].place, code) for code in set(codes).difference(order)):
        order.insert(place - 1, code)
    return order
