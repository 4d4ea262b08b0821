"""Training processes that are really killed: what served before goes on serving, and the next run cleans up."""

import time
from pathlib import Path

TRAIN = """
from personalization.train.run import run_training
print(run_training().name)
"""
KILLED_AT = """
import os, signal
from personalization.models import snapshot_files
plain, saved = snapshot_files._save, []
def save(*arguments):
    saved.append(arguments)
    if len(saved) == {file}:
        os.kill(os.getpid(), signal.SIGKILL)
    plain(*arguments)
snapshot_files._save = save
"""
KILLED_BEFORE_THE_SWITCH = """
import os, signal
from personalization.models import Snapshot
Snapshot.objects.publish = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_IN_THE_SWITCH = """
import os, signal
from django.db.models.signals import post_save
from personalization.models import Snapshot
post_save.connect(lambda **named: os.kill(os.getpid(), signal.SIGKILL), sender=Snapshot, weak=False)
"""
IN_SMALL_BLOCKS = """
import os, signal
from personalization.plugins import registered_recommenders
from personalization.recommenders import BlockRecommender
from personalization.train.engines import local
for recommender in registered_recommenders().values():
    if isinstance(recommender, BlockRecommender):
        type(recommender).__init__(recommender, 500)
plain, worked = local.store_block, []
def store_block(path, links):
    plain(path, links)
    worked.append(path)
    if len(worked) == {dies_after}:
        os.kill(os.getpid(), signal.SIGKILL)
local.store_block = store_block
"""
TRAIN_AT = """
from personalization.train.run import run_training
snapshot = run_training({now})
print(snapshot.manifest_sha256, len(worked))
"""
SERVE = """
from personalization.decide import active_snapshot
from personalization.models import snapshot_files
print(active_snapshot.get_active_snapshot().name, len(snapshot_files.stored_snapshots()), flush=True)
"""


def test_a_run_killed_at_any_point_leaves_the_old_snapshot_serving_and_the_next_run_cleans_up(process):
    """Each process first says what it serves from, and how many folders the one before it left."""
    _, first = process(TRAIN)
    deaths = [KILLED_AT.format(file=1), KILLED_AT.format(file=9), KILLED_BEFORE_THE_SWITCH, KILLED_IN_THE_SWITCH]
    said = [process(SERVE + death + TRAIN) for death in deaths]
    assert said == [(-9, f"{first} {1 + left_behind}") for left_behind in (0, 0, 1, 1)]  # one had no folder yet
    _, last = process(SERVE + TRAIN)
    served, second = last.split("\n")
    assert served == f"{first} 2" and second != first
    assert process(SERVE) == (0, f"{second} 2")


def finished(folder: Path) -> dict[Path, int]:
    """The files of finished blocks, with when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("blocks/*/*/*.npz")}


def test_a_run_goes_on_from_the_blocks_that_a_killed_one_finished_and_publishes_the_same_bytes(process, tmp_path):
    train = TRAIN_AT.format(now=time.time())
    never = IN_SMALL_BLOCKS.format(dies_after=0)
    _, said = process(never + train)
    expected, blocks = said.split()
    snapshots = tmp_path / "snapshots"
    assert not finished(snapshots)
    assert process(IN_SMALL_BLOCKS.format(dies_after=5) + train) == (-9, "")
    first = finished(snapshots)
    assert len(first) == 5
    damaged = min(first)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert process(KILLED_BEFORE_THE_SWITCH + never + train) == (-9, "")
    second = finished(snapshots)
    assert len(second) == int(blocks) > 10
    assert {path for path in first if second[path] != first[path]} == {damaged}
    assert process(never + train) == (0, f"{expected} 0")
    assert not finished(snapshots)
