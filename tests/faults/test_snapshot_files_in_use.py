"""Snapshot files that change, vanish or come late under processes that serve from them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from personalization.models.snapshot_files import BrokenSnapshot, MissingSnapshot, read_snapshot, write_snapshot
from tests.train.storages import NoDiskOfOurs

ROOT = Path(__file__).parents[2]
ARRAYS = {"a": np.arange(100_000, dtype=np.int64), "b": np.ones((3, 2), np.float32)}
READ_THEN_CUT = """
import os, sys, django
django.setup()
from personalization.models.snapshot_files import read_snapshot
arrays = read_snapshot(*sys.argv[1:3])
os.truncate(sys.argv[3], 0)
print(int(arrays["a"].sum()))
"""


def folder() -> Path:
    return Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]) / "snap"


def test_a_process_goes_on_serving_when_a_file_is_cut_short_in_place():
    checksum = write_snapshot("snap", ARRAYS, {})
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_migrations",
        "TEST_SNAPSHOTS": str(folder().parent),
    }
    command = [sys.executable, "-c", READ_THEN_CUT, "snap", checksum, str(folder() / "a.npy")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{ARRAYS['a'].sum()}\n"), done.stderr


def test_a_folder_that_is_away_for_a_moment_is_missing_and_not_broken():
    checksum = write_snapshot("snap", ARRAYS, {})
    folder().rename(folder().with_name("away"))
    with pytest.raises(MissingSnapshot, match=r"snap/manifest\.json: cannot be read now: FileNotFoundError"):
        read_snapshot("snap", checksum)
    folder().with_name("away").rename(folder())
    assert read_snapshot("snap", checksum)["a"].tolist() == ARRAYS["a"].tolist()


@pytest.mark.parametrize("length", [0, 100, 10_000])
def test_a_file_of_which_the_end_has_not_come_yet_is_missing_and_not_broken(length):
    checksum = write_snapshot("snap", ARRAYS, {})
    os.truncate(folder() / "a.npy", length)
    with pytest.raises(MissingSnapshot, match=rf"a\.npy: only the first {length} bytes are there"):
        read_snapshot("snap", checksum)


def test_content_that_is_not_what_was_written_is_broken():
    checksum = write_snapshot("snap", ARRAYS, {})
    content = bytearray((folder() / "a.npy").read_bytes())
    content[-1] ^= 1
    (folder() / "a.npy").write_bytes(content)
    with pytest.raises(BrokenSnapshot, match="not the one that was written"):
        read_snapshot("snap", checksum)


@pytest.fixture
def storage_elsewhere(settings, tmp_path):
    """A storage that is no disk; gives the folder behind it."""
    elsewhere = {"BACKEND": "tests.train.storages.NoDiskOfOurs", "OPTIONS": {"location": tmp_path / "elsewhere"}}
    settings.STORAGES = {**settings.STORAGES, "personalization": elsewhere}
    return tmp_path / "elsewhere"


def test_nothing_is_left_on_this_machine_of_a_snapshot_that_lies_elsewhere(storage_elsewhere, monkeypatch, tmp_path):
    checksum = write_snapshot("snap", ARRAYS, {})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    assert read_snapshot("snap", checksum)["b"].tolist() == ARRAYS["b"].tolist()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_storage_without_a_connection_is_missing_and_not_broken(storage_elsewhere, monkeypatch):
    checksum = write_snapshot("snap", ARRAYS, {})

    def lost(*anything):
        raise RuntimeError("could not connect to the endpoint")

    monkeypatch.setattr(NoDiskOfOurs, "open", lost)
    with pytest.raises(MissingSnapshot, match="could not connect to the endpoint"):
        read_snapshot("snap", checksum)
