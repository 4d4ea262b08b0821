"""Two beats, two sweeps, eight trainings: each thing is done once."""

import json
import time

from tests.operations.operated_shop import OperatedShop, end_process, waited_until, write_finding

EVERY_MINUTE = """
from datetime import timedelta
from django.utils.timezone import now
from personalization.models import JobSchedule
JobSchedule.objects.all().update(is_on=False)
JobSchedule.objects.filter(kind__in=["measure", "value"]).update(
    is_on=True, every_minutes=1, daily_at=None, changed_at=now() - timedelta(minutes=5))
from django_celery_beat.models import IntervalSchedule, PeriodicTask
assert PeriodicTask.objects.filter(task="personalization.sweep").count() == 1
IntervalSchedule.objects.update(every=2)
"""
EIGHT_AT_ONCE = """
import os, sys, json
from django.db import connection
from personalization.jobs.perform import perform_task
from personalization.train import nightly
from personalization.models import Run, RunKind, Snapshot
connection.close()
ready, go = os.pipe(), os.pipe()
children = []
for number in range(8):
    child = os.fork()
    if not child:
        os.read(go[0], 1)
        perform_task(RunKind.TRAIN, f"task {number}")
        os._exit(0)
    children.append(child)
os.write(go[1], b"x" * 8)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps([Snapshot.objects.count(), sorted(Run.objects.values_list("state", flat=True))]))
"""


def test_eight_trainings_at_once_publish_one_snapshot(operated_shop: OperatedShop):
    began = time.monotonic()
    snapshots, states = json.loads(operated_shop.run_python(EIGHT_AT_ONCE))
    write_finding("eight trainings", seconds=round(time.monotonic() - began, 1), snapshots=snapshots, states=states)
    assert (snapshots, states) == (1, ["done", *["left_out"] * 7])


def test_two_beats_and_two_sweeps_do_each_period_once(operated_shop: OperatedShop):
    shop = operated_shop
    shop.run_python(EVERY_MINUTE)
    sweep = ("-m", "django", "personalization_sweep", "--forever", "--seconds", "2")
    processes = [shop.start_beat("beat1"), shop.start_beat("beat2"), shop.start_worker(concurrency=2)]
    processes += [shop.start("sweep1", *sweep), shop.start("sweep2", *sweep)]
    try:
        enough = "SELECT count(*) FROM personalization_run WHERE state = 'done'"
        waited_until(lambda: shop.ask(enough)[0][0] >= 6, 240)
    finally:
        for process in processes:
            end_process(process)
    rows = shop.ask("SELECT kind, occasion, state, attempt FROM personalization_run ORDER BY id")
    write_finding("two beats and two sweeps", rows=rows)
    done = [(kind, occasion) for kind, occasion, state, _ in rows if state == "done"]
    assert len(done) >= 6 and len(set(done)) == len(done)
    assert {attempt for _, _, state, attempt in rows if state == "done"} == {1}
    for kind in ("measure", "value"):
        numbers = sorted(int(occasion.rpartition(" ")[2]) for one, occasion in done if one == kind)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "a period was left out"
