"""What one training run learned, as arrays by name: just made while training, read from a snapshot while serving."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, Neighbours, ProductScores

DEVICES = ("computer", "phone", "tablet")
"""The types of devices; a snapshot keeps each by its number here."""
COUNTING_RECOMMENDERS = ("popular", "all_time_popular")
"""Their scores are numbers of customers."""
HALF_LIFE = "training.half_life_days"
"""The array that holds it."""
MAX_CLOCK_DRIFT = 28 * DAY
"""A snapshot decides as if it were at most this many seconds after its training."""


@dataclass(frozen=True)
class SnapshotArrays:
    """The arrays of a snapshot. Products are indices here; `ids` turns them into primary keys."""

    arrays: Mapping[str, NDArray[Any]]

    @cached_property
    def worked_out(self) -> dict[Hashable, Any]:
        """What decisions worked out from these arrays alone and look up from then on: sorting all products once a
        process, and not for each page."""
        return {}

    @cached_property
    def newest_first(self) -> NDArray[np.int32]:
        """All products, the newest first; of equally new ones the lower index."""
        return np.argsort(-self.arrays["product.created_at"], kind="stable").astype(np.int32)

    def created_between(self, after: float, until: float) -> NDArray[np.int32]:
        """The products that were created after one moment and up to another, the newest first; seconds since 1970."""
        created = self.arrays["product.created_at"]
        bounds = [
            bisect_left(self.newest_first, -moment, key=lambda index: -created[index]) for moment in (until, after)
        ]
        return self.newest_first[bounds[0] : bounds[1]]

    @property
    def ids(self) -> NDArray[np.int64]:
        """The products' primary keys, ascending."""
        return self.arrays["product.id"]

    @property
    def trained_at(self) -> float:
        """The end of the history from which it was learned, in seconds since 1970."""
        return float(self.arrays["training.cutoff"][0])

    @property
    def half_life_days(self) -> float:
        """After so many days a purchase counted half in the training; 0 for a snapshot of an earlier release."""
        return float(self.arrays.get(HALF_LIFE, np.zeros(1))[0])

    def clamp_time(self, now: float) -> float:
        """The moment to decide for: it stands still some weeks after the training, as ages would not fit what was
        learned."""
        return min(now, self.trained_at + MAX_CLOCK_DRIFT)

    def product_indices(self, product_ids: Iterable[int]) -> NDArray[np.int64]:
        """The index of each of these primary keys, in their sequence; -1 for products that the snapshot does not
        hold."""
        return lookup_indices(self.ids, product_ids)

    def scores(self, recommender: str) -> ProductScores:
        """What a recommender that scores products learned."""
        return ProductScores(self.arrays[f"{recommender}.score"], self.arrays[f"{recommender}.customers"])

    def score_unit(self, recommender: str) -> float:
        """What a recommender's scores are divided by as a feature: of one that counts customers the highest count, so
        that what a ranker learned from a shop's past holds when the shop has grown."""
        return self._highest_counts.get(recommender, 1.0)

    def neighbours(self, recommender: str) -> Neighbours:
        """What a recommender that links products learned."""
        return Neighbours(self.arrays[f"{recommender}.index"], self.arrays[f"{recommender}.weight"])

    def row_neighbours(self, recommender: str) -> Neighbours:
        """What a recommender learned that links products for rows alone, and is no feature of a ranker."""
        if f"{recommender}.row_index" not in self.arrays:  # a snapshot of an earlier release has none
            return Neighbours(np.empty((len(self.ids), 0), np.int32), np.empty((len(self.ids), 0), np.float32))
        return Neighbours(self.arrays[f"{recommender}.row_index"], self.arrays[f"{recommender}.row_weight"])

    def score_recommenders(self) -> list[str]:
        """The names of the recommenders that score products, sorted."""
        return self._recommenders_by_suffix[".score"]

    def neighbour_recommenders(self) -> list[str]:
        """The names of the recommenders that link products, sorted."""
        return self._recommenders_by_suffix[".index"]

    @cached_property
    def _recommenders_by_suffix(self) -> dict[str, list[str]]:
        """Cached: a decision asks often."""
        suffixes = (".score", ".index")
        return {
            suffix: sorted(name.removesuffix(suffix) for name in self.arrays if name.endswith(suffix))
            for suffix in suffixes
        }

    @cached_property
    def _highest_counts(self) -> dict[str, float]:
        counting = [name for name in COUNTING_RECOMMENDERS if f"{name}.score" in self.arrays]
        return {name: max(float(self.scores(name).score.max(initial=0)), 1.0) for name in counting}

    @cached_property
    def empty_recommenders(self) -> frozenset[str]:
        """The recommenders that found no link at all, in a shop without views for instance."""
        return frozenset(
            name for name in self.neighbour_recommenders() if not (self.neighbours(name).index[:, :1] >= 0).any()
        )

    def category_indices(self, category_ids: Iterable[int]) -> NDArray[np.int64]:
        """The index of each of these categories, in their sequence; -1 for categories that the snapshot does not
        hold."""
        return lookup_indices(self.arrays["category.id"], category_ids)

    def category_ancestors(self, category_ids: Iterable[int]) -> set[int]:
        """The primary keys of all categories above these, as the tree was at training."""
        parents = self.arrays.get("category.parent", np.empty(0, np.int64))  # a snapshot of an earlier release has none
        found: set[int] = set()
        level = list(category_ids) if len(parents) else []
        while level:
            indices = self.category_indices(level)
            level = [key for key in parents[indices[indices >= 0]].tolist() if key and key not in found]
            found.update(level)
        return found

    def category_products(self, category_id: int) -> NDArray[np.int32]:
        """Indices of the products of a category and of those below it, the most popular first."""
        (index,) = self.category_indices([category_id]).tolist()
        if index < 0:
            return np.empty(0, np.int32)
        start = self.arrays["category.product_start"]
        return self.arrays["category.product"][start[index] : start[index + 1]]

    def country_products(self, code: str) -> NDArray[np.int32]:
        """Indices of the bestsellers of the country with this ISO code, best first; none where it has too few
        customers."""
        return self._product_list("country", country_code_to_int(code))

    def device_products(self, name: str) -> NDArray[np.int32]:
        """Indices of the products that most customers view on this type of device, the most viewed first; none where
        too few do."""
        return self._product_list("device", DEVICES.index(name) if name in DEVICES else -1)

    def _product_list(self, name: str, key: int) -> NDArray[np.int32]:
        keys = self.arrays.get(f"{name}.code", np.empty(0, np.int32))  # a snapshot of an earlier release has none
        (index,) = lookup_indices(keys, [key]).tolist()
        if index < 0:
            return np.empty(0, np.int32)
        start = self.arrays[f"{name}.start"]
        return self.arrays[f"{name}.product"][start[index] : start[index + 1]]


def country_code_to_int(code: str) -> int:
    """The number by which a snapshot keeps a country; -1 for what is no ISO code of two letters."""
    return int.from_bytes(code.upper().encode()) if len(code) == 2 and code.isascii() and code.isalpha() else -1


def lookup_indices(existing: NDArray[np.int64], keys: Iterable[int]) -> NDArray[np.int64]:
    """The index of each key among the existing ones, which are ascending; -1 for those that are not there."""
    wanted = np.fromiter(keys, np.int64)
    if not len(existing):
        return np.full(len(wanted), -1)
    index = np.minimum(np.searchsorted(existing, wanted), len(existing) - 1)
    return np.where(existing[index] == wanted, index, -1)
