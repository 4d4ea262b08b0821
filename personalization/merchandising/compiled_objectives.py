"""What counts besides relevance, as a decision reads it; `merchandising.compile_objectives` makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from personalization.merchandising.compiled_numbers import ProductGroups, numbers_of, relative_ranks

MAX_MOVE = 20
"""Percent of the list by which all that counts besides relevance moves a product at most, together: past so many others
in either direction, whatever moves those."""


class Objective(StrEnum):
    """What may count besides relevance, in the order in which it is shown."""

    MARGIN = "margin"
    """What earns the shop more stands higher."""
    CLEAR = "clear"
    """What would lie in stock for too long stands higher."""
    PROTECT = "protect"
    """What is scarce stands lower."""
    NEWNESS = "newness"
    """What is newer stands higher."""
    VALUE = "value"
    """What is scarce stands higher for the customers of whom most is expected."""


RELATIVE = (Objective.MARGIN, Objective.NEWNESS)
"""Those that compare the products of a list with one another; the others are about few products, and move no other."""


@dataclass(frozen=True)
class Dial:
    """How much one of them counts on a surface."""

    objective: Objective
    percent: int
    """Of the list, by which it moves a product at most."""
    numbers: ProductGroups
    """One number of each product, as far as it has one."""

    def pulls(self, product_ids: Sequence[int]) -> NDArray[np.float64]:
        """For each product of a list by how many percent of the list it pulls it up, or down below 0. Between any two
        of them lie at most `percent`."""
        if self.objective in RELATIVE:
            return self.percent / 2 * relative_ranks(self.numbers, product_ids)
        sign = -1 if self.objective is Objective.PROTECT else 1
        return sign * self.percent * numbers_of(self.numbers, product_ids)

    @property
    def middle(self) -> float:
        """Halfway between what it pulls up or down most, and least."""
        if self.objective in RELATIVE:
            return 0.0
        return -self.percent / 2 if self.objective is Objective.PROTECT else self.percent / 2


@dataclass(frozen=True)
class Objectives:
    """What counts besides relevance in the whole shop."""

    id: int = 0
    """The key of its definition."""
    version: int = 0
    """The number of the version that is live."""
    by_surface: Mapping[str, tuple[Dial, ...]] = field(default_factory=dict)

    @property
    def surfaces_by_visitor(self) -> frozenset[str]:
        """The surfaces where visitors may see another order than others."""
        found = {surface for surface, dials in self.by_surface.items() if any(map(_is_by_visitor, dials))}
        return frozenset(found)


NO_OBJECTIVES = Objectives()
"""Relevance alone."""


def _is_by_visitor(dial: Dial) -> bool:
    return dial.objective is Objective.VALUE


def total_moves(dials: Iterable[Dial], product_ids: Sequence[int]) -> dict[int, float]:
    """By product, by how many percent of a list of these all dials together move it up, or down below 0: between any
    two of them lie at most MAX_MOVE. None where nothing moves."""
    totals = np.zeros(len(product_ids))
    for dial in dials:
        totals += dial.pulls(product_ids) - dial.middle
    totals = np.clip(totals, -MAX_MOVE / 2, MAX_MOVE / 2)
    if not len(totals) or totals.max() == totals.min():
        return {}
    return dict(zip(product_ids, totals.tolist(), strict=True))
