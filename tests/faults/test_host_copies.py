"""One copy of a snapshot for all processes of a host."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from personalization.models import Snapshot, snapshot_files
from personalization.models.host_copies import load_snapshot
from personalization.models.snapshot_files import BrokenSnapshot, MissingSnapshot, write_snapshot
from tests.train.storages import NoDiskOfOurs

ROOT = Path(__file__).parents[2]
ARRAYS = {"a": np.arange(2_000_000, dtype=np.int64), "b": np.ones((3, 2), np.float32), "c": np.empty(0, np.int32)}
OLD, NEW = "0a1b2c-20261101-030000-00000001", "0a1b2c-20261102-030000-00000002"
LOAD = """
import json, os, sys, django
from django.conf import settings
django.setup()
settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_CACHE_DIR": sys.argv[3]}
settings.STORAGES = {**settings.STORAGES, "personalization": json.loads(sys.argv[4])}
from personalization.models.host_copies import load_snapshot
arrays = load_snapshot(*sys.argv[1:3])
total = int(arrays["a"].sum())
maps, private, mapped = open("/proc/self/smaps").read().split("\\n"), 0, False
for line in maps:
    if " " in line and "-" in line.split()[0]:
        mapped = line.endswith("a.npy")
    elif mapped and line.startswith("Anonymous"):
        private += int(line.split()[1])
print(json.dumps({"total": total, "private": private, "is_mapped": "a.npy" in "".join(maps)}))
"""


@pytest.fixture
def elsewhere(settings, tmp_path):
    """A storage that is no disk of ours, and a host with a folder for its copy."""
    backend = {"BACKEND": "tests.train.storages.NoDiskOfOurs", "OPTIONS": {"location": str(tmp_path / "elsewhere")}}
    settings.STORAGES = {**settings.STORAGES, "personalization": backend}
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_CACHE_DIR": str(tmp_path / "host")}
    return backend


@pytest.fixture
def opened(monkeypatch):
    """The files that were read from the storage."""
    paths, read = [], NoDiskOfOurs.open
    monkeypatch.setattr(NoDiskOfOurs, "open", lambda self, name, *mode: paths.append(name) or read(self, name, *mode))
    return paths


def test_eight_processes_share_what_one_of_them_fetched(elsewhere, tmp_path):
    checksum = write_snapshot(NEW, ARRAYS, {})
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_without_migrations"}
    command = [sys.executable, "-c", LOAD, NEW, checksum, str(tmp_path / "host"), json.dumps(elsewhere)]

    def load(_number):
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(4) as pool:
        for done in pool.map(load, range(8)):
            assert json.loads(done.stdout) == {"total": int(ARRAYS["a"].sum()), "private": 0, "is_mapped": True}
    assert sorted(path.name for path in (tmp_path / "host").iterdir()) == [".lock", NEW]


def test_the_storage_is_asked_once_a_host(elsewhere, opened):
    checksum = write_snapshot(NEW, ARRAYS, {})
    first = load_snapshot(NEW, checksum)
    assert opened
    opened.clear()
    second = load_snapshot(NEW, checksum)
    assert not opened
    for name, array in ARRAYS.items():
        assert first[name].tolist() == second[name].tolist() == array.tolist()
        assert not second[name].flags.writeable and type(second[name]) is np.ndarray


def test_older_copies_go_and_who_has_one_mapped_keeps_it(elsewhere, tmp_path):
    before = load_snapshot(OLD, write_snapshot(OLD, ARRAYS, {}))
    (tmp_path / "host" / f".part-{OLD}-left").mkdir()
    (tmp_path / "host" / "ffffff-20261101-030000-00000001").mkdir()
    load_snapshot(NEW, write_snapshot(NEW, ARRAYS, {}))
    kept = sorted(path.name for path in (tmp_path / "host").iterdir())
    assert kept == [".lock", NEW, "ffffff-20261101-030000-00000001"]  # the last one is another shop's
    assert int(before["a"].sum()) == int(ARRAYS["a"].sum())


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "manifest"])
def test_a_damaged_copy_is_made_anew(elsewhere, tmp_path, damage, opened):
    checksum = write_snapshot(NEW, ARRAYS, {})
    load_snapshot(NEW, checksum)
    opened.clear()
    file = tmp_path / "host" / NEW / ("manifest.json" if damage == "manifest" else "a.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    if damage != "gone":
        file.write_bytes(content[:1000] if damage == "cut" else content)
    assert load_snapshot(NEW, checksum)["a"].tolist() == ARRAYS["a"].tolist()
    assert opened


def test_what_is_broken_or_missing_in_the_storage_leaves_no_copy(elsewhere, tmp_path):
    checksum = write_snapshot(NEW, ARRAYS, {})
    file = tmp_path / "elsewhere" / NEW / "a.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(BrokenSnapshot):
        load_snapshot(NEW, checksum)
    file.write_bytes(whole[:1000])
    with pytest.raises(MissingSnapshot):
        load_snapshot(NEW, checksum)
    assert [path.name for path in (tmp_path / "host").iterdir()] == [".lock"]
    file.write_bytes(whole)
    assert load_snapshot(NEW, checksum)["a"].tolist() == ARRAYS["a"].tolist()


def test_a_copy_of_another_format_is_refused_and_not_fetched_again(elsewhere, monkeypatch):
    checksum = write_snapshot(NEW, ARRAYS, {})
    load_snapshot(NEW, checksum)
    monkeypatch.setattr(snapshot_files, "FORMAT", snapshot_files.FORMAT + 1)
    with pytest.raises(snapshot_files.OtherFormat, match="train again"):
        load_snapshot(NEW, checksum)


def test_a_folder_that_takes_no_copy_leaves_the_snapshot_in_memory(elsewhere, settings, tmp_path, caplog):
    checksum = write_snapshot(NEW, ARRAYS, {})
    (tmp_path / "file").write_text("no folder")
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_CACHE_DIR": str(tmp_path / "file")}
    assert load_snapshot(NEW, checksum)["a"].tolist() == ARRAYS["a"].tolist()
    assert "each process keeps the snapshot for itself" in caplog.text


@pytest.mark.django_db
def test_the_command_goes_back_to_the_snapshot_before(elsewhere, tmp_path, capsys):
    for name in (OLD, NEW):
        Snapshot.objects.publish(name, write_snapshot(name, ARRAYS, {}), {})
    call_command("personalization_snapshots", serve="previous")
    assert Snapshot.objects.active().get().name == OLD
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(NEW) and lines[1].startswith(OLD) and lines[1].endswith("serves")
    with pytest.raises(CommandError, match="no snapshot before"):
        call_command("personalization_snapshots", serve="previous")
    with pytest.raises(CommandError, match=f"There are: {NEW}, {OLD}"):
        call_command("personalization_snapshots", serve="nothing")
    shutil.rmtree(tmp_path / "elsewhere" / NEW)
    with pytest.raises(CommandError, match="It cannot serve"):
        call_command("personalization_snapshots", serve=NEW)
    assert Snapshot.objects.active().get().name == OLD
