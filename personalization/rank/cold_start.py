"""The order of a listing for somebody of whom nothing is known: by what others in their place buy and look at.

Nothing can be learned about strangers, as nobody knows what became of them. So the weights are stated.
"""

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays

POPULARITY_WEIGHT = 1.0
"""What everybody buys: purchases, and they are known of every product."""
COUNTRY_WEIGHT = 2.0
"""What is bought in the visitor's country: purchases too, and of people nearer to them. What stands on its list comes
before what does not, however well that sells elsewhere: there it had its chance."""
SEARCH_WEIGHT = 0.25
"""What is chosen after searches: it says what people want, but anybody can search and click. So it carries nothing from
the middle of a list to its top."""
DEVICE_WEIGHT = 0.1
"""What customers look at on the same kind of device: less than a purchase, and kinds of devices differ little."""
DECIMALS = 6
"""Scores are rounded, so that ties break the same everywhere."""


def cold_start_score(
    learned: SnapshotArrays, places: NDArray[np.int64], country: str = "", device: str = ""
) -> NDArray[np.float64]:
    """The score of the products at these places, higher is better; those at -1, of which nothing is known, have 0."""
    found = (
        POPULARITY_WEIGHT * rank_percentile(_list_values(learned, "popular.score", places))
        + SEARCH_WEIGHT * rank_percentile(_list_values(learned, "search.choices", places))
        + COUNTRY_WEIGHT * popularity_lists(learned.country_products(country), places)
        + DEVICE_WEIGHT * popularity_lists(learned.device_products(device), places)
    )
    return np.round(found, DECIMALS)


def rank_percentile(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each value's place among all that are above 0: 1 for the highest, near 0 for the lowest, 0 for 0.

    Places instead of amounts, so that nothing is far ahead of all others because one product is.
    """
    known = np.sort(values[values > 0])
    return np.searchsorted(known, values, side="right") / max(len(known), 1)


def popularity_lists(best: NDArray[np.int32], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How high these products stand on a list that has its best first: above a half for each that stands there, 0 for
    the others."""
    if not len(best):
        return np.zeros(len(places))
    order = np.argsort(best)
    at = order[np.minimum(np.searchsorted(best[order], places), len(best) - 1)]
    values = np.where(best[at] == places, len(best) - at, 0)
    return np.where(values > 0, 0.5 + 0.5 * rank_percentile(values), 0.0)


def _list_values(learned: SnapshotArrays, name: str, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """These products' entries of an array; 0 where there is none, as in a snapshot of an earlier release."""
    if name not in learned.arrays:
        return np.zeros(len(places))
    values = learned.arrays[name]
    return np.where(places >= 0, values[np.maximum(places, 0)], 0.0) if len(values) else np.zeros(len(places))
