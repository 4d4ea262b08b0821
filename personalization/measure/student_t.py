"""Student's t distribution, without scipy: a web process reads results, too.

References
----------
W. H. Press et al.: Numerical Recipes, 3rd edition, 2007, 6.4 (incomplete beta function by Lentz's continued fraction).
"""

import math
from statistics import NormalDist

NORMAL_FROM = 1_000_000
"""With more degrees of freedom it is the normal distribution, to seven digits."""
MAX_TERMS = 10_000
TINY = 1e-300
PRECISION = 1e-15


def t_tail(t: float, degrees: float) -> float:
    """The probability of a value further from 0 than `t`, on either side. Parameters: `degrees` of freedom, above 0."""
    if degrees > NORMAL_FROM:
        return math.erfc(abs(t) / math.sqrt(2))
    share = degrees / (degrees + t * t)
    return min(_incomplete_beta(degrees / 2, share, 1 - share), 1.0)


def t_quantile(tail: float, degrees: float) -> float:
    """The value beyond which, on both sides together, this much probability lies: `tail`, above 0 and below 1."""
    if degrees > NORMAL_FROM:
        return -NormalDist().inv_cdf(tail / 2)
    low, high = 0.0, 2.0
    while t_tail(high, degrees) > tail:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, degrees) > tail else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function I_x(a, 1/2). Parameters: `rest`, 1 - x, both from 0 to 1."""
    if x <= 0 or rest <= 0:
        return 1.0 if rest <= 0 else 0.0
    b = 0.5
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < PRECISION:
            break
    return value


def _off_zero(number: float) -> float:
    return number if abs(number) > TINY else TINY
