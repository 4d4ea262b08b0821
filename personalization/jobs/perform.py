"""Does what a row orders, or what a task of a queue does: once, whoever asks how often."""

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from personalization.jobs.catalogue import JOBS, AnotherTrainingInProgress
from personalization.jobs.recording import RunRecorder, WorkLeftOut, closing_row, recorded_run
from personalization.models import Run, RunKind, RunOrigin, RunState, Snapshot
from personalization.models.fail_open import log_fault
from personalization.models.lost_connections import CONNECTION_ERRORS
from personalization.models.runs import RESTART_PAUSES

logger = logging.getLogger("personalization")

BUSY_PAUSE = timedelta(minutes=2)
"""As long as the right to train lasts that a killed process of another host held."""
GIVEN_UP = gettext_noop("It broke off %(times)s times, and is not started again.")
RESTARTED = gettext_noop("It broke off, and is started again.")
TRAINED_MEANWHILE = gettext_noop("Another run has trained meanwhile.")


def perform_run(pk: int) -> bool:
    """Does what a waiting row orders; whether this process did it. What fails is written there, and not raised.

    It may be called twice and by several processes at once: one of them does it.
    """
    run = Run.objects.filter(pk=pk).first()
    if run is None or run.state != RunState.WAITING:
        return False
    recorder = RunRecorder(run.kind, RunOrigin(run.origin))
    if not recorder.open_row(run):
        return False
    try:
        with closing_row(recorder):
            if run.kind == RunKind.TRAIN and not run.attempt and Snapshot.objects.published_since(run.queued_at):
                raise WorkLeftOut(TRAINED_MEANWHILE)
            JOBS[RunKind(run.kind)](recorder)
    except AnotherTrainingInProgress as busy:
        logger.info("%s", busy)
        if run.origin != RunOrigin.TASK:
            Run.objects.wait_again(Run.objects.get(pk=pk), RunState.LEFT_OUT, BUSY_PAUSE, attempt=run.attempt)
    except WorkLeftOut as reason:
        logger.info("%s", reason)
    except CONNECTION_ERRORS as error:
        log_fault(f"The job {run.kind}", error)
        if run.attempt < len(RESTART_PAUSES):
            Run.objects.wait_again(Run.objects.get(pk=pk), RunState.FAILED, RESTART_PAUSES[run.attempt])
    except Exception as error:
        log_fault(f"The job {run.kind}", error)
    return True


def perform_task(kind: RunKind, occasion: str | None) -> None:
    """Does a job for a task of a queue, whose message is the occasion: one that is delivered again is not done again,
    unless the process that did it is no more. Without our tables it is done all the same."""
    try:
        run = Run.objects.order_run(kind, RunOrigin.TASK, occasion)
        if run is None:
            run = Run.objects.get(occasion=occasion)
            recover_run(run)
    except DatabaseError as fault:
        log_fault("Writing down that a task began", fault)
        with recorded_run(kind, RunOrigin.TASK) as recorder:
            JOBS[kind](recorder)
        return
    perform_run(run.pk)


def recover_run(run: Run, silent: set[int] | None = None) -> bool:
    """Whether a run had broken off. It waits again, some times with growing pauses; one of a command is left alone, as
    somebody sees it."""
    if not run.has_broken_off(silent):
        return False
    if run.origin != RunOrigin.COMMAND and run.attempt <= len(RESTART_PAUSES):
        return Run.objects.wait_again(run, RunState.RUNNING, RESTART_PAUSES[run.attempt - 1], sentence=RESTARTED)
    words = {"sentence": GIVEN_UP, "numbers": {"times": run.attempt}} if run.attempt > 1 else {}
    return Run.objects.write(run.pk, run.token, state=RunState.BROKEN_OFF, ended_at=Now(), **words)
