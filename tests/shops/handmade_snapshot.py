"""Snapshot arrays written by hand: four products with the keys 10, 20, 30 and 40, and zeros for all else."""

import numpy as np

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY

NOW = 1_000 * DAY
COUNT = 4
SCORING = ("popular", "repurchase_frequency", "repurchase_rate", "repurchase_interval")
LINKING = ("bought_together", "co_purchased_by_customer")


def handmade_arrays(**arrays) -> SnapshotArrays:
    """The arrays, of which some are replaced: by their names, with __ for the dot."""
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


def handmade_history(*own: tuple[int, float, int, float, float], near: tuple = ()) -> VisitorHistory:
    """A visitor's history.

    `own` are purchased products as (index, weight, number of days, days since the first and since the last purchase),
    `near` the products of similar customers as (index, weight).
    """
    index, weight, days, first, last = np.array(own, np.float64).reshape(-1, 5).T
    near_index, near_weight = np.array(near, np.float64).reshape(-1, 2).T
    return VisitorHistory(
        purchased=index.astype(np.int64),
        weight=weight,
        days=days.astype(np.int64),
        first=NOW - first * DAY,
        last=NOW - last * DAY,
        neighbour_products=near_index.astype(np.int64),
        neighbour_weight=near_weight,
    )
