"""Numbers as sentences name them, in the active language."""

import math

from django.utils.formats import number_format


def format_percent(share: float, decimals: int | None = None) -> str:
    """A share or a lift in percent, without its sign and without "%": whole, but for less than 1 % one decimal, if it
    is not given how many."""
    percent = abs(share) * 100
    if decimals is None:
        decimals = 1 if 0.05 <= percent < 0.95 else 0
    return number_format(round(percent, decimals), decimals, force_grouping=True)


def format_count(count: float) -> str:
    """A number of visitors, orders, weeks or milliseconds."""
    return number_format(round(count), 0, force_grouping=True)


def round_to_two_digits(amount: float) -> float:
    """An amount as exactly as it is known: 1,234 is 1,200, and 0.0567 is 0.057."""
    if amount == 0 or not math.isfinite(amount):
        return 0.0
    return round(amount, 1 - math.floor(math.log10(abs(amount))))
