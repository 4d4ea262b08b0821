"""Training with Celery workers on a real broker: the bytes of one process, whoever is killed."""

import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, _environment, _run
from tests.faults.servers import Redis
from tests.faults.test_killed_training import IN_SMALL_BLOCKS, TRAIN_AT, finished

SMALL_BLOCKS = IN_SMALL_BLOCKS.split("plain, worked")[0]
TRAIN_SHARED = """
from personalization.recommenders import BlockPlan
plain = BlockPlan.links
def links(plan, block):
    import time; time.sleep({seconds})
    print("begins", plan.function.__name__, block.start, flush=True)
    return plain(plan, block)
BlockPlan.links = links
from personalization.train.run import run_training
snapshot = run_training({now})
print("published", snapshot.manifest_sha256, *snapshot.metrics["blocks"].values(), flush=True)
"""

pytestmark = pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Redis(tmp_path_factory.mktemp("redis")).running() as redis:
        yield f"redis://127.0.0.1:{redis.port}/0"


@pytest.fixture
def shared(process, tmp_path, broker):
    """What the processes of this test share."""
    return {
        **process.environment,
        "DJANGO_SETTINGS_MODULE": "tests.faults.shared_training_settings",
        "TEST_SHARED_STORAGE": str(tmp_path / "shared"),
        "TEST_BROKER": broker,
    }


@contextmanager
def started(command, environment, file):
    """A process whose output goes to this file; killed at the end."""
    with file.open("w") as output:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def worker(shared, tmp_path, number, seconds):
    environment = {
        **shared,
        "TEST_SNAPSHOTS": str(tmp_path / f"folder of worker {number}"),
        "TEST_DATABASE_FILE": str(tmp_path / "no database here" / "shop.sqlite3"),
        "TEST_BLOCK_SECONDS": str(seconds),
    }
    options = ["-P", "solo", "-n", f"worker{number}@%h", "-l", "INFO", "--without-gossip", "--without-mingle"]
    command = [sys.executable, "-m", "celery", "-A", "tests.faults.watched_workers", "worker", *options]
    return started(command, environment, tmp_path / f"worker {number}")


def trainer(shared, tmp_path, number, now, seconds=0.0):
    code = "import django; django.setup()\n" + SMALL_BLOCKS + TRAIN_SHARED.format(now=now, seconds=seconds)
    return started([sys.executable, "-c", code], shared, tmp_path / f"trainer {number}")


def begun_blocks(file: Path) -> list[str]:
    return [line.partition("begins ")[2] for line in file.read_text().splitlines() if "begins " in line]


def wait_until(came_true, *running) -> None:
    until = time.monotonic() + 240
    while not came_true():
        assert time.monotonic() < until, "it did not come true in time"
        assert all(each.poll() is None for each in running), "a process ended"
        time.sleep(0.02)


def published(file: Path) -> list[str]:
    return file.read_text().rpartition("published ")[2].split()


@pytest.fixture(scope="module")
def alone(shop_file, tmp_path_factory):
    """(a moment, the checksum of what one process learns of the shop up to then)"""
    folder, now = tmp_path_factory.mktemp("alone"), time.time()
    file = shutil.copy(shop_file, folder)
    _, said = _run(IN_SMALL_BLOCKS.format(dies_after=0) + TRAIN_AT.format(now=now), _environment(file, folder / "own"))
    return now, said.split()[0]


def test_workers_and_a_trainer_that_are_killed_leave_the_bytes_of_one_process(shared, tmp_path, alone):
    now, expected = alone
    first, second = tmp_path / "worker 1", tmp_path / "worker 2"
    with ExitStack() as running:
        one = running.enter_context(worker(shared, tmp_path, 1, 0.3))
        other = running.enter_context(worker(shared, tmp_path, 2, 0.05))
        wait_until(lambda: "ready." in first.read_text() and "ready." in second.read_text(), one, other)
        training = running.enter_context(trainer(shared, tmp_path, 1, now, seconds=0.2))
        wait_until(lambda: begun_blocks(first) and len(begun_blocks(second)) > 3, one, other, training)
        one.send_signal(signal.SIGKILL)  # within a block
        wait_until(lambda: len(begun_blocks(second)) > 6, other, training)
        training.send_signal(signal.SIGKILL)
        training.wait()
        assert finished(tmp_path / "shared")
        again = running.enter_context(trainer(shared, tmp_path, 2, now, seconds=0.1))
        wait_until(lambda: again.poll() is not None, other)
    checksum, own, others, earlier = published(tmp_path / "trainer 2")
    assert checksum == expected
    assert int(others) > 0 and int(own) > 0 and int(earlier) > 0
    assert not finished(tmp_path / "shared")
    assert not (tmp_path / "folder of worker 2").exists()


def test_a_frozen_broker_and_no_worker_hinder_no_training_and_it_says_so(shared, tmp_path, alone):
    now, expected = alone
    with Redis(tmp_path).running() as redis, redis.frozen():
        frozen = {**shared, "TEST_BROKER": f"redis://127.0.0.1:{redis.port}/0"}
        with trainer(frozen, tmp_path, 1, now) as training:
            wait_until(lambda: training.poll() is not None)
    checksum, own, others, _ = published(tmp_path / "trainer 1")
    assert (checksum, others) == (expected, "0")
    said = (tmp_path / "trainer 1").read_text()
    assert said.count("they cannot be offered") == 1 and f"did all {own} itself" in said
