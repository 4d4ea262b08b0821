"""Sizes, as titles say them: how much of a product is in a pack, and which products differ in size only."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN, BULK, PIECES = 0, 1, 2
"""What an amount counts: nothing that could be read, ounces of weight or volume, pieces."""
UNITS: dict[str, tuple[int, float]] = {
    **dict.fromkeys(("oz", "ounce", "ounces", "fl oz"), (BULK, 1.0)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), (BULK, 16.0)),
    **dict.fromkeys(("pint", "pt"), (BULK, 16.0)),
    **dict.fromkeys(("qt", "quart"), (BULK, 32.0)),
    **dict.fromkeys(("gal", "gallon"), (BULK, 128.0)),
    **dict.fromkeys(("g", "gr", "gram", "gramm"), (BULK, 1 / 28.35)),
    "kg": (BULK, 1_000 / 28.35),
    "ml": (BULK, 1 / 29.57),
    "cl": (BULK, 10 / 29.57),
    **dict.fromkeys(("l", "liter", "litre", "litres", "liters"), (BULK, 1_000 / 29.57)),
    **dict.fromkeys(("ct", "count", "pk", "pack", "packs", "pc", "pcs", "piece", "pieces"), (PIECES, 1.0)),
    **dict.fromkeys(("stück", "stk", "er-pack", "pièces"), (PIECES, 1.0)),
    "sq ft": (PIECES, 1.0),
}
"""Each unit, in lower case: what it counts, and how many of the common unit it is."""
MAX_SIZE = 1e9
"""What claims to be larger is no size, but an article number with a unit behind it."""
NUMBER = r"\d+(?:[.,]\d+|/[1-9])?"
SIZE = re.compile(
    rf"(?:(?P<packs>{NUMBER})\s*[x*\u00d7]\s*)?(?P<number>{NUMBER})[\s-]?"
    rf"(?P<unit>{'|'.join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))})\b\.?",
    re.IGNORECASE,
)


def read_size(title: str) -> tuple[int, float]:
    """(what it counts, how much of it) of the last size in a title; (UNKNOWN, 0) where there is none.

    "Yogurt, 4 x 7 oz" has 28 ounces; a pint of water and a pound of sugar are both 16, as they are never compared.
    """
    sizes = list(SIZE.finditer(title))
    if not sizes:
        return UNKNOWN, 0.0
    found = sizes[-1]
    counts, factor = UNITS[found["unit"].lower()]
    packs = _to_number(found["packs"]) if found["packs"] else 1.0
    amount = packs * _to_number(found["number"]) * factor
    return (counts, amount) if amount <= MAX_SIZE else (UNKNOWN, 0.0)


def without_size(title: str) -> str:
    """The title in lower case without its sizes and punctuation: equal for products that differ in size only."""
    return " ".join(re.sub(r"[^\w&+%]+", " ", SIZE.sub(" ", title.lower())).split())


def size_arrays(titles: Sequence[str], leaf_category: NDArray[np.int32]) -> dict[str, NDArray[np.generic]]:
    """For each product the number of its family, which it shares with those of its leaf category that differ in size
    only, and its size."""
    numbers: dict[tuple[str, int], int] = {}
    stems = zip(map(without_size, titles), leaf_category.tolist(), strict=True)
    family = [numbers.setdefault(stem, len(numbers)) for stem in stems]
    sizes = [read_size(title) for title in titles]
    return {
        "product.family": np.array(family, np.int32),
        "product.size_unit": np.array([counts for counts, _ in sizes], np.int32),
        "product.size": np.array([amount for _, amount in sizes], np.float32),
    }


def _to_number(text: str) -> float:
    whole, _, part = text.replace(",", ".").partition("/")
    return float(whole) / float(part or 1)
