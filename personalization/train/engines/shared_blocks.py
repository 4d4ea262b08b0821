"""Blocks of the work that other processes do, too, on any machine that reaches the storage of the snapshots.

The training process stores the plan once and offers its blocks, by messages that hold names and numbers only. Whoever
takes one stores what it found beside the plan. The training process waits for nobody: it works from the last
block on while the others come from the first, until none is left. So nobody need be there, anybody may be killed, and
at worst the blocks that others were at are done twice.
"""

import hashlib
import io
import logging
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from personalization.plugins import registered_recommenders
from personalization.recommenders import BlockPlan, BlockRecommender, ProductLinks
from personalization.train.engines.local import (
    DAMAGED_FILE_ERRORS,
    MAX_AGE_SECONDS,
    BlockStore,
    block_file_name,
    read_block,
)
from personalization.train.engines.plan_files import UnusablePlan, read_plan, write_plan

logger = logging.getLogger("personalization")

FOLDER_NAME = re.compile(r"[0-9a-f]{6}/([a-z][a-z0-9_]{0,31})\.([0-9a-f]{32})")
"""Of a plan: the mark of the database, the recommender, and the checksum of all that the blocks depend on."""
PLAN_NAME = re.compile(r"plan-\d{9,11}-[0-9a-f]{64}\.npz")
"""When it was stored, in seconds since 1970, and the sha256 of the file."""
STORED_AT = re.compile(r"[-.](\d{9,11})[-.][0-9a-f]{8,64}\.npz$")
"""The end of the name of a plan or a block. Not all storages know when a file was stored."""
MAX_BLOCK_BYTES = 2**30
OFFER_SECONDS = 10.0
"""So long the training process waits, when a plan is done, for offers that are still being made."""


@dataclass(frozen=True)
class BlockOffer:
    """A block that is to be done: the content of a message."""

    folder: str
    plan: str
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not FOLDER_NAME.fullmatch(self.folder) or not PLAN_NAME.fullmatch(self.plan):
            raise ValueError(f"no plan can be called {self.folder!r}, {self.plan!r}")
        if not isinstance(self.start, int) or not isinstance(self.stop, int) or not 0 <= self.start < self.stop:
            raise ValueError(f"no block is {self.start} to {self.stop}")

    def as_message(self) -> dict[str, Any]:
        """The arguments of the message, as JSON has them."""
        return asdict(self)


class PlanFolder:
    """The files of one plan in the storage of the snapshots: the plan, and its finished blocks.

    A storage may show a file before all of it is there, and a writer may be killed: each file has a name that no other
    writer chooses, and counts when it can be read whole.
    """

    def __init__(self, home: Storage, folder: str) -> None:
        self.home, self.path = home, f"blocks/{folder}"

    def file_names(self) -> list[str]:
        """All that lies there."""
        try:
            return sorted(self.home.listdir(self.path)[1])
        except FileNotFoundError:
            return []
        except Exception as error:  # a storage raises what it likes
            logger.warning("%s cannot be listed now: %s", self.path, error)
            return []

    def store_plan(self, plan: BlockPlan) -> str:
        """Stores a plan instead of what an earlier run stored; its name."""
        for name in self.file_names():
            if PLAN_NAME.fullmatch(name):
                self.home.delete(f"{self.path}/{name}")
        with tempfile.TemporaryFile() as file:
            write_plan(file, plan)
            file.seek(0)
            name = f"plan-{int(time.time())}-{hashlib.file_digest(file, 'sha256').hexdigest()}.npz"
            file.seek(0)
            return os.path.basename(self.home.save(f"{self.path}/{name}", File(file)))

    def load_plan(self, name: str) -> BlockPlan:
        """The plan that was stored under this name; UnusablePlan where it is not (any more), or not for the code of
        this process."""
        recommender_name, fingerprint = self._recommender_and_fingerprint()
        recommender = registered_recommenders().get(recommender_name)
        if not isinstance(recommender, BlockRecommender):
            raise UnusablePlan(f"no recommender {recommender_name!r} works in blocks here")
        try:
            with self.home.open(f"{self.path}/{name}") as stored, tempfile.TemporaryFile() as file:
                for part in stored.chunks():
                    file.write(part)
                file.seek(0)
                if hashlib.file_digest(file, "sha256").hexdigest() not in name:
                    raise UnusablePlan("not all of it is there, or it is not what was written")
                file.seek(0)
                return read_plan(file, recommender, fingerprint)
        except UnusablePlan:
            raise
        except Exception as error:  # a storage raises what it likes when it has no file, or no connection
            raise UnusablePlan(f"it is not there: {error!r}") from error

    def store_links(self, block: range, links: ProductLinks) -> str:
        """Stores a finished block; its name."""
        content = io.BytesIO()
        np.savez(content, **vars(links))
        name = f"{_block_name(block)}.{int(time.time())}.{secrets.token_hex(4)}.npz"
        return os.path.basename(self.home.save(f"{self.path}/{name}", ContentFile(content.getvalue())))

    def load_links(self, name: str, block: range, plan: BlockPlan) -> ProductLinks | None:
        """The links in this file; None where it is not whole (yet), or not of this block."""
        try:
            with self.home.open(f"{self.path}/{name}") as file:
                content = file.read(MAX_BLOCK_BYTES)
        except Exception as error:  # a storage raises what it likes
            logger.warning("%s/%s cannot be read now: %s", self.path, name, error)
            return None
        try:
            return read_block(io.BytesIO(content), block, plan)
        except DAMAGED_FILE_ERRORS:
            return None

    def _recommender_and_fingerprint(self) -> tuple[str, str]:
        found = FOLDER_NAME.fullmatch(self.path.removeprefix("blocks/"))
        if not found:
            raise UnusablePlan(f"no plan can be called {self.path!r}")
        return found[1], found[2]


class SharedBlockStore(BlockStore):
    """Finished blocks in the storage of the snapshots, where others store some of them."""

    def __init__(self, home: Storage, mark: str, send_offers: Callable[[Iterator[BlockOffer]], None]) -> None:
        self.home, self.mark, self.send_offers = home, mark, send_offers
        self.own_blocks = self.others_blocks = self.earlier_blocks = 0
        self._nobody_hears = False

    def finish_blocks(self, plan: BlockPlan, name: str) -> Iterator[ProductLinks]:
        """1. Takes what an earlier run left behind.
        2. Offers the other blocks, in the background: a broker or a storage that hangs delays nothing.
        3. Does the last block that is not done, and takes what others have done meanwhile, until all are done.
        """
        folder, undone = PlanFolder(self.home, f"{self.mark}/{name}"), _UndoneBlocks(plan)
        for links in undone.take_finished(folder):
            self.earlier_blocks += 1
            yield links
        with self._offered(folder, plan, undone):
            while block := undone.last():
                links = plan.links(block)
                self.own_blocks += 1
                undone.remove(block)
                self._keep(folder, block, links, undone)
                yield links
                for found in undone.take_finished(folder):
                    self.others_blocks += 1
                    yield found

    def shared_work(self) -> dict[str, int]:
        if self.own_blocks and not self.others_blocks:
            logger.warning("No worker did a block of this run; the training process did all %s itself", self.own_blocks)
        return {"own": self.own_blocks, "others": self.others_blocks, "earlier": self.earlier_blocks}

    def remove(self) -> None:
        """Deletes all plans and blocks of this database. Where the storage cannot now, the next run does."""
        try:
            self._remove_folders(lambda names: True)
        except Exception as error:  # a storage raises what it likes
            logger.warning("The finished blocks stay until the next run: %s", error)

    def remove_outdated(self) -> None:
        """Deletes the plans and blocks that no run can use any more."""
        oldest = time.time() - MAX_AGE_SECONDS
        try:
            self._remove_folders(lambda names: _newest_time(names) < oldest)
        except Exception as error:  # a storage raises what it likes
            logger.warning("Outdated blocks stay until the next run: %s", error)

    def _remove_folders(self, is_outdated: Callable[[list[str]], bool]) -> None:
        root = f"blocks/{self.mark}"
        try:
            folders = self.home.listdir(root)[0]
        except FileNotFoundError:
            return
        for name in folders:
            folder = PlanFolder(self.home, f"{self.mark}/{name}")
            names = folder.file_names()
            if is_outdated(names):
                for file in names:
                    self.home.delete(f"{folder.path}/{file}")
                self.home.delete(folder.path)

    def _keep(self, folder: PlanFolder, block: range, links: ProductLinks, undone: "_UndoneBlocks") -> None:
        """Stores a block that was done here, so that a run that is killed leaves it behind."""
        try:
            undone.seen.add(folder.store_links(block, links))
        except Exception as error:  # a storage raises what it likes
            logger.warning("A finished block cannot be kept: %s", error)

    def _offered(self, folder: PlanFolder, plan: BlockPlan, undone: "_UndoneBlocks") -> "_Offering":
        blocks = list(undone.blocks.values())
        worth_it = len(blocks) > 1 and not self._nobody_hears
        return _Offering(lambda over: self._offer_blocks(folder, plan, blocks, over), self._stop_offering, worth_it)

    def _offer_blocks(self, folder: PlanFolder, plan: BlockPlan, blocks: list[range], over: threading.Event) -> None:
        try:
            stored = folder.store_plan(plan)
            place = folder.path.removeprefix("blocks/")
            offers = (BlockOffer(place, stored, block.start, block.stop) for block in blocks)
            self.send_offers(offer for offer in offers if not over.is_set())
        except Exception as error:  # no broker, no storage, or arguments that no file can hold
            self._stop_offering(f"{error!r}")

    def _stop_offering(self, reason: str) -> None:
        if not self._nobody_hears:
            logger.warning("The training process does all further blocks itself: they cannot be offered: %s", reason)
        self._nobody_hears = True


class _UndoneBlocks:
    """The blocks of a plan that nobody has finished, by the name of their file."""

    def __init__(self, plan: BlockPlan) -> None:
        self.plan = plan
        self.blocks = {_block_name(block): block for block in plan.blocks}
        self.seen: set[str] = set()
        """The files that were read."""

    def last(self) -> range | None:
        return next(reversed(self.blocks.values()), None)

    def remove(self, block: range) -> None:
        self.blocks.pop(_block_name(block), None)

    def take_finished(self, folder: PlanFolder) -> Iterator[ProductLinks]:
        """The links of the blocks that were finished since this was asked last."""
        for name in folder.file_names():
            block = self.blocks.get(name.split(".")[0])
            if block is None or name in self.seen:
                continue
            links = folder.load_links(name, block, self.plan)
            if links is not None:
                self.seen.add(name)
                self.remove(block)
                yield links


class _Offering:
    """Offers in a thread of its own, while the blocks of the `with` are done."""

    def __init__(
        self, offer: Callable[[threading.Event], None], give_up: Callable[[str], None], worth_it: bool
    ) -> None:
        self._over, self._give_up, self._worth_it = threading.Event(), give_up, worth_it
        self._thread = threading.Thread(target=offer, args=(self._over,), name="block-offers", daemon=True)

    def __enter__(self) -> None:
        if self._worth_it:
            self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        if self._worth_it:
            self._thread.join(OFFER_SECONDS)
            if self._thread.is_alive():
                self._give_up(f"no answer within {OFFER_SECONDS:.0f} seconds")


class OfferTaker:
    """Does offered blocks, and keeps the plan that it did last in memory."""

    def __init__(self) -> None:
        self._plan: tuple[str, BlockPlan | UnusablePlan] = "", UnusablePlan()

    def do_block(self, offer: BlockOffer, home: Storage) -> bool:
        """Stores the links of the offered block; False where it is done, or not to be done any more."""
        folder = PlanFolder(home, offer.folder)
        block, names = range(offer.start, offer.stop), folder.file_names()
        if offer.plan not in names or any(name.split(".")[0] == _block_name(block) for name in names):
            return False
        plan = self._plan_of(folder, offer.plan)
        if block not in plan.blocks:
            raise UnusablePlan(f"{offer.folder} has no block {block}")
        folder.store_links(block, plan.links(block))
        return True

    def _plan_of(self, folder: PlanFolder, name: str) -> BlockPlan:
        """The plan; one that cannot be used is not fetched again for each of its blocks."""
        path, plan = self._plan
        if path != f"{folder.path}/{name}":
            del plan
            self._plan = "", UnusablePlan()  # two would take twice the memory
            try:
                plan = folder.load_plan(name)
            except UnusablePlan as error:
                plan = error
            self._plan = f"{folder.path}/{name}", plan
        if isinstance(plan, UnusablePlan):
            raise plan
        return plan


def _block_name(block: range) -> str:
    """How the names of a block's files begin; each has one, as nobody knows who else does it."""
    return block_file_name(block).removesuffix(".npz")


def _newest_time(names: list[str]) -> float:
    """When the newest of these files was stored, in seconds since 1970; 0 where none says."""
    return max((float(found[1]) for name in names if (found := STORED_AT.search(name))), default=0.0)
