"""Does the blocks of the work one after the other, and keeps finished ones as files (checkpoints): a run that was
killed leaves them behind, and the next one goes on from there. `shared_blocks` has others do some of them."""

import hashlib
import inspect
import logging
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from personalization import recommenders
from personalization.models import snapshot_files
from personalization.recommenders import (
    DAY,
    BlockPlan,
    BlockRecommender,
    HistoryArrays,
    LearningLimits,
    Neighbours,
    ProductLinks,
    ProductScores,
    Recommender,
)

logger = logging.getLogger(__name__)

LINK_COLUMNS = {"anchor": np.dtype("int32"), "other": np.dtype("int32"), "weight": np.dtype("float32")}
MAX_AGE_SECONDS = DAY
"""Older blocks are of no use any more: the history has changed."""
DAMAGED_FILE_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""What reading an `.npz` file raises that is not, or not wholly, what was written."""


class BlockStore:
    """A folder with a file for each finished block, in a folder for each plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_this_shop(cls) -> "BlockStore":
        """The store of this database: others may keep their snapshots in the same folder."""
        return cls(snapshot_files.local_root() / "blocks" / snapshot_files._database_mark())

    def fit(
        self, recommender: Recommender, history: HistoryArrays, limits: LearningLimits
    ) -> ProductScores | Neighbours:
        """What the recommender learns; finished blocks are read and not done again."""
        if not isinstance(recommender, BlockRecommender):
            return recommender.fit(history, limits)
        plan = recommender.plan(history, limits)
        return plan.assemble(self.finish_blocks(plan, f"{recommender.name}.{plan_fingerprint(plan)}"))

    def finish_blocks(self, plan: BlockPlan, name: str) -> Iterator[ProductLinks]:
        """The links of all blocks of a plan, whose folder has this name; they may come in any sequence."""
        for block in plan.blocks:
            path = self.folder / name / block_file_name(block)
            links = stored_block(path, block, plan)
            if links is None:
                links = plan.links(block)
                store_block(path, links)
            yield links

    def shared_work(self) -> dict[str, int]:
        """How many blocks were done, and by whom; nothing where nobody else could."""
        return {}

    def remove(self) -> None:
        """Deletes all blocks, once what they were done for is published."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_outdated(self) -> None:
        """Deletes the blocks that no run can use any more."""
        for folder in self.folder.glob("*"):
            if folder.stat().st_mtime < time.time() - MAX_AGE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def block_file_name(block: range) -> str:
    """The name of the file of a finished block."""
    return f"{block.start}-{block.stop - 1}.npz"


def stored_block(path: Path, block: range, plan: BlockPlan) -> ProductLinks | None:
    """The finished block in this file; None when it is absent or damaged."""
    try:
        with open(path, "rb") as file:
            return read_block(file, block, plan)
    except FileNotFoundError:
        return None
    except DAMAGED_FILE_ERRORS as error:
        logger.warning("%s is damaged and done again: %s", path, error)
        return None


def read_block(file: IO[bytes], block: range, plan: BlockPlan) -> ProductLinks | None:
    """The links in an open file; None where they cannot be those of this block. One of DAMAGED_FILE_ERRORS where it is
    no such file."""
    with np.load(file, allow_pickle=False) as table:  # a zip archive: its CRC is checked
        links = ProductLinks(**{name: table[name] for name in LINK_COLUMNS})
    return links if _matches_plan(links, block, plan) else None


def store_block(path: Path, links: ProductLinks) -> None:
    """Writes a finished block to this file, whole or not at all. Where that fails, training goes on without."""
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, part = tempfile.mkstemp(suffix=".part", dir=path.parent)
        with os.fdopen(number, "wb") as file:  # no fsync: what a power cut damages is done again
            np.savez(file, **vars(links))
        os.replace(part, path)
    except OSError as error:
        logger.warning("%s cannot be kept: %s", path, error)
        if part:
            Path(part).unlink(missing_ok=True)


def plan_fingerprint(plan: BlockPlan) -> str:
    """Differs for plans whose blocks differ: covers the arguments, and the code that works on them."""
    digest = hashlib.sha256(_code_digest(plan.function.__module__))
    for value in (plan.function.__module__, plan.products, plan.neighbours, *plan.args):
        _hash_value(digest, value)
    return digest.hexdigest()[:32]


def _hash_value(digest: Any, value: Any) -> None:
    if is_dataclass(value):
        for field in fields(value):
            _hash_value(digest, getattr(value, field.name))
    elif sparse.issparse(value):
        for part in (value.shape, value.data, value.indices, value.indptr):
            _hash_value(digest, part)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif isinstance(value, int | float | str | tuple):
        digest.update(f"{value!r};".encode())
    else:
        raise TypeError(f"the arguments of a plan cannot be hashed: {type(value).__name__}")


@cache
def _code_digest(module: str) -> bytes:
    """Covers the module that does the work, which may be a shop's own, and all of our recommenders."""
    own = Path(inspect.getfile(sys.modules[module]))
    files = sorted({*Path(recommenders.__path__[0]).glob("*.py"), own})
    versions = f"{np.__version__} {scipy.__version__}".encode()
    return b"".join([versions, *(hashlib.sha256(file.read_bytes()).digest() for file in files)])


def _matches_plan(links: ProductLinks, block: range, plan: BlockPlan) -> bool:
    """Whether links that were read can be those of this block."""
    columns: dict[str, NDArray[Any]] = vars(links)
    same_length = {column.shape for column in columns.values()} == {(links.anchor.size,)}
    if not same_length or {name: column.dtype for name, column in columns.items()} != LINK_COLUMNS:
        return False
    within = (links.anchor >= block.start) & (links.anchor < block.stop)
    known = (links.other >= 0) & (links.other < plan.products)
    most = np.bincount(links.anchor - block.start).max(initial=0) if within.all() else plan.neighbours + 1
    return bool(within.all() and known.all() and most <= plan.neighbours and (np.diff(links.anchor) >= 0).all())
