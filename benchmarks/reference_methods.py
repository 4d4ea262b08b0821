"""Simple methods that a shop's own recommendations have to hold their ground against, on the history of a bench.

    python -m benchmarks.reference_methods tifu-knn FOLDER

Writes `tifu-knn.csv` and, for lists without what the customer bought before, `tifu-knn.new.csv`, and prints the CPU
seconds of learning and of each file as JSON. Every method is a function from purchases to scores of some customers.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.bench import LISTED, Bench

RECENT_DAYS = 28
HALF_LIFE_DAYS = 112
FILL = 1e-3
"""What the best seller counts for somebody who never bought it: less than any purchase within three years."""
TIFU = {"neighbours": 900, "baskets": 0.95, "groups_apart": 0.9, "own": 0.7, "groups": 7}
"""TIFU-kNN: neighbours looked at, decay from basket to basket, decay from group to group, the share of the customer's
own purchases in the score, and groups of baskets. In the paper the decay from basket to basket begins anew in each
group; here it runs through all of them, which is the stronger reference (NDCG@10 of t1 .218 against .210)."""
AT_ONCE = 500
"""Customers scored together: bounds the memory."""

Scorer = Callable[[NDArray[np.integer]], NDArray[np.float32]]
"""The scores of all products for these customers, who are numbers here: one row each."""


@dataclass(frozen=True)
class Purchases:
    """A history as arrays, one entry a line; customers and products are numbers from 0, in order of the source's."""

    customer: NDArray[np.integer]
    product: NDArray[np.integer]
    age: NDArray[np.floating]
    """Days before the cut."""
    basket: NDArray[np.integer]
    """The how-manieth basket of its customer it is, from 0."""
    baskets: NDArray[np.integer]
    """By customer: how many there are."""
    customers: pd.Index
    products: pd.Index

    def matrix(self, weight: NDArray) -> sparse.csr_matrix:
        """Customers by products: the sum of the weights of the lines."""
        shape = (len(self.customers), len(self.products))
        return sparse.csr_matrix((weight.astype(np.float32), (self.customer, self.product)), shape)

    def popularity(self, days: float = np.inf) -> NDArray[np.float64]:
        """By product: lines of so many last days, as a share of the best seller's."""
        sold = np.bincount(self.product[self.age <= days], minlength=len(self.products))
        return sold / max(sold.max(initial=0), 1)


def purchases(history: pd.DataFrame, cut: pd.Timestamp) -> Purchases:
    """The lines of a bench's history, once a basket and product."""
    customer, customers = pd.factorize(history["customer"], sort=True)
    product, products = pd.factorize(history["product"], sort=True)
    baskets = history.groupby(["customer", "basket"], as_index=False)["placed"].min().sort_values(["placed", "basket"])
    baskets["place"] = baskets.groupby("customer").cumcount()
    place = history.merge(baskets[["customer", "basket", "place"]], how="left")["place"]
    return Purchases(
        customer=customer,
        product=product,
        age=((cut - history["placed"]) / pd.Timedelta(days=1)).to_numpy(),
        basket=place.to_numpy(),
        baskets=np.bincount(baskets["customer"].map(pd.Series(range(len(customers)), customers))),
        customers=pd.Index(customers),
        products=pd.Index(products),
    )


def bestsellers(bought: Purchases) -> Scorer:
    """The same list for everyone: what sold most lately, and then what sold most ever."""
    score = (bought.popularity(RECENT_DAYS) + 1e-4 * bought.popularity()).astype(np.float32)
    return lambda customers: np.tile(score, (len(customers), 1))


def decayed_frequency(bought: Purchases) -> Scorer:
    """How often the customer bought it, where a purchase half a year old counts for little; filled with bestsellers."""
    own = bought.matrix(0.5 ** (bought.age / HALF_LIFE_DAYS))
    fill = (FILL * bought.popularity(RECENT_DAYS)).astype(np.float32)
    return lambda customers: own[customers].toarray() + fill


def tifu_knn(bought: Purchases) -> Scorer:
    """Decayed frequency by baskets, mixed with that of the most similar customers.

    After Hu, He, Gao and Zhang, "Modeling Personalized Item Frequency Information for Next-basket Recommendation",
    SIGIR 2020.
    """
    habits = bought.matrix(_tifu_weight(bought))
    length = np.asarray(habits.multiply(habits).sum(axis=1)).ravel()
    count = min(TIFU["neighbours"], len(length) - 1)

    def score(customers: NDArray[np.integer]) -> NDArray[np.float32]:
        own = habits[customers]
        distance = length - 2 * (own @ habits.T).toarray()  # less the customer's own length, the same for all
        distance[np.arange(len(customers)), customers] = np.inf
        near = np.argpartition(distance, count - 1, axis=1)[:, :count] if count else np.zeros((len(customers), 0), int)
        start = np.arange(len(customers) + 1) * count
        alike = sparse.csr_matrix(
            (np.full(near.size, 1 / max(count, 1), np.float32), near.ravel(), start), (len(customers), len(length))
        )
        return (TIFU["own"] * own + (1 - TIFU["own"]) * (alike @ habits)).toarray()

    return score


def _tifu_weight(bought: Purchases) -> NDArray[np.float64]:
    """What a line counts: a customer's baskets fall into groups of equal size, the larger ones last."""
    baskets = bought.baskets[bought.customer]
    groups = np.minimum(baskets, TIFU["groups"])
    size, larger = np.divmod(baskets, groups)
    in_small = (groups - larger) * size
    late = bought.basket >= in_small
    group = np.where(late, groups - larger + (bought.basket - in_small) // (size + 1), bought.basket // size)
    decay = TIFU["baskets"] ** (baskets - 1 - bought.basket) * TIFU["groups_apart"] ** (groups - 1 - group)
    return decay / (size + late) / groups


METHODS: dict[str, Callable[[Purchases], Scorer]] = {
    "bestsellers": bestsellers,
    "decayed-frequency": decayed_frequency,
    "tifu-knn": tifu_knn,
}


def lists(score: Scorer, bought: Purchases, new_only: bool = False) -> pd.DataFrame:
    """The best products of every customer, ties in order of the source's numbers. Columns: customer, rank, product."""
    owned = bought.matrix(np.ones(len(bought.product)))
    depth = min(LISTED, len(bought.products))
    frames = []
    for start in range(0, len(bought.customers), AT_ONCE):
        customers = np.arange(start, min(start + AT_ONCE, len(bought.customers)))
        scores = score(customers)
        if new_only:
            scores[owned[customers].nonzero()] = -np.inf
        best = np.sort(np.argpartition(-scores, depth - 1, axis=1)[:, :depth], axis=1)
        by_score = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, by_score, axis=1)
        listed = pd.DataFrame(
            {
                "customer": np.repeat(bought.customers[customers], depth),
                "rank": np.tile(np.arange(depth), len(customers)),
                "product": bought.products[best.ravel()],
            }
        )
        frames.append(listed[np.isfinite(np.take_along_axis(scores, best, axis=1).ravel())])
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cut", type=pd.Timestamp, required=True)
    options = parser.parse_args()
    bought = purchases(Bench.load(options.folder).history, options.cut)
    clock = [time.process_time()]
    score = METHODS[options.method](bought)
    clock.append(time.process_time())
    for name, new_only in ((options.method, False), (f"{options.method}.new", True)):
        lists(score, bought, new_only).to_csv(options.folder / f"{name}.csv", index=False)
        clock.append(time.process_time())
    print(json.dumps(np.diff(clock).round(2).tolist()))


if __name__ == "__main__":
    main()
