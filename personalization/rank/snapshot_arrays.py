"""What one training run learned, as arrays by name: in memory while it is learned, mapped from a snapshot to serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, Neighbours, ProductScores

DEVICES = ("computer", "phone", "tablet")
"""The kinds of devices; a snapshot keeps each under its number here."""

MAX_CLOCK_DRIFT = 28 * DAY
"""A snapshot knows nothing of a time that is so much later than its own."""


@dataclass(frozen=True)
class SnapshotArrays:
    """Products are places here; `ids` turns them into the shop's keys."""

    arrays: Mapping[str, NDArray[Any]]

    @property
    def ids(self) -> NDArray[np.int64]:
        """The products' primary keys, ascending."""
        return self.arrays["product.id"]

    @property
    def trained_at(self) -> float:
        """Up to when it was learned, in seconds since 1970."""
        return float(self.arrays["training.cutoff"][0])

    def clamp_time(self, now: float) -> float:
        """The moment to decide for: it stands still some weeks after the last training, as all ages would be wrong."""
        return min(now, self.trained_at + MAX_CLOCK_DRIFT)

    def product_indices(self, product_ids: Iterable[int]) -> NDArray[np.int64]:
        """Where these products are, in their order; -1 for those that were not there to be learned of."""
        return lookup_indices(self.ids, product_ids)

    def scores(self, recommender: str) -> ProductScores:
        """What a recommender that scores products has learned."""
        return ProductScores(self.arrays[f"{recommender}.score"], self.arrays[f"{recommender}.customers"])

    def neighbours(self, recommender: str) -> Neighbours:
        """What a recommender that links products has learned."""
        return Neighbours(self.arrays[f"{recommender}.index"], self.arrays[f"{recommender}.weight"])

    def score_recommenders(self) -> list[str]:
        """The recommenders that score products, by name."""
        return self._named[".score"]

    def neighbour_recommenders(self) -> list[str]:
        """The recommenders that link products, by name."""
        return self._named[".index"]

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        """The recommenders by what their arrays end in: a decision asks often."""
        ends = (".score", ".index")
        return {end: sorted(name.removesuffix(end) for name in self.arrays if name.endswith(end)) for end in ends}

    @cached_property
    def empty_recommenders(self) -> frozenset[str]:
        """Those of them that found no link at all, in a shop without views for instance."""
        return frozenset(
            name for name in self.neighbour_recommenders() if not (self.neighbours(name).index[:, :1] >= 0).any()
        )

    def category_indices(self, category_ids: Iterable[int]) -> NDArray[np.int64]:
        """Where these categories are among those of the snapshot; -1 for those that are not."""
        return lookup_indices(self.arrays["category.id"], category_ids)

    def category_ancestors(self, category_ids: Iterable[int]) -> set[int]:
        """The keys of all categories above these, as the tree was when it was learned."""
        parents = self.arrays.get("category.parent", np.empty(0, np.int64))  # an earlier release's snapshot has none
        found: set[int] = set()
        wanted = list(category_ids) if len(parents) else []
        while wanted:
            places = self.category_indices(wanted)
            wanted = [key for key in parents[places[places >= 0]].tolist() if key and key not in found]
            found.update(wanted)
        return found

    def category_products(self, category_id: int) -> NDArray[np.int32]:
        """The products of a category and of those below it, the most popular first."""
        (place,) = self.category_indices([category_id]).tolist()
        if place < 0:
            return np.empty(0, np.int32)
        start = self.arrays["category.product_start"]
        return self.arrays["category.product"][start[place] : start[place + 1]]

    def country_products(self, code: str) -> NDArray[np.int32]:
        """The bestsellers of the country with this ISO code, best first; none where too little is known of it."""
        return self._listed("country", country_code_to_int(code))

    def device_products(self, name: str) -> NDArray[np.int32]:
        """What most visitors with this kind of device looked at, the first first; none where too few did."""
        return self._listed("device", DEVICES.index(name) if name in DEVICES else -1)

    def _listed(self, kind: str, key: int) -> NDArray[np.int32]:
        keys = self.arrays.get(f"{kind}.code", np.empty(0, np.int32))  # a snapshot of an earlier release has none
        (place,) = lookup_indices(keys, [key]).tolist()
        if place < 0:
            return np.empty(0, np.int32)
        start = self.arrays[f"{kind}.start"]
        return self.arrays[f"{kind}.product"][start[place] : start[place + 1]]


def country_code_to_int(code: str) -> int:
    """The number under which a snapshot keeps a country; -1 for what is no ISO code of two letters."""
    return int.from_bytes(code.upper().encode()) if len(code) == 2 and code.isascii() and code.isalpha() else -1


def lookup_indices(known: NDArray[np.int64], wanted: Iterable[int]) -> NDArray[np.int64]:
    """Where the wanted keys are among the known ones, which ascend; -1 for those that are not."""
    keys = np.fromiter(wanted, np.int64)
    if not len(known):
        return np.full(len(keys), -1)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, place, -1)
