"""A training run: what it reads, what it publishes, and what it leaves alone when it fails."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from oscar.apps.order.models import Line, ShippingEvent, ShippingEventQuantity, ShippingEventType

from personalization import __version__
from personalization.decide import active_snapshot
from personalization.models import Genome, Snapshot, snapshot_files
from personalization.train import dataset, fit, publish, run
from personalization.train.lock import TrainingInProgress, training_lock
from tests.shops import factories as shop
from tests.shops import habits_in_tables

pytestmark = pytest.mark.django_db


def train() -> Snapshot:
    run.run_training()
    return Snapshot.objects.get(is_active=True)


def lines() -> int:
    return train().metrics["lines"]


def test_cancelled_and_returned_orders_are_not_read():
    first, second = shop.create_shop_product("First"), shop.create_shop_product("Second")
    shop.create_past_order(None, [first, second])
    shop.create_past_order(None, [first, second], status="Cancelled")
    returned = shop.create_past_order(None, [first, second]).lines.get(product=first)
    event = ShippingEvent.objects.create(
        order=returned.order, event_type=ShippingEventType.objects.create(name="Returned")
    )
    ShippingEventQuantity.objects.create(event=event, line=returned, quantity=1)
    assert lines() == 3


def test_orders_of_guests_are_read_without_a_person():
    shop.create_past_order(None, [shop.create_shop_product("First")])
    summary = train().metrics
    assert (summary["lines"], summary["products"], summary["customers"]) == (1, 1, 0)
    assert not Genome.objects.exists()


def test_an_order_that_is_dated_in_the_future_is_left_out():
    shop.create_past_order(None, [shop.create_shop_product("First")], days_ago=-1)
    assert lines() == 0


def test_a_snapshot_is_arrays_and_a_manifest_that_describes_them():
    shop.even_and_odd()
    name = train().name
    folder = Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]) / name
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["manifest.json", *(f"{array}.npy" for array in manifest["arrays"])]
    )
    assert manifest["format"] == 2
    assert manifest["versions"] == {"personalization": __version__, "numpy": np.__version__}
    assert manifest["arrays"]["bought_together.index"]["shape"] == [shop.PRODUCTS, 50]
    assert np.load(folder / "product.id.npy", allow_pickle=False).tolist() == sorted(
        active_snapshot.get_active_snapshot().ids
    )


def test_what_too_few_customers_bought_weighs_nothing_in_its_category(monkeypatch):
    shop.even_and_odd()
    read = dataset.read_dataset(time.time(), run.no_progress)
    assert fit.product_arrays(read, read.history)["category.share"].sum() > 0
    monkeypatch.setitem(settings.PERSONALIZATION, "MIN_CUSTOMERS", shop.CUSTOMERS)  # half of them buy any product
    assert fit.product_arrays(read, read.history)["category.share"].sum() == 0


def test_the_same_history_gives_the_same_bytes():
    shop.even_and_odd()
    now = time.time()
    run.run_training(now)
    first = Snapshot.objects.get(is_active=True)
    run.run_training(now)
    second = Snapshot.objects.get(is_active=True)
    assert first.name != second.name
    assert first.manifest_sha256 == second.manifest_sha256


def test_the_sequence_of_the_lines_in_the_table_changes_no_byte_of_what_is_learned():
    now, first = habits_in_tables.trained()
    assert "learned from the shop's own past" in first.metrics["weights"].values()
    lines = list(Line.objects.order_by("-pk"))
    Line.objects.all().delete()
    for number, line in enumerate(lines, start=lines[0].pk + 1):
        line.pk = number
    Line.objects.bulk_create(lines)
    assert run.run_training(now, refit_ranker=True).manifest_sha256 == first.manifest_sha256


def test_only_so_many_snapshots_stay_on_disk():
    shop.create_shop_product("First")
    for _ in range(4):
        train()
    kept = set(Snapshot.objects.values_list("name", flat=True))
    assert len(kept) == 2
    assert set(snapshot_files.stored_snapshots()) == kept


def test_what_another_shop_keeps_in_the_same_folder_is_left_alone():
    folder = Path(settings.PERSONALIZATION["SNAPSHOT_DIR"])
    others = [folder / "000000-20260101-000000-00000000", folder / "holiday pictures"]
    for other in others:
        other.mkdir(parents=True)
    train()
    assert all(other.is_dir() for other in others)


def test_a_second_run_says_that_it_is_busy_and_changes_nothing():
    with only_one_elsewhere(), pytest.raises(CommandError, match="Another training run is in progress"):
        call_command("personalization_train", verbosity=0)
    assert not Snapshot.objects.exists()


def test_the_lock_is_free_again_after_a_killed_run():
    with only_one_elsewhere() as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with training_lock():
                    return
            except TrainingInProgress:
                time.sleep(0.05)
    pytest.fail("the lock of a killed process was never released")


@contextmanager
def only_one_elsewhere():
    """Another process that holds the training lock."""
    code = (
        "import time, django; from django.conf import settings; django.setup()\n"
        "from django.db import connection; from personalization.train.lock import training_lock\n"
        f"connection.settings_dict['NAME'] = {str(settings.DATABASES['default']['NAME'])!r}\n"
        f"settings.PERSONALIZATION['SNAPSHOT_DIR'] = {settings.PERSONALIZATION['SNAPSHOT_DIR']!r}\n"
        "with training_lock():\n    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("step", ["read_dataset", "evaluate_and_fit", "fit_arrays", "publish_snapshot"])
def test_a_run_that_fails_at_any_step_leaves_the_old_snapshot_serving(step, monkeypatch):
    shop.even_and_odd()
    before = train()

    def crash(*anything, **named):
        raise MemoryError(step)

    monkeypatch.setattr(run, step, crash)
    with pytest.raises(MemoryError):
        run.run_training()
    assert Snapshot.objects.get(is_active=True) == before
    active_snapshot.reset_active_snapshot()
    assert active_snapshot.get_active_snapshot().name == before.name


def test_what_a_crash_between_files_and_switch_leaves_behind_is_removed_by_the_next_run(monkeypatch):
    shop.even_and_odd()
    before = train()

    def crash(*anything, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(publish.Snapshot.objects, "publish", crash, raising=False)
    with pytest.raises(KeyboardInterrupt):
        run.run_training()
    assert len(snapshot_files.stored_snapshots()) == 2
    assert Snapshot.objects.get(is_active=True) == before
    monkeypatch.undo()


def test_a_snapshot_in_a_storage_that_is_no_disk_is_fetched_and_served(settings, tmp_path):
    elsewhere = {"BACKEND": "tests.train.storages.NoDiskOfOurs", "OPTIONS": {"location": tmp_path / "elsewhere"}}
    settings.STORAGES = {**settings.STORAGES, "personalization": elsewhere}
    shop.even_and_odd()
    name = train().name
    active_snapshot.reset_active_snapshot()
    assert active_snapshot.get_active_snapshot().name == name
