"""The arithmetic of a back-test: what a change of the rules, or of the policy, would have done to pages of the past.

Each page is decided twice for one past moment, and compared with what the visitor chose afterwards. Both sides share
all that is wrong with deciding the past by what was learned since: their difference is worth more than either.
"""

from collections.abc import Hashable, Iterable, Set
from dataclasses import dataclass
from enum import StrEnum

MIN_PEOPLE = 5
"""Nothing is said of the choices of fewer customers."""


class PageKind(StrEnum):
    """The pages of which a past visit can be decided anew."""

    CATEGORY_LIST = "category_list"
    SEARCH_LIST = "search_list"
    HOME_ROWS = "home"
    PRODUCT_ROWS = "product"
    BASKET_ROWS = "basket"
    CATEGORY_ROWS = "category"
    SHOWN = "shown"
    """Rows and lists that were reported as seen."""

    @property
    def is_list(self) -> bool:
        """Whether it is a list with pages of its own, and not rows."""
        return self in (PageKind.CATEGORY_LIST, PageKind.SEARCH_LIST)


@dataclass(frozen=True)
class ReplayedPage:
    """The products of one page at one moment of the past, as it stands and after the change."""

    person: Hashable
    """Who looked at it."""
    before: tuple[int, ...]
    """The keys of the products, in the order of their places. What is not there is not shown."""
    after: tuple[int, ...]
    chosen: frozenset[int]
    """What this visitor chose afterwards, as far as it could stand there."""
    first_places: int
    """So many places are seen at once: the first page of a list, all of a page with rows."""


@dataclass(frozen=True)
class BackTest:
    """What the change would have done to some pages of the past."""

    pages: int = 0
    people: int = 0
    moved: int = 0
    """The different products that would have stood elsewhere on at least one page, or come to it, or gone."""
    chosen: int = 0
    """What was chosen afterwards and stood on the page, before the change or after it; on each page by itself."""
    higher: int = 0
    """Those of them that would have stood nearer to the top, or on the page at all."""
    lower: int = 0
    """Those that would have stood further down; not the hidden ones."""
    hidden: int = 0
    """Those that stood on the page, and would not have."""
    place_before: float | None = None
    """The mean place, from 1, of what was chosen and stands on both sides; None where there is no such thing."""
    place_after: float | None = None
    first_before: int = 0
    """How many of those chosen stood in the first places."""
    first_after: int = 0

    @property
    def is_too_small(self) -> bool:
        """Whether too few people chose anything to say what they chose."""
        return self.people < MIN_PEOPLE

    @property
    def changes_nothing(self) -> bool:
        """Whether every page would have stayed as it was."""
        return not self.moved


def compare_pages(pages: Iterable[ReplayedPage]) -> BackTest:
    """What the change would have done to these pages. One on which nothing of what was chosen stands, before or after,
    says nothing, and is not counted."""
    telling = [page for page in pages if page.chosen & {*page.before, *page.after}]
    pairs = [pair for page in telling for pair in _chosen_places(page)]
    both = [(before, after) for before, after, _first in pairs if before and after]
    return BackTest(
        pages=len(telling),
        people=len({page.person for page in telling}),
        moved=len(set().union(*(_moved_products(page) for page in telling))),
        chosen=len(pairs),
        higher=sum(bool(after) and (not before or after < before) for before, after, _first in pairs),
        lower=sum(bool(before) and after > before for before, after, _first in pairs),
        hidden=sum(not after for _before, after, _first in pairs),
        place_before=sum(before for before, _after in both) / len(both) if both else None,
        place_after=sum(after for _before, after in both) / len(both) if both else None,
        first_before=sum(0 < before <= first for before, _after, first in pairs),
        first_after=sum(0 < after <= first for _before, after, first in pairs),
    )


def _chosen_places(page: ReplayedPage) -> list[tuple[int, int, int]]:
    """(place before, place after, number of first places) of each product that was chosen; place 0 for none."""
    before, after = _places_by_product(page.before), _places_by_product(page.after)
    stood = page.chosen & (before.keys() | after.keys())
    return [(before.get(key, 0), after.get(key, 0), page.first_places) for key in sorted(stood)]


def _moved_products(page: ReplayedPage) -> Set[int]:
    before, after = _places_by_product(page.before), _places_by_product(page.after)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _places_by_product(products: tuple[int, ...]) -> dict[int, int]:
    return {key: place for place, key in enumerate(products, 1)}
