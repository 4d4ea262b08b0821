"""A disk that is full, or lies: what served goes on serving, nothing is left behind, and other work is done."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command

from personalization.models import Genome, Snapshot, Visitor, snapshot_files
from personalization.models.snapshot_files import NotEnoughRoom, write_snapshot
from personalization.train import nightly, run
from personalization.train.engines import local
from tests.shops import factories as shop

FULL = Path("/dev/full")
NOT_LINUX = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


class FullDisk(FileSystemStorage):
    """The third file does not fit: the system itself says so."""

    def _save(self, name, content):
        if len(list(Path(self.path(name)).parent.glob("*"))) >= 2:
            with open(FULL, "wb") as file:
                file.write(content.read())
        return super()._save(name, content)


class LyingDisk(FileSystemStorage):
    """Says that it has written everything, and loses the end of it."""

    def _save(self, name, content):
        saved = super()._save(name, content)
        if name.endswith("product.id.npy"):
            os.truncate(self.path(saved), 100)
        return saved


def use_storage(settings, backend):
    disk = {
        "BACKEND": f"{__name__}.{backend}",
        "OPTIONS": {"location": settings.PERSONALIZATION["SNAPSHOT_DIR"]},
    }
    settings.STORAGES = {**settings.STORAGES, "personalization": disk}


@pytest.fixture
def agreed_shop(db):
    """The even-and-odd shop, whose customers all agreed."""
    users, _ = shop.even_and_odd()
    Visitor.objects.grant_all([user.pk for user in users], version="1", source="test", now=users[0].date_joined)
    return users


@NOT_LINUX
def test_a_run_that_fills_the_disk_leaves_no_file_and_still_works_out_the_genomes(agreed_shop, settings):
    before = run.run_training()
    use_storage(settings, "FullDisk")
    blocks = local.BlockStore.of_this_shop().folder
    with pytest.raises(CommandError, match=f"Not published: .*{os.strerror(errno.ENOSPC)}"):
        call_command("personalization_train", verbosity=0)
    assert not blocks.exists()
    assert snapshot_files.stored_snapshots() == [before.name]
    assert Snapshot.objects.get(is_active=True) == before
    assert Genome.objects.count() == len(agreed_shop)


def test_what_a_killed_run_left_is_removed_before_anything_is_written(agreed_shop, monkeypatch):
    before = run.run_training()
    left = snapshot_files.new_snapshot_name(before.created_at)
    write_snapshot(left, {"a": np.zeros(3)}, {})

    def fails(*anything):
        raise MemoryError

    monkeypatch.setattr(run, "read_dataset", fails)
    with pytest.raises(MemoryError):
        nightly.train_shop(before.created_at.timestamp())
    assert snapshot_files.stored_snapshots() == [before.name]


@pytest.mark.django_db
def test_a_snapshot_that_is_not_what_was_written_never_serves(agreed_shop, settings):
    before = run.run_training()
    use_storage(settings, "LyingDisk")
    with pytest.raises(CommandError, match=r"Not published: .*product\.id\.npy: only the first 100 bytes are there"):
        call_command("personalization_train", verbosity=0)
    assert snapshot_files.stored_snapshots() == [before.name]
    assert Snapshot.objects.get(is_active=True) == before


@pytest.fixture
def small_disk(tmp_path):
    """A folder with one MiB of room."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_what_does_not_fit_is_not_begun_and_the_error_says_how_much_is_missing(small_disk, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_DIR", str(small_disk))
    sentence = rf"{small_disk} has 1\.0 MiB free, and the snapshot needs 3\.8 MiB"
    with pytest.raises(NotEnoughRoom, match=sentence):
        write_snapshot("snap", {"a": np.zeros(500_000)}, {})
    assert not list(small_disk.iterdir())
    write_snapshot("snap", {"a": np.zeros(5_000)}, {})
