"""Writes down what a job does while it does it. Work never fails, and hardly waits, because of that."""

import logging
import resource
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from personalization.metrics import observe_job
from personalization.models import Run, RunKind, RunOrigin, RunState
from personalization.models.fail_open import describe_fault, log_fault, savepoint
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.models.processes import this_process

logger = logging.getLogger("personalization")

WRITE_SECONDS = 1.0
"""What changed is written at most this often."""
HEARTBEAT_SECONDS = 20.0
"""So often it is written also where nothing changed."""
PAUSE_SECONDS = 30.0
"""After a write that failed."""
MOST_STEPS = 60
OTHER_TRAINING = gettext_noop("Another training run is in progress.")
INTERRUPTED = gettext_noop("It was interrupted.")

StepProgress = Callable[[Iterable[Any], str, int | None], Iterable[Any]]
"""Passes a stream through and shows its progress: (stream, label, expected length); None where nobody knows it."""


class WorkLeftOut(Exception):
    """There was nothing to do, or somebody else does it; the run says so in this sentence, and nothing failed."""

    def __init__(self, sentence: str, **numbers: Any) -> None:
        super().__init__(sentence % numbers)
        self.sentence, self.numbers = sentence, numbers


class RunRecorder:
    """What the work says of itself. Where it cannot be written it is forgotten."""

    def __init__(self, kind: str, origin: RunOrigin) -> None:
        self.kind, self.origin, self.pk = kind, origin, 0
        self.sentence, self.numbers = "", dict[str, Any]()
        self._steps: list[dict[str, Any]] = []
        self._token, self._over = secrets.token_hex(16), threading.Event()
        self._memory_before, self._next_write, self._written = peak_memory_mib(), 0.0, ""
        self._writer: threading.Thread | None = None
        self._begun = time.monotonic()

    def say_result(self, sentence: str, **numbers: Any) -> None:
        """How it ended, in a sentence that is translated where it is shown, with these numbers in it."""
        self.sentence, self.numbers = sentence, numbers

    def watch(self, progress: StepProgress) -> StepProgress:
        """This progress, which notes each item once it is done with."""

        def watched(stream: Iterable[Any], label: str, length: int | None) -> Iterator[Any]:
            step = self.begin_step(label, length)
            for number, item in enumerate(progress(stream, label, length), 1):
                yield item
                step["done"] = number
                self._write_beside_work()

        return watched

    def begin_step(self, label: str, length: int | None = None) -> dict[str, Any]:
        """The next thing that is done. How much of it is done is written into what is returned."""
        step = {"label": label, "done": 0, "of": length}
        self._steps = [*self._steps[1 - MOST_STEPS :], step]
        self._write_beside_work()
        return step

    def open_row(self, waiting: Run | None) -> bool:
        """Whether the work is to be done: where a row waits for it, only if nobody else began it meanwhile."""
        host, process, begun = this_process()
        holder = {"token": self._token, "host": host, "process": process, "process_begun": begun}
        if waiting is not None:
            self.pk = waiting.pk
            if not Run.objects.begin(waiting.pk, holder):
                return False
        else:
            with self._never_failing("Writing down that a job began"):
                times = dict.fromkeys(("queued_at", "due_at", "began_at", "heartbeat_at"), Now())
                state = {"state": RunState.RUNNING, "attempt": 1}
                self.pk = Run.objects.create(kind=self.kind, origin=self.origin, **state, **times, **holder).pk
        if self.pk and connection.vendor != "sqlite":  # a second connection would lock the file against the work
            self._writer = threading.Thread(target=self._keep_writing, name="run-recorder", daemon=True)
            self._writer.start()
        return True

    def close_row(self, state: RunState, fault: str = "") -> None:
        """Writes how it ended."""
        self._over.set()
        if self._writer:
            self._writer.join(timeout=5)
        values = {"state": state, "ended_at": Now(), "fault": fault[:255], "sentence": self.sentence[:255]}
        seconds = time.monotonic() - self._begun
        observe_job(str(self.kind), seconds, failed=bool(fault))
        logger.info(
            "The job %s ended after %.1f s%s", self.kind, seconds, f" with {fault}" if fault else "",
            extra={"job": str(self.kind), "seconds": round(seconds, 3), "failure": fault},
        )  # fmt: skip
        self._write_last({**values, "numbers": self.numbers, **self._progress_values()})

    def _progress_values(self) -> dict[str, Any]:
        peak = peak_memory_mib()
        steps = [dict(step) for step in self._steps]
        own = {"peak_mib": peak, "is_own_peak": peak > self._memory_before}
        return {"steps": steps, "heartbeat_at": Now(), **own}

    def _write_last(self, values: dict[str, Any]) -> None:
        with self._never_failing("Writing down how a job ended"):
            if self.pk and not repeat_on_lost_connection(Run.objects.write)(self.pk, self._token, **values):
                logger.warning("The row of this run (%s %s) is another's now, or gone", self.kind, self.pk)

    def _write_beside_work(self) -> None:
        """On a database that is a file, by the work itself, outside transactions; elsewhere a thread does it."""
        if self._writer or not self.pk or time.monotonic() < self._next_write or connection.in_atomic_block:
            return
        self._next_write = time.monotonic() + PAUSE_SECONDS
        with self._never_failing("Writing down how far a job is"):
            Run.objects.write(self.pk, self._token, **self._progress_values())
            self._next_write = time.monotonic() + WRITE_SECONDS

    def _keep_writing(self) -> None:
        pause, heard_at = WRITE_SECONDS, time.monotonic()
        while not self._over.wait(pause):
            told = repr(self._steps)
            if told == self._written and time.monotonic() - heard_at < HEARTBEAT_SECONDS:
                continue
            pause = PAUSE_SECONDS
            with self._never_failing("Writing down how far a job is"):
                Run.objects.write(self.pk, self._token, **self._progress_values())
                pause, self._written, heard_at = WRITE_SECONDS, told, time.monotonic()
            if pause == PAUSE_SECONDS:
                connection.close()
        connection.close()

    @contextmanager
    def _never_failing(self, what: str) -> Iterator[None]:
        try:
            if connection.in_atomic_block:
                with savepoint():
                    yield
            else:
                yield
        except Exception as fault:
            log_fault(what, fault)


@contextmanager
def recorded_run(kind: RunKind, origin: RunOrigin = RunOrigin.COMMAND) -> Iterator[RunRecorder]:
    """Does the block as a run of this kind; what it raises is written down, and raised. It is for work that begins at
    once: what waits in a row is done by `jobs.perform`."""
    recorder = RunRecorder(kind, origin)
    recorder.open_row(None)
    with closing_row(recorder):
        yield recorder


@contextmanager
def closing_row(recorder: RunRecorder) -> Iterator[None]:
    """Writes how the block ended into the row that the recorder opened."""
    try:
        yield
    except WorkLeftOut as reason:
        recorder.say_result(reason.sentence, **reason.numbers)
        recorder.close_row(RunState.LEFT_OUT)
        raise
    except Exception as error:
        sentence, numbers = failure_sentence(error)
        recorder.say_result(sentence, **numbers)
        if sentence == OTHER_TRAINING:
            recorder.close_row(RunState.LEFT_OUT)
        else:
            recorder.close_row(RunState.FAILED, describe_fault(error))
        raise
    except BaseException:  # the process ends: what was ordered is started again, what a person began is not
        if recorder.origin == RunOrigin.COMMAND:
            recorder.say_result(INTERRUPTED)
            recorder.close_row(RunState.BROKEN_OFF)
        raise
    recorder.close_row(RunState.DONE)


FAILURES = {
    "TrainingInProgress": OTHER_TRAINING,
    "QualityRegression": gettext_noop("What was learned is worse than what serves, so it was not published."),
    "TrainingOvertaken": gettext_noop("It was silent for so long that another training began; nothing was published."),
    "PluginError": gettext_noop("A plug-in of the shop is missing or wrong: manage.py check names it."),
    "NotEnoughRoom": gettext_noop("There is not enough room for the files."),
    "MissingExtra": gettext_noop("A package is missing on that host: manage.py personalization_train names it."),
    "NoSnapshot": gettext_noop("Nothing has been learned yet."),
    "TableError": gettext_noop("The file could not be read or written."),
    "OperationalError": gettext_noop("The database did not answer, or was locked for too long."),
    "InterfaceError": gettext_noop("The database did not answer, or was locked for too long."),
    "MemoryError": gettext_noop("There was not enough memory."),
    "OSError": gettext_noop("A file could not be read or written."),
}
"""By class of an error, or of one that it is a kind of."""


def failure_sentence(error: BaseException) -> tuple[str, dict[str, Any]]:
    """An error in words, and the numbers in them. Never its own text, which may name a person."""
    for kind in type(error).__mro__:
        if kind.__name__ in FAILURES:
            return FAILURES[kind.__name__], {}
    return gettext_noop("It failed."), {}


def peak_memory_mib() -> int:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
