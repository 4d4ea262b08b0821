"""What visitors stated themselves: it counts before anything that was learned about them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from personalization.decide.visit import LazySequence, Visit
from personalization.models import Genome
from personalization.models.visitors import Preference
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

PERMANENT_TYPES = "interest"
"""An interest that was added or removed by hand stays so. Everything else expires."""


def apply_preferences(visit: Visit, snapshot: SnapshotArrays | None) -> Visit:
    """The visit with the preferences in force: what the visitor does not want to see is in `excluded_products`; that
    and the interests that they removed are left out of their profile and their events."""
    preferences = active_preferences(visit)
    if not preferences:
        return visit
    excluded = _negative_preferences(preferences, "product") | _products_of_categories(
        _negative_preferences(preferences, "category"), snapshot
    )
    ignored = excluded | _products_of_categories(_negative_preferences(preferences, PERMANENT_TYPES), snapshot)
    unwanted = ignored, excluded_categories(preferences), snapshot
    return replace(
        visit,
        preferences=preferences,
        excluded_products=frozenset(excluded),
        genome=_without_categories(visit.genome, *unwanted),
        own_genome=None if visit.own_genome is None else _without_categories(visit.own_genome, *unwanted),
        recent_events=LazySequence(lambda: [event for event in visit.recent_events if event.product_id not in ignored]),
    )


def dismissed_rows(preferences: Iterable[Preference]) -> set[str]:
    """The keys of the rows that the visitor does not want to see."""
    return {str(one.key) for one in preferences if one.type == "reason" and one.sign < 0}


def liked_categories(preferences: Iterable[Preference]) -> list[int]:
    """The keys of the categories that the visitor added to their interests, the last one first."""
    return [int(one.key) for one in preferences if one.type == PERMANENT_TYPES and one.sign > 0][::-1]


def excluded_categories(preferences: Iterable[Preference]) -> set[int]:
    """The keys of the categories that the visitor wants less of, or removed from their interests."""
    return _negative_preferences(preferences, "category") | _negative_preferences(preferences, PERMANENT_TYPES)


def active_preferences(visit: Visit) -> tuple[Preference, ...]:
    """The preferences of a visit that have not expired."""
    oldest = visit.timestamp - visit.policy.dismissal_days * DAY
    return tuple(one for one in visit.preferences if one.type == PERMANENT_TYPES or one.recorded_at > oldest)


def _negative_preferences(preferences: Iterable[Preference], preference_type: str) -> set[int]:
    return {int(one.key) for one in preferences if one.sign < 0 and one.type == preference_type}


def _products_of_categories(categories: Iterable[int], snapshot: SnapshotArrays | None) -> set[int]:
    """The keys of all products in these categories and below."""
    if snapshot is None:
        return set()
    return {key for category in categories for key in snapshot.ids[snapshot.category_products(category)].tolist()}


def _without_categories(
    genome: Genome, products: set[int], categories: set[int], snapshot: SnapshotArrays | None
) -> Genome:
    """The genome without these products and categories, nor any category that holds nothing else."""
    removed = np.array(sorted(products), np.int64)

    def remains_in(category: int) -> bool:
        if category in categories:
            return False
        if snapshot is None or not categories:
            return True
        inside = snapshot.ids[snapshot.category_products(category)]
        return not (len(inside) and np.isin(inside, removed).all())

    return Genome(
        products=[row for row in genome.products if row[0] not in products],
        categories=[row for row in genome.categories if remains_in(row[0])],
        neighbour_products=[row for row in genome.neighbour_products if row[0] not in products],
        purchases=genome.purchases,
        distinct_products=genome.distinct_products,
        computed_at=genome.computed_at,
    )
