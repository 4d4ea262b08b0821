"""What visitors said themselves: it goes before whatever was learned of them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from personalization import conf
from personalization.decide.visit import Lately, Visit
from personalization.models import Genome
from personalization.models.visitors import Wish
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY

LASTING = "interest"
"""An interest that was added or removed by hand stays so. Everything else fades."""


def heeded(visit: Visit, learned: Learned | None) -> Visit:
    """The visit, with what the visitor does not want marked as unwanted; and what they do not want, or took out of
    their interests, left out of what is known of them."""
    wishes = _in_force(visit)
    if not wishes:
        return visit
    unwanted = _less(wishes, "product") | _products(_less(wishes, "category"), learned)
    away = unwanted | _products(_less(wishes, LASTING), learned)
    return replace(
        visit,
        wishes=wishes,
        unwanted=frozenset(unwanted),
        genome=_without(visit.genome, away, unwanted_categories(wishes), learned),
        recent=Lately(lambda: [did for did in visit.recent if did.product not in away]),
    )


def hidden_rows(wishes: Iterable[Wish]) -> set[str]:
    """The keys of the rows that the visitor does not want to see."""
    return {str(wish.key) for wish in wishes if wish.kind == "reason" and wish.sign < 0}


def stated_interests(wishes: Iterable[Wish]) -> list[int]:
    """The categories that the visitor said they like, the last one first."""
    stated = [int(wish.key) for wish in wishes if wish.kind == LASTING and wish.sign > 0]
    return stated[::-1]


def unwanted_categories(wishes: Iterable[Wish]) -> set[int]:
    """The categories that the visitor wants less of, or took out of their interests."""
    return _less(wishes, "category") | _less(wishes, LASTING)


def _in_force(visit: Visit) -> tuple[Wish, ...]:
    oldest = visit.now - conf.current().dismissed_days * DAY
    return tuple(wish for wish in visit.wishes if wish.kind == LASTING or wish.at > oldest)


def _less(wishes: Iterable[Wish], kind: str) -> set[int]:
    return {int(wish.key) for wish in wishes if wish.sign < 0 and wish.kind == kind}


def _products(categories: Iterable[int], learned: Learned | None) -> set[int]:
    """The keys of all products in these categories and below."""
    if learned is None:
        return set()
    return {product for category in categories for product in learned.ids[learned.category(category)].tolist()}


def _without(genome: Genome, away: set[int], categories: set[int], learned: Learned | None) -> Genome:
    """The genome without these products and categories, nor any category that holds nothing else."""
    gone = np.array(sorted(away), np.int64)

    def remains(category: int) -> bool:
        inside = learned.ids[learned.category(category)] if learned is not None and categories else gone[:0]
        return category not in categories and not (len(inside) and np.isin(inside, gone).all())

    return Genome(
        products=[row for row in genome.products if row[0] not in away],
        categories=[row for row in genome.categories if remains(row[0])],
        near=[row for row in genome.near if row[0] not in away],
        purchases=genome.purchases,
        distinct=genome.distinct,
    )
