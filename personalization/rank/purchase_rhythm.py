"""When somebody buys a product again: their own rhythm, else that of the product's other customers."""

from collections.abc import Sequence

import numpy as np

OWN_PURCHASES = 3
"""So many days with a purchase make a rhythm of one's own."""


def days_until_next(days: Sequence[int], pieces: Sequence[int], usual_gap: float) -> float | None:
    """How many days after the last purchase the next one is expected: the median gap for each piece bought, times the
    pieces bought last, so that who stocked up is not asked too soon.

    Parameters
    ----------
    days
        on which one customer bought one product, ascending and each once.
    pieces
        bought on each of them.
    usual_gap
        days between two purchases of the product's other customers; 0 where too few are known.

    Returns
    -------
    float or None
        None where nothing can be said: their own gaps vary by more than their median between the quartiles, or there
        are neither enough of them nor a usual gap.
    """
    if len(days) < OWN_PURCHASES:
        return usual_gap * pieces[-1] or None
    for_each_piece = np.diff(days) / np.asarray(pieces[:-1])
    low, middle, high = np.percentile(for_each_piece, [25, 50, 75])
    return None if high - low > middle else float(middle * pieces[-1])
