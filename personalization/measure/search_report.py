"""The report of searches, from their daily totals."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from personalization.measure.reports import MIN_LINES, Period
from personalization.measure.search_outcomes import MIN_PEOPLE
from personalization.models import SearchTotal
from personalization.shop.currencies import own_currency

MIN_SEARCHES = 20
"""No share is said of fewer searches."""
MIN_PLACE_CLICKS = 10
"""No typical place is said of fewer clicks."""
RARELY = 5
"""Percent of its searches: words that are clicked on more seldom are searched for and not clicked on."""


class SearchKind(StrEnum):
    """Which words a report is about."""

    ALL = ""
    FINDS_NOTHING = "nothing"
    """Half of its searches, or more, found nothing."""
    NOT_CLICKED = "not-clicked"
    """It finds something that hardly anybody clicks on."""


@dataclass(frozen=True)
class Money:
    """What was bought after clicks on hits, in one currency, after discounts, without tax and shipping."""

    lines: int = 0
    gross: Decimal = Decimal(0)
    lost_amount: Decimal = Decimal(0)

    @property
    def kept_amount(self) -> Decimal:
        """What the shop kept of it."""
        return self.gross - self.lost_amount

    @property
    def has_amounts(self) -> bool:
        """Whether enough was bought to say for how much."""
        return self.lines >= MIN_LINES


@dataclass(frozen=True)
class SearchOutcome:
    """What came of the searches for some words."""

    query: str
    searches: int = 0
    people: int = 0
    """Of each day; who searches on two days counts twice."""
    known_hits: int = 0
    without_hits: int = 0
    clicked: int = 0
    added: int = 0
    money: Mapping[str, Money] = field(default_factory=dict)
    """By currency."""
    place: int | None = None
    """The place in the results, from 1, above and below which half of the clicks are; None where too few are."""

    @property
    def without_share(self) -> float | None:
        """Percent of the searches of which it is known; None where too few are."""
        return 100 * self.without_hits / self.known_hits if self.known_hits >= MIN_SEARCHES else None

    @property
    def clicked_share(self) -> float | None:
        """Percent."""
        return 100 * self.clicked / self.searches if self.searches >= MIN_SEARCHES else None

    @property
    def added_share(self) -> float | None:
        """Percent."""
        return 100 * self.added / self.searches if self.searches >= MIN_SEARCHES else None

    @property
    def finds_nothing(self) -> bool:
        """Whether half of its searches, or more, found nothing."""
        return bool(self.known_hits) and 2 * self.without_hits >= self.known_hits

    def is_of(self, kind: SearchKind) -> bool:
        """Whether a report of this kind has it."""
        if kind == SearchKind.FINDS_NOTHING:
            return self.finds_nothing
        if kind == SearchKind.NOT_CLICKED:
            return not self.finds_nothing and self.clicked_share is not None and self.clicked_share < RARELY
        return True


def read_search_rows(period: Period, kind: SearchKind) -> list[SearchOutcome]:
    """What was searched for, the most frequent first, without places. One query."""
    found: dict[str, SearchOutcome] = {}
    money: dict[str, dict[str, Money]] = {}
    own = own_currency()
    for row in SearchTotal.objects.between(period.first, period.last).sums_by_words():
        amounts = Money(row["lines_sum"], row["gross_sum"], row["lost_amount_sum"])
        money.setdefault(row["query"], {})[row["currency"] or own] = amounts
        if not row["currency"]:
            found[row["query"]] = _search_outcome(row)
    shown = (replace(one, money=money.get(query, {})) for query, one in found.items() if one.people >= MIN_PEOPLE)
    return sorted((one for one in shown if one.is_of(kind)), key=lambda one: (-one.searches, one.query))


def _search_outcome(row: Mapping[str, Any]) -> SearchOutcome:
    names = ("searches", "people", "known_hits", "without_hits", "clicked", "added")
    return SearchOutcome(row["query"], **{name: row[f"{name}_sum"] for name in names})


def with_places(outcomes: Iterable[SearchOutcome], period: Period) -> Iterator[SearchOutcome]:
    """These, with the typical place of what was clicked on. One query."""
    outcomes = list(outcomes)
    totals = SearchTotal.objects.between(period.first, period.last)
    places = totals.places_of([one.query for one in outcomes])
    return (replace(one, place=typical_place(places.get(one.query, Counter()))) for one in outcomes)


def typical_place(places: Counter[int]) -> int | None:
    """The median of the places that were clicked on; None of too few clicks."""
    clicks, before = sum(places.values()), 0
    if clicks < MIN_PLACE_CLICKS:
        return None
    for place in sorted(places):
        before += places[place]
        if 2 * before >= clicks:
            break
    return place
