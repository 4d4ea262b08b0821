"""What a shop has done in the background: for its Celery beat, or any other clock.

    CELERY_BEAT_SCHEDULE = {
        "measure": {"task": "personalization.measure", "schedule": crontab(minute=20)},
        "messages": {"task": "personalization.messages", "schedule": crontab(minute="*/10")},
        "apply_retention": {"task": "personalization.apply_retention", "schedule": crontab(hour=2, minute=40)},
        "train": {"task": "personalization.train", "schedule": crontab(hour=3, minute=10)},
    }

Each may be repeated, killed and run twice at once. A shop without Celery runs the commands of the same names.
"""

import logging

from personalization.extras import MissingExtra, missing_packages, require_extra
from personalization.lifecycle.message_run import run_messages
from personalization.measure.outcomes import measure_outcomes
from personalization.models.job_runs import Job, job_run
from personalization.oscar import search_engine
from personalization.privacy import retention

try:
    from celery import shared_task
except ImportError as error:
    raise MissingExtra("celery", missing_packages("celery")) from error

if not missing_packages("train"):  # so that workers who can do blocks know the task
    from personalization.train.engines.celery_blocks import train_block  # noqa: F401

logger = logging.getLogger("personalization")


@shared_task(name="personalization.apply_retention", acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def apply_retention() -> None:
    """Gives credit for orders and counts what visitors did into daily totals, then drops what is too old. Daily, at a
    quiet hour."""
    with job_run(Job.RETENTION):
        logger.info("%s", measure_outcomes())
        logger.info("%s", retention.apply_retention())


@shared_task(name="personalization.measure", acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def measure() -> None:
    """Gives credit for the orders of the last day. Hourly."""
    with job_run(Job.MEASURE):
        logger.info("%s", measure_outcomes(thorough=False))


@shared_task(name="personalization.messages", acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def send_due_messages() -> None:
    """Finds who is due for a message, and sends what is due. Every ten minutes."""
    with job_run(Job.MESSAGES):
        run = run_messages()
    logger.info("%s", run)
    if run.result.outage:
        logger.warning("The mail server cannot be reached (%s). What is due stays due", run.result.outage)


@shared_task(
    name="personalization.train",
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    throws=(MissingExtra,),  # what is missing is said once, without a traceback
)
def run_training() -> None:
    """Learns from the shop's history, then works out every customer's genome. Daily."""
    try:
        with job_run(Job.TRAIN):
            require_extra("train")
    except MissingExtra as missing:
        logger.error("Nothing was learned. %s", missing)
        raise
    from personalization.train.lock import TrainingInProgress  # noqa: PLC0415 - needs what was asked for
    from personalization.train.nightly import train_shop  # noqa: PLC0415
    from personalization.train.run import training_cutoff  # noqa: PLC0415

    try:
        with job_run(Job.TRAIN, passing=TrainingInProgress):
            train_shop(training_cutoff(), find_products=search_engine.search_keys)
    except TrainingInProgress as busy:
        logger.info("%s", busy)
