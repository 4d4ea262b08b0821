"""What visitors said themselves: it goes before whatever was learned of them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from personalization.decide.visit import LazyEvents, Visit
from personalization.models import Genome
from personalization.models.visitors import Preference
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

PERMANENT_TYPES = "interest"
"""An interest that was added or removed by hand stays so. Everything else fades."""


def apply_preferences(visit: Visit, learned: SnapshotArrays | None) -> Visit:
    """The visit, with what the visitor does not want marked as unwanted; and what they do not want, or took out of
    their interests, left out of what is known of them."""
    wishes = _active_preferences(visit)
    if not wishes:
        return visit
    unwanted = _negative_preferences(wishes, "product") | _products_of_categories(
        _negative_preferences(wishes, "category"), learned
    )
    away = unwanted | _products_of_categories(_negative_preferences(wishes, PERMANENT_TYPES), learned)
    return replace(
        visit,
        preferences=wishes,
        excluded_products=frozenset(unwanted),
        genome=_without_categories(visit.genome, away, excluded_categories(wishes), learned),
        recent_events=LazyEvents(lambda: [did for did in visit.recent_events if did.product_id not in away]),
    )


def dismissed_rows(wishes: Iterable[Preference]) -> set[str]:
    """The keys of the rows that the visitor does not want to see."""
    return {str(wish.key) for wish in wishes if wish.type == "reason" and wish.sign < 0}


def liked_categories(wishes: Iterable[Preference]) -> list[int]:
    """The categories that the visitor said they like, the last one first."""
    stated = [int(wish.key) for wish in wishes if wish.type == PERMANENT_TYPES and wish.sign > 0]
    return stated[::-1]


def excluded_categories(wishes: Iterable[Preference]) -> set[int]:
    """The categories that the visitor wants less of, or took out of their interests."""
    return _negative_preferences(wishes, "category") | _negative_preferences(wishes, PERMANENT_TYPES)


def _active_preferences(visit: Visit) -> tuple[Preference, ...]:
    oldest = visit.timestamp - visit.policy.dismissal_days * DAY
    return tuple(wish for wish in visit.preferences if wish.type == PERMANENT_TYPES or wish.recorded_at > oldest)


def _negative_preferences(wishes: Iterable[Preference], kind: str) -> set[int]:
    return {int(wish.key) for wish in wishes if wish.sign < 0 and wish.type == kind}


def _products_of_categories(categories: Iterable[int], learned: SnapshotArrays | None) -> set[int]:
    """The keys of all products in these categories and below."""
    if learned is None:
        return set()
    return {product for category in categories for product in learned.ids[learned.category_products(category)].tolist()}


def _without_categories(genome: Genome, away: set[int], categories: set[int], learned: SnapshotArrays | None) -> Genome:
    """The genome without these products and categories, nor any category that holds nothing else."""
    gone = np.array(sorted(away), np.int64)

    def remains(category: int) -> bool:
        inside = learned.ids[learned.category_products(category)] if learned is not None and categories else gone[:0]
        return category not in categories and not (len(inside) and np.isin(inside, gone).all())

    return Genome(
        products=[row for row in genome.products if row[0] not in away],
        categories=[row for row in genome.categories if remains(row[0])],
        neighbour_products=[row for row in genome.neighbour_products if row[0] not in away],
        purchases=genome.purchases,
        distinct_products=genome.distinct_products,
    )
