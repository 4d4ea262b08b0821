"""A training run."""

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from personalization import conf, recommenders
from personalization.models import Snapshot
from personalization.recommenders import GUEST, Limits, Neighbours, Scores
from personalization.train.history import Progress, Shop, read
from personalization.train.lock import only_one
from personalization.train.publish import publish, remove_outdated


@dataclass(frozen=True)
class Summary:
    """What a training run did; kept with its snapshot."""

    lines: int
    products: int
    customers: int
    seconds: float
    peak_mib: int

    def __str__(self) -> str:
        return (
            f"{self.lines} order lines, {self.products} products, {self.customers} customers, "
            f"{self.seconds:.1f} s, peak memory {self.peak_mib} MiB"
        )


def silent(stream: Iterable, what: str, length: int) -> Iterable:
    """A Progress that shows nothing."""
    return stream


def train(now: float | None = None, progress: Progress = silent) -> Snapshot:
    """1. Makes sure that no other run is under way (Busy).
    2. Reads the shop's history into arrays.
    3. Lets every recommender learn from it.
    4. Adds what the catalogue says.
    5. Writes a snapshot and publishes it by one switch.
    6. Removes outdated ones.

    Gives the snapshot that serves now; its summary holds the fields of Summary.
    Whatever goes wrong before the switch, the snapshot that served goes on serving.
    """
    begun = time.monotonic()
    now = time.time() if now is None else now
    with only_one():
        shop = read(now, progress)
        arrays = learned(shop, progress) | described(shop)
        summary = Summary(
            lines=len(shop.history.product),
            products=shop.history.products,
            customers=len(np.unique(shop.history.customer[shop.history.customer != GUEST])),
            seconds=round(time.monotonic() - begun, 2),
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        )
        snapshot = publish(arrays, asdict(summary), now)
        remove_outdated()
    return snapshot


def learned(shop: Shop, progress: Progress) -> dict[str, NDArray]:
    """What each recommender has learned, as arrays named after it."""
    settings = conf.current()
    limits = Limits(
        min_customers=settings.min_customers,
        popular_days=settings.popular_days,
        basket_cap=settings.basket_cap,
        neighbours=settings.neighbours,
    )
    arrays: dict[str, NDArray] = {}
    shelf = recommenders.every()
    for recommender in progress(shelf, "Learning", len(shelf)):
        match recommender.fit(shop.history, limits):
            case Scores(score, customers):
                arrays |= {f"{recommender.name}.score": score, f"{recommender.name}.customers": customers}
            case Neighbours(index, weight):
                arrays |= {f"{recommender.name}.index": index, f"{recommender.name}.weight": weight}
    return arrays


def described(shop: Shop) -> dict[str, NDArray]:
    """What the catalogue says: the products' keys and ages, and each category's products, the best-selling first."""
    settings = conf.current()
    lately = shop.history.placed > shop.history.now - settings.popular_days * recommenders.DAY
    popular = shop.history.backed_purchases(lately, settings.min_customers)
    all_time = shop.history.backed_purchases(np.ones(len(lately), bool), settings.min_customers)
    place = np.searchsorted(shop.product_id, shop.members.product)
    place = np.minimum(place, max(len(shop.product_id) - 1, 0))
    known = shop.product_id[place] == shop.members.product if len(place) else np.zeros(0, bool)
    category, place = shop.members.category[known], place[known]
    order = np.lexsort((place, -all_time[place], -popular[place], category))
    category, place = category[order], place[order]
    ids, start = np.unique(category, return_index=True)
    total = max(int(all_time.sum()), 1)
    share = np.add.reduceat(all_time[place], start) / total if len(start) else np.zeros(0)
    return {
        "product.id": shop.product_id,
        "product.created": shop.created,
        "category.id": ids,
        "category.depth": np.array([shop.members.depth[key] for key in ids.tolist()], np.int32),
        "category.start": np.append(start, len(category)).astype(np.int64),
        "category.product": place.astype(np.int32),
        "category.share": share.astype(np.float64),
    }
