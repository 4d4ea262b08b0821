"""Jobs whose process is really killed, and two sweeps that really run at once."""

import subprocess
import sys

from tests.faults.conftest import ROOT

ORDERED = """
from personalization.models import Run, RunOrigin
Run.objects.order_run("measure", RunOrigin.SCHEDULE, "measure of today")
"""
SWEEP = """
from django.core.management import call_command
from personalization.models import Run
call_command("personalization_sweep", verbosity=0)
print([(run.state, run.attempt) for run in Run.objects.all()])
"""
KILLED_AT_WORK = """
import os, signal
from personalization.jobs import perform
from personalization.models import RunKind
perform.JOBS[RunKind.MEASURE] = lambda run: os.kill(os.getpid(), signal.SIGKILL)
"""
TOLD = """
from personalization.models import Run
print([run.shown_state.value for run in Run.objects.all()])
"""


def test_a_run_whose_process_was_killed_is_told_at_once_and_done_by_the_next_sweep(process):
    assert process(ORDERED + KILLED_AT_WORK + SWEEP) == (-9, "")
    assert process(TOLD + SWEEP) == (0, "['broken_off']\n[('done', 2)]")


def test_two_sweeps_at_once_do_what_is_due_once(process):
    assert process(ORDERED) == (0, "")
    command = [sys.executable, "-c", "import django; django.setup()\n" + ORDERED + SWEEP]
    both = [subprocess.Popen(command, cwd=ROOT, env=process.environment, stdout=subprocess.PIPE) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    for one in both:
        one.stdout.close()
    assert process(SWEEP) == (0, "[('done', 1)]")
