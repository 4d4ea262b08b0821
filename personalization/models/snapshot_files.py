"""The files of a snapshot: `.npy` arrays and a manifest that says what they must be. Never pickle."""

import hashlib
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import connection
from numpy.typing import NDArray

from personalization import conf

FORMAT = 2
MANIFEST = "manifest.json"
NAME = re.compile(r"[0-9a-f]{6}-\d{8}-\d{6}-[0-9a-f]{8}")
ARRAY_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)?")
DTYPES = ("int32", "int64", "float32", "float64")
MAX_ARRAY_BYTES = 4 * 2**30
"""Bytes. A manifest that promises more is refused before anything is read."""
MAX_MANIFEST_BYTES = 2**20
BYTES_BESIDE_ARRAY = 8192
"""Of room on a disk that a file takes at most besides its numbers: header, entry in the manifest, rest of a block."""
HEADER_BYTES = 128
"""What `np.save` writes before the numbers, whatever the shape."""


class BrokenSnapshot(Exception):
    """The content of a file is not what the manifest or the manifest's own checksum says, and never will be."""


class OtherFormat(BrokenSnapshot):
    """Another release of this app wrote it, in a format that this one does not read."""


class NotEnoughRoom(OSError):
    """A snapshot does not fit where it is to be written; the message says what is free and what is needed."""


class MissingSnapshot(Exception):
    """A file is not there (yet), not all of it is, or it cannot be read now; later it may be."""


def snapshot_storage() -> Storage:
    """Where snapshots lie: the shop's `STORAGES["personalization"]`, else the folder `snapshot_dir`."""
    if "personalization" in settings.STORAGES:
        return storages["personalization"]
    return FileSystemStorage(location=local_root())


def local_root() -> Path:
    """The folder `snapshot_dir`; where it is relative, below BASE_DIR."""
    return Path(getattr(settings, "BASE_DIR", ".")) / conf.get_settings().SNAPSHOT_DIR


def write_snapshot(name: str, arrays: Mapping[str, NDArray], about: Mapping[str, object]) -> str:
    """Stores the arrays under this name, each whole and on disk before the next; the sha256 of the manifest.

    Nobody sees them until a row says that they serve. The manifest is written last. NotEnoughRoom when they do not fit;
    nothing is written then.
    """
    home = snapshot_storage()
    _require_room(home, sum(array.nbytes + BYTES_BESIDE_ARRAY for array in arrays.values()))
    entries = {}
    for array_name, array in sorted(arrays.items()):
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        _save(home, f"{name}/{array_name}.npy", content.getvalue())
        entries[array_name] = {
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
        }
    manifest = json.dumps({"format": FORMAT, "arrays": entries, **about}, indent=1, sort_keys=True).encode()
    _save(home, f"{name}/{MANIFEST}", manifest)
    return hashlib.sha256(manifest).hexdigest()


def read_snapshot(name: str, manifest_sha256: str) -> dict[str, NDArray]:
    """The arrays of a snapshot, read-only, in memory of this process: whatever happens to the files afterwards, they
    stay as they were checked. Nothing is left on this machine of what lies in a storage elsewhere.

    Raises
    ------
    BrokenSnapshot : its content is wrong, and will be.
    MissingSnapshot : it is not there, or cannot be read now.
    """
    described = read_manifest(name, manifest_sha256)
    return {array: _array(name, array, entry) for array, entry in described["arrays"].items()}


def read_manifest(name: str, manifest_sha256: str) -> dict[str, Any]:
    """What the manifest of a snapshot says, which is small; raises what `read_snapshot` does."""
    return check_manifest(name, manifest_content(name), manifest_sha256)


def check_manifest(name: str, manifest: bytes, manifest_sha256: str) -> dict[str, Any]:
    """What this manifest says; BrokenSnapshot where it is not the one that was published, or not for this release."""
    if hashlib.sha256(manifest).hexdigest() != manifest_sha256:
        raise BrokenSnapshot(f"{name}: the manifest is not the one that was published")
    described: dict[str, Any] = json.loads(manifest)
    if described["format"] != FORMAT:
        made_by = "a newer" if described["format"] > FORMAT else "an older"
        raise OtherFormat(
            f"{name}: format {described['format']} was made by {made_by} version; this one reads {FORMAT}: train again"
        )
    for array in described["arrays"]:
        if not ARRAY_NAME.fullmatch(array):
            raise BrokenSnapshot(f"{name}: no array can be called {array!r}")
    return described


def manifest_content(name: str) -> bytes:
    """The manifest as it lies there, unchecked. MissingSnapshot when it cannot be read now."""
    return _content(snapshot_storage(), f"{name}/{MANIFEST}", MAX_MANIFEST_BYTES)


def array_content(name: str, array: str, entry: Mapping[str, Any]) -> bytes:
    """The file of an array, when it is what its entry in the manifest says; raises what `read_snapshot` does."""
    return _checked(name, array, entry)[0]


def snapshot_bytes(manifest: Mapping[str, Any]) -> int:
    """How many bytes the arrays of a snapshot take, by its manifest."""
    return sum(_array_bytes(entry) for entry in manifest["arrays"].values())


def remove_snapshot(name: str) -> None:
    """Deletes the files of a snapshot; those that are gone already are no error."""
    home = snapshot_storage()
    try:
        files = home.listdir(name)[1]
    except FileNotFoundError:
        return
    for file in files:
        home.delete(f"{name}/{file}")
    home.delete(name)


def new_snapshot_name(moment: datetime) -> str:
    """A name for a snapshot of this database that no other has."""
    return f"{_database_mark()}-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def stored_snapshots() -> list[str]:
    """The names of all snapshots of this database that have files, finished or not.

    Another shop, or the same one on another database, may keep its own in the same folder.
    """
    try:
        folders = snapshot_storage().listdir("")[0]
    except FileNotFoundError:
        return []
    return sorted(folder for folder in folders if NAME.fullmatch(folder) and folder.startswith(_database_mark()))


def _database_mark() -> str:
    database = connection.settings_dict
    known_by = f"{connection.vendor} {database['HOST']} {database['PORT']} {database['NAME']}"
    return hashlib.sha256(known_by.encode()).hexdigest()[:6]


def _require_room(home: Storage, needed: int) -> None:
    try:
        folder = Path(home.path(""))
    except NotImplementedError:  # not a disk of ours
        return
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NotEnoughRoom(f"{folder} has {_mib(free)} free, and the snapshot needs {_mib(needed)}")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def _save(home: Storage, path: str, content: bytes) -> None:
    saved = home.save(path, ContentFile(content))
    try:
        local = home.path(saved)
    except NotImplementedError:  # not a disk of ours: durable when saved
        return
    with open(local, "rb") as file:
        os.fsync(file.fileno())


def _content(home: Storage, path: str, largest: int) -> bytes:
    try:
        with home.open(path) as file:
            content = file.read(largest + 1)
    except Exception as error:  # a storage raises what it likes when it has no file, or no connection
        raise MissingSnapshot(f"{path}: cannot be read now: {error!r}") from error
    if len(content) > largest:
        raise BrokenSnapshot(f"{path}: larger than {largest} bytes")
    return content


def _array_bytes(entry: Mapping[str, Any]) -> int:
    return int(np.prod(tuple(entry["shape"]), dtype=np.float64)) * np.dtype(entry["dtype"]).itemsize


def _array(name: str, array: str, entry: Mapping[str, Any]) -> NDArray:
    found = _checked(name, array, entry)[1]
    found.flags.writeable = False
    return found


def _checked(name: str, array: str, entry: Mapping[str, Any]) -> tuple[bytes, NDArray]:
    """(the file, the array in it)"""
    path, shape, dtype = f"{name}/{array}.npy", tuple(entry["shape"]), entry["dtype"]
    if dtype not in DTYPES:
        raise BrokenSnapshot(f"{path}: dtype {dtype}; only {', '.join(DTYPES)} are read")
    size = _array_bytes(entry)
    if size > MAX_ARRAY_BYTES:
        raise BrokenSnapshot(f"{path}: {size} bytes; the limit is {MAX_ARRAY_BYTES}")
    content = _content(snapshot_storage(), path, HEADER_BYTES + size)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        if len(content) < HEADER_BYTES + size:
            raise MissingSnapshot(f"{path}: only the first {len(content)} bytes are there")
        raise BrokenSnapshot(f"{path}: the content is not the one that was written")
    found = np.load(io.BytesIO(content), allow_pickle=False)
    if found.shape != shape or found.dtype.name != dtype:
        raise BrokenSnapshot(f"{path}: {found.dtype.name}{found.shape}; the manifest says {dtype}{shape}")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise BrokenSnapshot(f"{path}: holds a number that is not finite")
    return content, found
