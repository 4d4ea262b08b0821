"""What a reader of snapshot files refuses, each with a sentence."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from personalization.models.snapshot_files import FORMAT, BrokenSnapshot, read_snapshot, write_snapshot


def described(**entries) -> str:
    """Writes a manifest with these entries; its checksum."""
    folder = Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]) / "snap"
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"format": FORMAT, "arrays": entries}).encode()
    (folder / "manifest.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def stored(array) -> tuple[Path, str]:
    path = Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]) / "snap" / "a.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_arrays_come_back_as_they_were_and_cannot_be_changed():
    arrays = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.empty((0, 4), np.float32)}
    back = read_snapshot("snap", write_snapshot("snap", arrays, {}))
    assert back["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert back["b"].shape == (0, 4)
    with pytest.raises(ValueError, match="read-only"):
        back["a"][0, 0] = 9


def test_another_manifest_than_the_published_one_is_refused():
    described()
    with pytest.raises(BrokenSnapshot, match="not the one that was published"):
        read_snapshot("snap", "0" * 64)


def test_an_array_of_objects_is_refused_by_its_dtype():
    _, checksum = stored(np.array([1.0]))
    with pytest.raises(BrokenSnapshot, match="dtype object"):
        read_snapshot("snap", described(a={"shape": [1], "dtype": "object", "sha256": checksum}))


def test_a_bomb_is_refused_before_it_is_read():
    _, checksum = stored(np.array([1.0]))
    with pytest.raises(BrokenSnapshot, match="the limit is"):
        read_snapshot("snap", described(a={"shape": [2**40, 2**20], "dtype": "float64", "sha256": checksum}))


def test_a_shape_that_is_not_the_promised_one_is_refused():
    _, checksum = stored(np.zeros(3))
    with pytest.raises(BrokenSnapshot, match=r"float64\(3,\); the manifest says float64\(4,\)"):
        read_snapshot("snap", described(a={"shape": [4], "dtype": "float64", "sha256": checksum}))


def test_a_number_that_is_not_finite_is_refused():
    _, checksum = stored(np.array([1.0, np.nan]))
    with pytest.raises(BrokenSnapshot, match="not finite"):
        read_snapshot("snap", described(a={"shape": [2], "dtype": "float64", "sha256": checksum}))


def test_a_path_out_of_the_folder_is_refused():
    _, checksum = stored(np.array([1.0]))
    with pytest.raises(BrokenSnapshot, match="no array can be called"):
        read_snapshot("snap", described(**{"../snap/a": {"shape": [1], "dtype": "float64", "sha256": checksum}}))
