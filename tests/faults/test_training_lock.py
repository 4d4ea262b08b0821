"""Only one training run at a time, whatever dies: a holder, a connection, or the pooler's idea of a session."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from personalization.models import Snapshot, TrainingLease
from personalization.train.lock import TrainingInProgress, TrainingOvertaken, training_lock
from personalization.train.run import run_training
from tests.faults.conftest import ROOT
from tests.shops import factories as shop

ADVISORY_LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND datname = current_database()
"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HOLD = """
import time
from personalization.train.lock import training_lock
with training_lock():
    print("held", flush=True)
    time.sleep(60)
"""
TRY = """
from django.core.management import CommandError, call_command
from personalization.models import TrainingLease
try:
    call_command("personalization_train", verbosity=0)
    print("trained")
except CommandError as error:
    print(str(error).split(": ")[0])
"""


@contextmanager
def elsewhere(code: str, environment: dict[str, str]):
    """Another process that runs this code, and has said that it holds the lock."""
    code = "import django; django.setup()\n" + code
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_while_the_first_lives_and_may_begin_once_it_was_killed(process):
    with elsewhere(HOLD, process.environment) as holder:
        assert process(TRY) == (0, "Another training run is in progress")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert process(TRY) == (0, "trained")


@pytest.mark.django_db
def test_a_second_run_says_who_trains_since_when_and_changes_nothing():
    assert TrainingLease.objects.take("theirs", "web2", 17)
    TrainingLease.objects.update(taken_at=LONG_AGO)
    who = "process 17 on web2, since 2026-01-01 00:00:00 UTC"
    with pytest.raises(CommandError) as refused:
        call_command("personalization_train", verbosity=0)
    assert str(refused.value) == f"Another training run is in progress: {who}. Nothing was changed."
    assert not Snapshot.objects.exists()


@pytest.mark.django_db
def test_the_lock_of_a_machine_that_died_runs_out():
    assert TrainingLease.objects.take("theirs", "web2", 17)
    with pytest.raises(TrainingInProgress), training_lock():
        pass
    TrainingLease.objects.update(expires_at=LONG_AGO)
    with training_lock():
        assert TrainingLease.objects.current().host == socket.gethostname()
    assert TrainingLease.objects.current() is None


@pytest.mark.django_db
def test_a_run_that_another_one_overtook_publishes_nothing():
    shop.even_and_odd()
    before = run_training()
    with training_lock() as lock:
        TrainingLease.objects.update(expires_at=LONG_AGO)
        assert TrainingLease.objects.take("theirs", "web2", 17)
        with pytest.raises(TrainingOvertaken, match="another one began: process 17 on web2"):
            lock.confirm()
    assert TrainingLease.objects.get().token == "theirs"
    assert Snapshot.objects.get(is_active=True) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one in memory has one writer at a time")
def test_a_lock_is_kept_while_its_holder_works_and_given_back_afterwards(monkeypatch):
    monkeypatch.setattr("personalization.train.lock.RENEWAL_SECONDS", 0.05)
    with training_lock():
        TrainingLease.objects.update(expires_at=LONG_AGO)
        deadline = time.monotonic() + 20
        while TrainingLease.objects.current() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert TrainingLease.objects.current().host == socket.gethostname()
    assert TrainingLease.objects.current() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="another process cannot reach a database in memory")
def test_nothing_is_held_in_a_session_of_the_database():
    with training_lock():
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(ADVISORY_LOCKS)
            assert cursor.fetchone() == (0,)
        with pytest.raises(TrainingInProgress), training_lock():
            pass
    with training_lock():
        pass
