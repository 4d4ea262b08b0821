"""What changed in what a customer buys since an earlier month: only what is more than noise."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from personalization.models import CustomerFacts, GenomeMonth
from personalization.models.customer_facts import MAX_TASTES, Taste, TasteKind
from personalization.models.genome_months import MAX_DATED_TASTES, month_before
from personalization.profile.genome_months import month_end, month_of
from personalization.shop import catalogue

MONTHS_COMPARED = 3
"""The oldest row of so many months is compared with."""
FEWEST_ORDERS = 2
"""So many orders were kept up to that month, and since: with fewer, any purchase moves all shares."""
FEWEST_DAYS = 2
"""What became a larger part was bought on so many days in all: one may have been for a present."""
LEAST_NEW_SHARE = 0.01
"""What is new makes so much of what they buy."""
LEAST_DIFFERENCE = 0.1
LEAST_FACTOR = 1.5
"""A share changed that moved by a tenth of all that they buy, and became so many times as large or as small."""
MAX_CHANGES = 5


@dataclass(frozen=True)
class ShareChange:
    """A category that has another part of what a customer buys."""

    category: Any
    """Oscar's category, with its `label`."""
    percent_before: int
    percent: int


@dataclass(frozen=True)
class TasteChanges:
    """What changed since a month; each list has the most important first, and no category above another of it."""

    month: date
    new: list[Any]
    """The categories of which they bought first after that month, on two days at least."""
    more: list[ShareChange]
    less: list[ShareChange]
    tiers: tuple[int, int] | None = None
    """(tenth by kept revenue of a year then, and now), where it is another one."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be said of what they buy."""
        return not (self.new or self.more or self.less)


def read_taste_changes(
    user_id: Any, facts: CustomerFacts, now: float, hidden: Collection[int] = ()
) -> TasteChanges | None:
    """What changed in what this customer buys, without what is sensitive and the categories `hidden`; None where there
    is nothing to compare with. `now` in seconds since 1970. One query, and three more where something changed."""
    month = month_of(now)
    rows = GenomeMonth.objects.of_customer(user_id, month_before(month, MONTHS_COMPARED), month_before(month))
    if not rows:
        return None
    then = rows[0]
    new, changed = _new_categories(facts, then.month), _changed_shares(facts, then)
    named = _named_categories({*new, *changed} - set(hidden))
    repeated = {
        key for key, taste in facts.taste_index.get(TasteKind.CATEGORY, {}).items() if taste.purchases >= FEWEST_DAYS
    }
    rising = [key for key, (before, after) in changed.items() if after > before and key in repeated - set(new)]
    falling = [key for key, (before, after) in changed.items() if after < before]
    more, less = (
        [ShareChange(one, *map(_rounded_percent, changed[one.pk])) for one in _most_specific(keys, named)]
        for keys in (rising, falling)
    )
    return TasteChanges(then.month, _most_specific(new, named), more, less, _changed_tiers(facts, then))


def _new_categories(facts: CustomerFacts, month: date) -> list[int]:
    """The keys of the categories that they took up after this month, the strongest first."""
    end = month_end(month)
    known = [taste for taste in facts.read_tastes() if taste.kind == TasteKind.NEW and taste.share >= LEAST_NEW_SHARE]
    new = [taste for taste in known if taste.last_at is not None and taste.last_at >= end]
    return [taste.key for taste in sorted(new, key=lambda taste: -taste.share)]


def _changed_shares(facts: CustomerFacts, then: GenomeMonth) -> dict[int, tuple[float, float]]:
    """{category: (share then, share now)} of those that changed, the largest change first."""
    if then.orders < FEWEST_ORDERS or facts.kept_orders - then.orders < FEWEST_ORDERS:
        return {}
    earlier, all_now = then.read_tastes(), facts.read_tastes()
    before, after = _category_shares(earlier), _category_shares(all_now)
    # What a full list does not name may still have a share below its last one.
    pairs = {
        key: (before.get(key, 0.0), after.get(key, 0.0))
        for key in before.keys() | after.keys()
        if (key in before or len(earlier) < MAX_DATED_TASTES) and (key in after or len(after) < MAX_TASTES)
    }
    changed = [(key, pair) for key, pair in pairs.items() if _is_change(*sorted(pair))]
    return dict(sorted(changed, key=lambda each: (-abs(each[1][1] - each[1][0]), each[0])))


def _category_shares(tastes: Iterable[Taste]) -> dict[int, float]:
    return {taste.key: taste.share for taste in tastes if taste.kind == TasteKind.CATEGORY}


def _is_change(smaller: float, larger: float) -> bool:
    return larger - smaller >= LEAST_DIFFERENCE and larger >= LEAST_FACTOR * smaller


def _named_categories(keys: set[int]) -> dict[int, Any]:
    """Oscar's categories by key: those that are in the shop and not sensitive."""
    return catalogue.categories_by_id(keys - catalogue.sensitive_categories()) if keys else {}


def _most_specific(keys: Sequence[int], named: dict[int, Any]) -> list[Any]:
    """The categories of these keys in their order, none that is above another of them."""
    there = [named[key] for key in keys if key in named]
    paths = [one.path for one in there]
    return [one for one in there if not _is_above(one.path, paths)][:MAX_CHANGES]


def _is_above(path: str, paths: Iterable[str]) -> bool:
    return any(other != path and other.startswith(path) for other in paths)


def _rounded_percent(share: float) -> int:
    return round(100 * share)


def _changed_tiers(facts: CustomerFacts, then: GenomeMonth) -> tuple[int, int] | None:
    if then.value_tier is None or facts.value_tier is None or then.value_tier == facts.value_tier:
        return None
    return then.value_tier, facts.value_tier
