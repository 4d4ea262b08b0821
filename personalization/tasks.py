"""What a shop has done in the background: for its Celery beat, or any other clock.

One entry is enough: the sweep looks at the shop's schedules, which the dashboard shows, and starts what is due.

    CELERY_BEAT_SCHEDULE = {
        "personalization": {"task": "personalization.sweep", "schedule": 60.0, "options": {"expires": 55}},
    }

The other tasks may be scheduled one by one instead. Each may be repeated, killed and run twice at once. That work whose
process died is done again is seen to by rows, not by redelivery. A shop without Celery runs the commands.
"""

import logging
from typing import Any

from personalization.extras import MissingExtra, missing_packages
from personalization.jobs.perform import perform_run, perform_task
from personalization.jobs.sweep import sweep_runs
from personalization.models import Run, RunKind

try:
    from celery import Task, shared_task
except ImportError as error:
    raise MissingExtra("celery", missing_packages("celery")) from error

if not missing_packages("train"):  # so that workers who can do blocks know the task
    from personalization.train.engines.celery_blocks import train_block  # noqa: F401

logger = logging.getLogger("personalization")

SURE = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}
"""A task is acknowledged only when it is done. All ignore arguments that they do not know, as of a newer release."""


@shared_task(name="personalization.sweep", **SURE)
def sweep(**unknown: Any) -> None:
    """Has what is due done by the workers. Every minute."""
    for pk in sweep_runs():
        if Run.objects.hand_over(pk):
            start_run.apply_async((pk,), retry=False, expires=3600)


@shared_task(name="personalization.start_run", **SURE)
def start_run(run: int, **unknown: Any) -> None:
    """Does what a waiting row orders, unless another process began it."""
    perform_run(run)


@shared_task(name="personalization.train", bind=True, **SURE)
def run_training(self: Task, **unknown: Any) -> None:
    """Learns from the shop's history, then works out every customer's genome and what is expected of them. Daily."""
    perform_task(RunKind.TRAIN, _message_of(self))


@shared_task(name="personalization.genomes", bind=True, **SURE)
def refresh_genomes(self: Task, **unknown: Any) -> None:
    """Works out every customer's genome, as a training does, too."""
    perform_task(RunKind.GENOMES, _message_of(self))


@shared_task(name="personalization.value", bind=True, **SURE)
def refresh_values(self: Task, **unknown: Any) -> None:
    """Works out what is expected of every customer, as a training does, too."""
    perform_task(RunKind.VALUE, _message_of(self))


@shared_task(name="personalization.measure", bind=True, **SURE)
def measure(self: Task, **unknown: Any) -> None:
    """Gives credit for the orders of the last day. Hourly."""
    perform_task(RunKind.MEASURE, _message_of(self))


@shared_task(name="personalization.apply_retention", bind=True, **SURE)
def apply_retention(self: Task, **unknown: Any) -> None:
    """Gives credit for orders and counts what visitors did into daily totals, then drops what is too old. Daily, at a
    quiet hour."""
    perform_task(RunKind.RETENTION, _message_of(self))


@shared_task(name="personalization.messages", bind=True, **SURE)
def send_due_messages(self: Task, **unknown: Any) -> None:
    """Finds who is due for a message, and sends what is due. Every ten minutes."""
    perform_task(RunKind.MESSAGES, _message_of(self))


@shared_task(name="personalization.export", bind=True, **SURE)
def write_export(self: Task, **unknown: Any) -> None:
    """Writes the lists of all customers' home pages into EXPORT_DIR, and hands over the shop's AUDIENCES."""
    perform_task(RunKind.EXPORT, _message_of(self))


def _message_of(task: Task) -> str | None:
    """What names the message that a task was sent with: one that is delivered again has the same name."""
    return f"task {task.request.id}" if task.request.id else None
