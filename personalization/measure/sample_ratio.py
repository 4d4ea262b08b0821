"""Whether the arms are as large as their shares: when they are not, something loses the visitors of one of them, and no
other number can be trusted.

References
----------
A. Fabijan et al.: Diagnosing sample ratio mismatch in online controlled experiments. KDD 2019.
M. Abramowitz, I. A. Stegun: Handbook of Mathematical Functions, 26.4 (the chi-square distribution in closed form).
"""

import math
from collections.abc import Sequence

MISMATCH_P_VALUE = 0.001
"""Below this the arms are not as large as they should be."""
MIN_EXPECTED_UNITS = 5
"""With fewer expected in an arm nothing can be said."""


def sample_ratio_p_value(counts: Sequence[float], shares: Sequence[float]) -> float | None:
    """How likely such counts, or ones further off, are by chance. None with too few units to say.

    Parameters: two to four `counts` of units and, in the same order, the `shares` of their arms, above 0, in any unit.
    Raises ValueError for more or fewer.
    """
    if not 2 <= len(counts) <= 4 or len(shares) != len(counts):
        raise ValueError(f"There are {len(counts)} counts and {len(shares)} shares; expected two to four of each.")
    units, total = sum(counts), sum(shares)
    expected = [units * share / total for share in shares]
    if min(expected) < MIN_EXPECTED_UNITS:
        return None
    distance = sum((count - one) ** 2 / one for count, one in zip(counts, expected, strict=True))
    return chi_square_tail(distance, len(counts) - 1)


def chi_square_tail(distance: float, degrees: int) -> float:
    """The probability of a larger sum of squares. Parameters: `degrees` of freedom, 1, 2 or 3."""
    if degrees == 2:
        return math.exp(-distance / 2)
    tail = math.erfc(math.sqrt(distance / 2))
    return tail if degrees == 1 else tail + math.sqrt(2 * distance / math.pi) * math.exp(-distance / 2)
