"""The snapshot that this process serves from."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.models import Snapshot, snapshot_files
from personalization.models.savepoints import failing_open
from personalization.recommenders import Neighbours, Scores

logger = logging.getLogger("personalization")


@dataclass(frozen=True)
class LoadedSnapshot:
    """A snapshot in memory. Products are places in it here; `ids` turns them into the shop's keys."""

    name: str
    arrays: Mapping[str, NDArray]

    @property
    def ids(self) -> NDArray[np.int64]:
        """The products' primary keys, ascending."""
        return self.arrays["product.id"]

    def places(self, product_ids: Iterable[int]) -> NDArray[np.int64]:
        """Where these products are, in their order; -1 for those that the snapshot does not know."""
        wanted = np.fromiter(product_ids, np.int64)
        if not len(self.ids):
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(self.ids[place] == wanted, place, -1)

    def scores(self, recommender: str) -> Scores:
        """What a recommender that scores products has learned."""
        return Scores(self.arrays[f"{recommender}.score"], self.arrays[f"{recommender}.customers"])

    def neighbours(self, recommender: str) -> Neighbours:
        """What a recommender that links products has learned."""
        return Neighbours(self.arrays[f"{recommender}.index"], self.arrays[f"{recommender}.weight"])

    def category(self, category_id: int) -> NDArray[np.int32]:
        """The popular products of a category and of those below it, the most popular first."""
        known = self.arrays["category.id"]
        place = int(np.searchsorted(known, category_id))
        if place == len(known) or known[place] != category_id:
            return np.empty(0, np.int32)
        start = self.arrays["category.start"]
        return self.arrays["category.product"][start[place] : start[place + 1]]


@dataclass
class _Process:
    """What this process remembers between requests. Two threads may load the same snapshot at once; one then wins."""

    loaded: LoadedSnapshot | None = None
    refused: str = ""
    checked: float = -1e9


_process = _Process()


def current() -> LoadedSnapshot | None:
    """The snapshot to decide with, or None when there is none. A broken newer one leaves the last good one serving."""
    if time.monotonic() - _process.checked >= conf.current().snapshot_check_seconds:
        _process.checked = time.monotonic()
        with failing_open("Looking for a newer snapshot"):
            _look_for_newer()
    return _process.loaded


def forget() -> None:
    """Makes the next call of `current` look anew, as a fresh process would."""
    _process.loaded, _process.refused, _process.checked = None, "", -1e9


def _look_for_newer() -> None:
    row = Snapshot.objects.serving().first()
    if row is None or row.name == _process.refused or (_process.loaded and row.name == _process.loaded.name):
        return
    try:
        _process.loaded = LoadedSnapshot(row.name, snapshot_files.read(row.name, row.manifest_sha256))
    except snapshot_files.BrokenSnapshot:  # it stays broken; whatever else went wrong is tried again
        _process.refused = row.name
        last_good = _process.loaded.name if _process.loaded else "none"
        logger.exception("Snapshot %s is broken; the last good one serves on: %s", row.name, last_good)
