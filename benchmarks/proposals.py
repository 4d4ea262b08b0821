"""What rows cost that choose from all products, on arrays made up for catalogues of several sizes.

    python -m benchmarks.proposals [--products 1500,100000,500000]

Prints the milliseconds of CPU of the first page of a process and of one after it (the least of ten), of what is related
to a product, and the function calls of a page. Needs no database.
"""

import argparse
import cProfile
import os
import pstats
import time
from collections.abc import Callable
from types import SimpleNamespace

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import numpy as np

from personalization.decide import selection
from personalization.decide.policy import Policy
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.rows import bestsellers, new_products

NOW = 1_790_000_000.0
NEIGHBOURS = 20


def made_up_arrays(products: int) -> SnapshotArrays:
    """A snapshot of so many products, of which few sell well; nothing in it means anything."""
    draw = np.random.default_rng(1)
    sold = np.floor(1000 * draw.uniform(0, 1, products) ** 8)
    near = {}
    for name in selection.RELATED:
        near[f"{name}.index"] = draw.integers(0, products, (products, NEIGHBOURS)).astype(np.int32)
        near[f"{name}.weight"] = np.sort(draw.uniform(0, 1, (products, NEIGHBOURS)).astype(np.float32))[:, ::-1].copy()
    rising = np.where(draw.uniform(0, 1, products) < 0.3, draw.uniform(0, 2, products), 0)
    return SnapshotArrays(
        {
            **near,
            "complements.row_index": near["substitutes.index"],
            "complements.row_weight": near["substitutes.weight"],
            "product.id": np.arange(products),
            "product.created_at": NOW - draw.uniform(0, 800, products) * DAY,
            "trending.score": rising.astype(np.float32),
            "trending.customers": sold.astype(np.int32),
            "popular.score": sold.astype(np.float32),
            "popular.customers": sold.astype(np.int32),
            "popularity.days": np.array([28, 90, 365, 0]),
            "popularity.customers": np.array([sold * wider for wider in (1, 2, 3, 4)]).astype(np.int32),
        }
    )


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return 1000 * (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", default="1500,100000,500000", help="with commas between")
    visit = SimpleNamespace(timestamp=NOW, policy=Policy())
    proposals = (
        bestsellers.propose_bestsellers,
        bestsellers.propose_trending,
        new_products.propose_new_in,
        new_products.propose_latest_in_young_shop,
    )
    print(f"{'products':>9}{'first ms':>10}{'then':>8}{'related':>9}{'calls':>7}")
    for products in map(int, parser.parse_args().products.split(",")):
        learned = made_up_arrays(products)

        def page(learned: SnapshotArrays = learned) -> None:
            for propose in proposals:
                list(propose(visit, learned))

        def related(learned: SnapshotArrays = learned) -> None:
            selection.related(learned, 7)

        first = milliseconds(page)
        later, near = (min(milliseconds(work) for _ in range(10)) for work in (page, related))
        profile = cProfile.Profile()
        profile.runcall(page)
        calls = pstats.Stats(profile).total_calls
        print(f"{products:>9}{first:>10.2f}{later:>8.2f}{near:>9.2f}{calls:>7}", flush=True)


if __name__ == "__main__":
    main()
