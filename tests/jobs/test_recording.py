"""A run is a row that says what was done, how far it is and how it ended; writing it breaks no work."""

import os
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils.timezone import now

from personalization.jobs import recording
from personalization.jobs.recording import recorded_run
from personalization.models import Run, RunKind, RunOrigin, RunState, Snapshot, TrainingLease
from personalization.privacy.retention import apply_retention, no_progress

pytestmark = pytest.mark.django_db


def test_a_run_says_who_does_what_where_and_how_it_ended():
    with recorded_run(RunKind.MEASURE) as run:
        assert Run.objects.get().state == RunState.RUNNING and not Run.objects.get().has_broken_off()
        for _ in run.watch(no_progress)(range(3), "Days", 3):
            pass
        run.say_result("%(days)s days counted.", days=3)
    row = Run.objects.get()
    assert (row.kind, row.origin, row.state, row.attempt) == ("measure", "command", "done", 1)
    assert (row.host, row.process) == (socket.gethostname(), os.getpid())
    assert row.steps == [{"label": "Days", "done": 3, "of": 3}]
    assert row.sentence % row.numbers == "3 days counted."
    assert row.peak_mib > 20 and row.began_at <= row.ended_at <= now()


def test_a_failure_is_told_by_its_class_and_our_line_and_never_by_its_text(monkeypatch):
    def fail(*arguments):
        raise DatabaseError("anna@example.com searched for a surprise")

    monkeypatch.setattr("personalization.measure.credit.credit_recent_orders", fail)
    with pytest.raises(DatabaseError):
        call_command("personalization_measure", verbosity=0)
    row = Run.objects.get()
    assert (row.state, row.sentence) == ("failed", "It failed.")
    assert row.fault.startswith("DatabaseError, personalization/measure/outcomes.py:")
    assert "anna" not in str(row.__dict__)


def test_work_goes_on_where_its_run_cannot_be_written(monkeypatch):
    for name in ("create", "write"):

        def away(*arguments, **named):
            raise DatabaseError("gone")

        monkeypatch.setattr(Run.objects, name, away)
    done = []
    with recorded_run(RunKind.MEASURE) as run:
        done += run.watch(no_progress)([1, 2], "Days", 2)
    assert done == [1, 2] and not Run.objects.exists()


def test_an_interrupted_command_is_told_so():
    with pytest.raises(KeyboardInterrupt), recorded_run(RunKind.IMPORT):
        raise KeyboardInterrupt
    row = Run.objects.get()
    assert (row.state, row.sentence) == ("broken_off", "It was interrupted.")


def test_a_training_that_another_one_keeps_out_says_that_nothing_was_changed():
    TrainingLease.objects.take("theirs", "web2", 17)
    with pytest.raises(CommandError):
        call_command("personalization_train", verbosity=0)
    assert (Run.objects.get().state, Run.objects.get().sentence) == (
        "left_out",
        "Another training run is in progress.",
    )
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize("command", ["personalization_measure", "personalization_apply_retention"])
def test_each_job_of_the_commands_is_a_run(command):
    call_command(command, verbosity=0)
    row = Run.objects.get()
    assert row.state == "done" and row.sentence and row.sentence % row.numbers


def test_runs_are_kept_for_ninety_days():
    with recorded_run(RunKind.MEASURE):
        pass
    before = now() - timedelta(days=91)
    old = Run.objects.create(kind="train", origin="task", queued_at=before, due_at=before)
    assert apply_retention().runs == 1
    assert not Run.objects.filter(pk=old.pk).exists() and Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="there the work itself writes, between its steps")
def test_progress_is_written_beside_the_work_at_most_once_a_second(monkeypatch):
    writes, plain = [], Run.objects.write

    def write(*arguments, **named):
        writes.append((time.monotonic(), threading.current_thread().name))
        return plain(*arguments, **named)

    monkeypatch.setattr(recording, "WRITE_SECONDS", 0.3)
    monkeypatch.setattr(Run.objects, "write", write)
    began, seen = time.monotonic(), []
    with recorded_run(RunKind.IMPORT) as run:
        for number in run.watch(no_progress)(range(2000), "Lines", 2000):
            time.sleep(0.0005)
            if number % 500 == 499:
                seen.append(Run.objects.get().steps)
    seconds = time.monotonic() - began
    assert 2 <= len(writes) <= seconds / 0.3 + 2
    assert {name for _, name in writes[:-1]} == {"run-recorder"}
    assert any(steps and 0 < steps[0]["done"] < 2000 for steps in seen)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_on_a_file_the_work_writes_between_its_steps_and_never_within_a_transaction(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("elsewhere a thread writes")
    monkeypatch.setattr(recording, "WRITE_SECONDS", 0)
    seen = []
    with recorded_run(RunKind.IMPORT, RunOrigin.COMMAND) as run:
        for _ in run.watch(no_progress)(range(3), "Lines", 3):
            seen.append([step["done"] for step in Run.objects.get().steps])
    assert seen == [[0], [1], [2]]
