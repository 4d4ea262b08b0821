"""What a shop learned, written down by hand: four products, 10, 20, 30 and 40, of which nothing else is known."""

import numpy as np

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY

NOW = 1_000 * DAY
COUNT = 4
SCORING = ("popular", "repurchase_frequency", "repurchase_rate", "repurchase_interval")
LINKING = ("bought_together", "co_purchased_by_customer")


def learned(**arrays) -> SnapshotArrays:
    """Arrays are given by their names, with __ for the dot."""
    blank = {
        "product.id": np.arange(1, COUNT + 1) * 10,
        "product.created_at": np.full(COUNT, NOW - 90 * DAY),
        "product.price": np.zeros(COUNT, np.float32),
        "product.leaf_category": np.full(COUNT, -1, np.int32),
        "product.share_of_category": np.zeros(COUNT, np.float32),
        "product.category_sales_share": np.zeros(COUNT, np.float32),
        "product.bestsellers": np.array([], np.int32),
        "training.cutoff": np.array([NOW]),
        "category.id": np.array([], np.int64),
        "category.product_start": np.array([0], np.int64),
        "category.product": np.array([], np.int32),
        **{f"{name}.score": np.zeros(COUNT, np.float32) for name in SCORING},
        **{f"{name}.customers": np.zeros(COUNT, np.int32) for name in SCORING},
        **{f"{name}.index": np.full((COUNT, 2), -1, np.int32) for name in LINKING},
        **{f"{name}.weight": np.zeros((COUNT, 2), np.float32) for name in LINKING},
    }
    given = {name.replace("__", "."): np.array(value) for name, value in arrays.items()}
    customers = {f"{name.removesuffix('.score')}.customers": np.zeros(COUNT) for name in given if ".score" in name}
    return SnapshotArrays(blank | customers | given)


def person(*own: tuple[int, float, int, float, float], near: tuple = ()) -> VisitorHistory:
    """Own products as (place, weight, days, first and last as days ago), near ones as (place, weight)."""
    places, weight, days, first, last = np.array(own, np.float64).reshape(-1, 5).T
    near_places, near_weight = np.array(near, np.float64).reshape(-1, 2).T
    return VisitorHistory(
        purchased=places.astype(np.int64),
        weight=weight,
        days=days.astype(np.int64),
        first=NOW - first * DAY,
        last=NOW - last * DAY,
        neighbour_products=near_places.astype(np.int64),
        neighbour_weight=near_weight,
    )
