"""One checked copy of the snapshot that serves for all processes of a host, mapped into their memory.

What a process maps must never be cut short, which would end it: so nothing but this module writes into the folder, only
its owner may, and what serves is copied from the storage, where others may do what they like.
"""

import hashlib
import logging
import mmap
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files import locks
from numpy.typing import NDArray

from personalization import conf
from personalization.models import snapshot_files
from personalization.models.snapshot_files import BrokenSnapshot

logger = logging.getLogger("personalization")

UNFINISHED = ".part-"


def load_snapshot(name: str, manifest_sha256: str) -> dict[str, NDArray]:
    """The arrays of a snapshot, read-only: mapped from this host's copy, which is made where there is none yet, or in
    this process's own memory without `SNAPSHOT_CACHE_DIR`, and where the folder takes no copy.

    Raises
    ------
    BrokenSnapshot : its content is wrong, and will be.
    MissingSnapshot : it is not there, or cannot be read now.
    """
    folder = conf.get_settings().SNAPSHOT_CACHE_DIR
    if not folder:
        return snapshot_files.read_snapshot(name, manifest_sha256)
    try:
        return _map_copy(Path(folder), name, manifest_sha256)
    except OSError as error:
        logger.warning("SNAPSHOT_CACHE_DIR takes no copy (%s): each process keeps the snapshot for itself", error)
        return snapshot_files.read_snapshot(name, manifest_sha256)


def _map_copy(folder: Path, name: str, manifest_sha256: str) -> dict[str, NDArray]:
    with _one_at_a_time(folder):
        if (folder / name).exists():
            try:
                return _mapped(folder / name, manifest_sha256)
            except snapshot_files.OtherFormat:
                raise
            except (BrokenSnapshot, OSError, ValueError) as fault:
                logger.warning("The copy of snapshot %s on this host is damaged and made anew: %s", name, fault)
                shutil.rmtree(folder / name)
        _remove_others(folder, name)
        _fetch(folder, name, manifest_sha256)
        return _mapped(folder / name, manifest_sha256)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / ".lock", "wb") as file:  # ends with its process, whatever ends that
        locks.lock(file, locks.LOCK_EX)
        yield


def _remove_others(folder: Path, name: str) -> None:
    """Other snapshots of this database, and copies that a killed process left. A process that has one mapped keeps it:
    the system frees the blocks of a deleted file with its last user."""
    mark = name.partition("-")[0]
    for other in folder.iterdir():
        if other.is_dir() and other.name != name and other.name.removeprefix(UNFINISHED).startswith(mark):
            shutil.rmtree(other, ignore_errors=True)


def _fetch(folder: Path, name: str, manifest_sha256: str) -> None:
    """Copies the files from the storage, one array in memory at a time, and shows them whole."""
    part = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{name}-", dir=folder))
    try:
        described = snapshot_files.read_manifest(name, manifest_sha256)
        for array, entry in described["arrays"].items():
            (part / f"{array}.npy").write_bytes(snapshot_files.array_content(name, array, entry))
        (part / snapshot_files.MANIFEST).write_bytes(snapshot_files.manifest_content(name))
        part.rename(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _mapped(folder: Path, manifest_sha256: str) -> dict[str, NDArray]:
    manifest = (folder / snapshot_files.MANIFEST).read_bytes()
    described = snapshot_files.check_manifest(folder.name, manifest, manifest_sha256)
    return {array: _mapped_array(folder / f"{array}.npy", entry) for array, entry in described["arrays"].items()}


def _mapped_array(path: Path, entry: Mapping[str, Any]) -> NDArray:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise BrokenSnapshot(f"{path.name}: the content is not the one that was written")
    array = np.load(path, mmap_mode="r" if np.prod(entry["shape"]) else None)
    array.flags.writeable = False
    return np.asarray(array)  # without the class memmap, whose views cost several times those of an array
