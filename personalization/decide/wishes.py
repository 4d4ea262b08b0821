"""What visitors said themselves: it goes before whatever was learned of them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.models.visitors import Wish
from personalization.rank.learned import Learned
from personalization.recommenders import DAY

LASTING = "interest"
"""An interest that was added or removed by hand stays so. Everything else fades."""


def heeded(visit: Visit, learned: Learned | None) -> Visit:
    """The visit, with what the visitor does not want left out of their genome and marked as unwanted."""
    wishes = _in_force(visit)
    if not wishes:
        return visit
    less = [int(wish.key) for wish in wishes if wish.sign < 0 and wish.kind in ("category", LASTING)]
    away = _products(less, learned)
    unwanted = {int(wish.key) for wish in wishes if wish.sign < 0 and wish.kind == "product"}
    of_categories = _products([int(wish.key) for wish in wishes if wish.sign < 0 and wish.kind == "category"], learned)
    return replace(
        visit,
        wishes=wishes,
        unwanted=frozenset(unwanted | set(of_categories.tolist())),
        genome=_without(visit.genome, away, set(less), learned),
    )


def hidden_rows(wishes: Iterable[Wish]) -> set[str]:
    """The keys of the rows that the visitor does not want to see."""
    return {str(wish.key) for wish in wishes if wish.kind == "reason" and wish.sign < 0}


def stated_interests(wishes: Iterable[Wish]) -> list[int]:
    """The categories that the visitor said they like, the last one first."""
    stated = [int(wish.key) for wish in wishes if wish.kind == LASTING and wish.sign > 0]
    return stated[::-1]


def _in_force(visit: Visit) -> tuple[Wish, ...]:
    oldest = visit.now - conf.current().dismissed_days * DAY
    return tuple(wish for wish in visit.wishes if wish.kind == LASTING or wish.at > oldest)


def _products(categories: list[int], learned: Learned | None) -> NDArray[np.int64]:
    """The keys of all products in these categories and below."""
    if learned is None or not categories:
        return np.empty(0, np.int64)
    return np.unique(learned.ids[np.concatenate([learned.category(key) for key in categories]).astype(np.int64)])


def _without(genome: Genome, away: NDArray[np.int64], categories: set[int], learned: Learned | None) -> Genome:
    """The genome without these products and categories, nor any category that holds nothing else."""
    if learned is None or not categories:
        return genome
    gone = set(away.tolist())

    def remains(category: int) -> bool:
        inside = learned.ids[learned.category(category)]
        return category not in categories and not (len(inside) and np.isin(inside, away).all())

    return Genome(
        products=[row for row in genome.products if row[0] not in gone],
        categories=[row for row in genome.categories if remains(row[0])],
        near=[row for row in genome.near if row[0] not in gone],
        purchases=genome.purchases,
        distinct=genome.distinct,
    )
