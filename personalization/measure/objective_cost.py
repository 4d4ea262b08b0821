"""What it costs when more than relevance counts: how much easier, or harder, later purchases would have been to find.

Whoever looks at a page sees its first places most. So what is bought afterwards counts, at place p, as 1 / log2(1 + p):
1 at the first place, 0.63 at the second, 0.3 at the ninth, and 0 where it would not stand at all. The sum over all
later purchases stands for orders; with each multiplied by what it earns, for margin. The change is that of the sums;
how sure it is follows from the customers, each of whom counts once with all of their pages (the variance of a ratio, as
in `comparison.estimate_ratio`).

Reference
---------
K. Järvelin, J. Kekäläinen: Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4), 2002 (the discount).
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from personalization.measure.back_test import MIN_PEOPLE, ReplayedPage
from personalization.measure.comparison import estimate_ratio
from personalization.measure.student_t import t_quantile
from personalization.measure.sums import sum_units

INTERVAL_ERROR = 0.05
"""The interval holds the truth in all but so many cases."""


@dataclass(frozen=True)
class LikelyChange:
    """By how much something would have changed: 0.02 for 2 % more."""

    estimate: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether it is beyond chance."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class ObjectiveCost:
    """What a change would have cost on some pages of the past, and brought."""

    people: int = 0
    purchases: int = 0
    """What was bought afterwards and stood on the page, before or after; on each page by itself."""
    with_margin: int = 0
    """Those of them of which it is known what they earn."""
    orders: LikelyChange | None = None
    """None where nothing is known."""
    margin: LikelyChange | None = None
    shown_before: float | None = None
    """What a piece of what stands there earns on average, where the first places count most; None where no cost is
    known."""
    shown_after: float | None = None

    @property
    def is_too_small(self) -> bool:
        """Whether too few people bought anything to say what they bought."""
        return self.people < MIN_PEOPLE

    @property
    def unknown_share(self) -> float:
        """Of how many of the purchases it is not known what they earn, 0 to 1."""
        return 1 - self.with_margin / self.purchases if self.purchases else 0.0


@dataclass
class _Sums:
    """One customer's, or the one of all places: before and after."""

    before: float = 0.0
    after: float = 0.0

    def add(self, before: float, after: float) -> None:
        self.before += before
        self.after += after


@dataclass
class _Customer:
    orders: _Sums = field(default_factory=_Sums)
    margin: _Sums = field(default_factory=_Sums)


def objective_cost(pages: Iterable[ReplayedPage], margins: Mapping[int, float]) -> ObjectiveCost:
    """What the change would have cost on these pages. Parameters: `margins`, by product what a piece of it earns, as
    far as that is known."""
    customers: dict[Hashable, _Customer] = {}
    shown, weights = _Sums(), _Sums()
    purchases = with_margin = 0
    for page in pages:
        before, after = _attention_by_product(page.before), _attention_by_product(page.after)
        stood = page.chosen & (before.keys() | after.keys())
        if not stood:
            continue
        customer = customers.setdefault(page.person, _Customer())
        for key in sorted(stood):
            customer.orders.add(before.get(key, 0.0), after.get(key, 0.0))
            if key in margins:
                customer.margin.add(margins[key] * before.get(key, 0.0), margins[key] * after.get(key, 0.0))
                with_margin += 1
        purchases += len(stood)
        _add_shown(shown, weights, (before, after), margins)
    return ObjectiveCost(
        len(customers),
        purchases,
        with_margin,
        _likely_change([one.orders for one in customers.values()]),
        _likely_change([one.margin for one in customers.values()]) if with_margin else None,
        shown.before / weights.before if weights.before else None,
        shown.after / weights.after if weights.after else None,
    )


def attention(place: int) -> float:
    """How much a place counts, from 1."""
    return 1 / math.log2(1 + place)


def _attention_by_product(products: Sequence[int]) -> dict[int, float]:
    return {key: attention(place) for place, key in enumerate(products, 1)}


def _add_shown(
    shown: _Sums, weights: _Sums, sides: tuple[Mapping[int, float], Mapping[int, float]], margins: Mapping[int, float]
) -> None:
    known = [{key: weight for key, weight in side.items() if key in margins} for side in sides]
    before, after = (sum(margins[key] * weight for key, weight in side.items()) for side in known)
    shown.add(before, after)
    weights.add(sum(known[0].values()), sum(known[1].values()))


def _likely_change(customers: Sequence[_Sums]) -> LikelyChange | None:
    """The change of the sum of all customers; None for too few, or where it was 0 or less."""
    if len(customers) < MIN_PEOPLE or sum(one.before for one in customers) <= 0:
        return None
    ratio = estimate_ratio(sum_units([one.after for one in customers], [one.before for one in customers]))
    if ratio is None:
        return None
    half = t_quantile(INTERVAL_ERROR, ratio.n - 1) * math.sqrt(ratio.mean_variance)
    return LikelyChange(ratio.mean - 1, ratio.mean - half - 1, ratio.mean + half - 1)
