"""Cold start: sorts a list for a visitor without a history, by what others in their place buy and view.

What anonymous visitors went on to buy is not recorded, so nothing can be learned about them, and the weights are set by
hand.
"""

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays

POPULARITY_WEIGHT = 1.0
"""Of bestsellers: purchases, and every product has them."""
ALL_TIME_WEIGHT = 0.01
"""Of bestsellers of all time: they decide between what did not sell lately, of which a young shop has a lot."""
COUNTRY_WEIGHT = 2.0
"""Of bestsellers in the visitor's country: purchases, too, and by customers who are nearer to them. It puts what is on
the country's list before what is not, however well that sells elsewhere."""
SEARCH_WEIGHT = 0.25
"""Of choices after searches: anybody can search and click, so it must not carry a product from the middle of a list to
its top."""
DEVICE_WEIGHT = 0.1
"""Of views on the same type of device: less than a purchase, and devices differ little."""
DECIMALS = 6
"""Scores are rounded, so that ties break the same on every machine."""


def cold_start_score(
    learned: SnapshotArrays, products: NDArray[np.int64], country: str = "", device: str = ""
) -> NDArray[np.float64]:
    """The score of these products, shape (products,); higher is better.

    Parameters
    ----------
    products : indices of products; -1 for one that the snapshot does not hold, whose score is 0.
    """
    score = (
        POPULARITY_WEIGHT * rank_percentile(_values_of(learned, "popular.score", products))
        + ALL_TIME_WEIGHT * rank_percentile(_values_of(learned, "all_time_popular.score", products))
        + SEARCH_WEIGHT * rank_percentile(_values_of(learned, "search.choices", products))
        + COUNTRY_WEIGHT * list_scores(learned.country_products(country), products)
        + DEVICE_WEIGHT * list_scores(learned.device_products(device), products)
    )
    return np.round(score, DECIMALS)


def rank_percentile(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each value's percentile among the positive ones, in 0..1: 1 for the highest, 0 for 0.

    Percentiles instead of amounts, so that one bestseller does not outweigh all other differences.
    """
    positive = np.sort(values[values > 0])
    return np.searchsorted(positive, values, side="right") / max(len(positive), 1)


def list_scores(best_first: NDArray[np.int32], products: NDArray[np.int64]) -> NDArray[np.float64]:
    """The score of these products by their rank on a list: above 0.5 for each that is on it, 0 for the others."""
    if not len(best_first):
        return np.zeros(len(products))
    order = np.argsort(best_first)
    rank = order[np.minimum(np.searchsorted(best_first[order], products), len(best_first) - 1)]
    values = np.where(best_first[rank] == products, len(best_first) - rank, 0)
    return np.where(values > 0, 0.5 + 0.5 * rank_percentile(values), 0.0)


def _values_of(learned: SnapshotArrays, name: str, products: NDArray[np.int64]) -> NDArray[np.float64]:
    """These products' entries of an array; 0 for index -1, and where the snapshot has no such array."""
    values = learned.arrays.get(name, np.empty(0))
    if not len(values):
        return np.zeros(len(products))
    return np.where(products >= 0, values[np.maximum(products, 0)], 0.0)
