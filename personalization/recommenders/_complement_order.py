"""In which order the complements of a product stand: the likeliest first, then those that are its own.

Ranked by one score alone, rows of six either repeat what sells anyway or miss what is bought. So the first are ranked
with all the weight on popularity, and behind them stand some with none of it, each of another category.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LIKELIEST, DISTINCTIVE = 3, 3
"""So many stand in front, and so many behind them; together they are a row."""
LIKELIEST_EXPONENT = 1.0
"""How much the popularity of a neighbour counts for the first ones, among all that goes with the product; for those
behind them it counts nothing."""
MAX_OF_CATEGORY = 3
"""The likeliest, this many of each leaf category, stand before all others ..."""
BEYOND_CATEGORY_WEIGHT = 0.001
"""... which have this part of their strength."""
WEIGHTS = {"likeliest": (0.8, 1.0), "distinctive": (0.5, 0.6), "others": (0.0, 0.38)}
"""Between what the weights of these lie: so far apart that a visitor's affinity moves none into another part."""
LEAST_WEIGHT = 1e-6


def order_links(
    anchor: NDArray[np.int64], category: NDArray[Any], lift: NDArray[np.float64], popularity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weight of each link of a product with a complement, in 0..1: the higher, the further in front it stands.

    Parameters
    ----------
    anchor : the product of each link.
    category : the leaf category of its complement, or -1.
    lift, popularity : of its complement.
    """
    strength = lift * popularity**LIKELIEST_EXPONENT
    beyond = _rank_within(anchor, category, strength) >= MAX_OF_CATEGORY
    strength[beyond] *= BEYOND_CATEGORY_WEIGHT
    likeliest = _rank_within(anchor, None, strength) < LIKELIEST
    own = np.where(likeliest, 0, lift)
    own[_rank_within(anchor, category, own) >= 1] = 0
    distinctive = (own > 0) & (_rank_within(anchor, None, own) < DISTINCTIVE)
    parts = {"likeliest": likeliest, "distinctive": distinctive, "others": ~likeliest & ~distinctive}
    weight = np.zeros(len(anchor))
    for part, rows in parts.items():
        least, most = WEIGHTS[part]
        share = _share_of_strongest(anchor[rows], (own if part == "distinctive" else strength)[rows])
        weight[rows] = least + (most - least) * share
    ranked: NDArray[np.float64] = np.maximum(np.round(weight, 6), LEAST_WEIGHT)
    return ranked


def _rank_within(
    anchor: NDArray[Any], category: NDArray[Any] | None, strength: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The rank of each link among those of its anchor, or of its anchor to its category, from 0; 0 where there is no
    category."""
    group = np.zeros_like(anchor) if category is None else category
    order = np.lexsort((-np.round(strength, 9), group, anchor))
    starts = np.flatnonzero(np.r_[True, np.diff(anchor[order]) != 0] | np.r_[True, np.diff(group[order]) != 0])
    starts = starts[starts < len(order)]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return np.where(group >= 0, rank, 0)


def _share_of_strongest(anchor: NDArray[Any], strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strength of each link as a share of its anchor's strongest."""
    _, group = np.unique(anchor, return_inverse=True)
    strongest = np.full(int(group.max(initial=-1)) + 1, 1e-12)
    np.maximum.at(strongest, group, strength)
    share: NDArray[np.float64] = strength / strongest[group]
    return share
