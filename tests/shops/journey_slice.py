"""A slice of the demo's real data: thirty households and the two hundred best-selling products."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from django.utils.timezone import now

from example_shop.journey import Journey, source
from example_shop.journey.load import load_journey
from tests.shops.saved_shops import open_shop

HOUSEHOLDS, PRODUCTS = 30, 200


def loaded_slice() -> None:
    """The slice in Oscar's tables."""
    open_shop(_load)


def _load() -> None:
    load_journey(read_slice(), "small")


@cache
def read_whole(size: str) -> Journey:
    """All of the demo's data in this size, read once: that takes three seconds."""
    return source.read_journey(size)


@cache
def read_slice() -> Journey:
    """The households with the latest orders, and their orders of the best sellers; the last one is of yesterday."""
    whole = source.shift_journey(read_whole("small"), now().date() - timedelta(days=1))
    last = whole.lines.groupby("household")["placed"].max()
    chosen = last.sort_values().index[-HOUSEHOLDS:].sort_values()
    of_them = whole.lines["household"].isin(chosen) & (whole.lines["product"] < PRODUCTS)
    return replace(
        whole,
        products=whole.products.head(PRODUCTS),
        lines=whole.lines[of_them].reset_index(drop=True),
        households=whole.households.loc[chosen],
    )
