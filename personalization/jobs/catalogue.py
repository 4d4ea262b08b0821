"""What each job does: the functions that its command calls, too. All may be killed, repeated, and run twice at once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from personalization import conf
from personalization.batching import batched
from personalization.exchange import export_requests, tabular
from personalization.extras import require_extra
from personalization.jobs.recording import OTHER_TRAINING, RunRecorder, WorkLeftOut
from personalization.lifecycle.audiences import hand_over_audiences
from personalization.lifecycle.message_run import MessageRun, run_messages
from personalization.measure.outcomes import MeasureResult, measure_outcomes
from personalization.models import RunKind, Snapshot, ValueRun
from personalization.oscar import search_engine
from personalization.privacy import retention
from personalization.privacy.retention import RetentionResult, no_progress

CUSTOMERS_AT_ONCE = 200
EXPORT_NAME = "home.csv"


class AnotherTrainingInProgress(WorkLeftOut):
    """Only one process trains at a time."""

    def __init__(self) -> None:
        super().__init__(OTHER_TRAINING)


def train_job(run: RunRecorder) -> None:
    """Learns from the shop's history, then works out every customer's genome and what is expected of them."""
    require_extra("train")
    from personalization.train.lock import TrainingInProgress  # noqa: PLC0415 - only a training needs these packages
    from personalization.train.nightly import train_shop  # noqa: PLC0415
    from personalization.train.run import training_cutoff  # noqa: PLC0415

    try:
        snapshot, customers = train_shop(
            training_cutoff(), run.watch(no_progress), find_products=search_engine.search_keys
        )
    except TrainingInProgress as busy:
        raise AnotherTrainingInProgress from busy
    say_learned(run, snapshot, customers)


def genomes_job(run: RunRecorder) -> None:
    """Works out the genome and the facts of every customer who agreed, and writes them down for the month."""
    require_extra("train")
    from personalization.profile import batch  # noqa: PLC0415
    from personalization.profile.genome_months import store_genome_months  # noqa: PLC0415

    moment, watch = time.time(), run.watch(no_progress)
    customers = batch.refresh_all_genomes(moment, lambda batches: watch(batches, "Customers", len(batches)))
    store_genome_months(moment, lambda batches: watch(batches, "Months of customers", len(batches)))
    run.say_result(gettext_noop("Profiles of customers: %(customers)s."), customers=customers)


def value_job(run: RunRecorder) -> None:
    """Works out what is expected of every customer."""
    require_extra("train")
    from personalization.train.customer_values import refresh_customer_values  # noqa: PLC0415

    run.begin_step("Expected value of customers")
    forecast: ValueRun = refresh_customer_values(time.time())
    if forecast.has_enough_history:
        run.say_result(
            gettext_noop("Customers of whom something is expected: %(customers)s."), customers=forecast.customers
        )
    else:
        run.say_result(gettext_noop("There is not enough history yet to say what customers will spend."))


def measure_job(run: RunRecorder) -> None:
    """Gives credit for the orders of the last day."""
    say_measured(run, measure_outcomes(thorough=False))


def retention_job(run: RunRecorder) -> None:
    """Gives credit for all orders that may have changed, counts days, then deletes what is too old."""
    run.begin_step("Credit for purchases")
    measure_outcomes()
    say_deleted(run, retention.apply_retention(progress=run.watch(no_progress)))


def messages_job(run: RunRecorder) -> None:
    """Finds who is due for a message, and sends what is due."""
    if missing := conf.missing_message_settings():
        raise WorkLeftOut(gettext_noop("Nothing was sent: %(settings)s is not set."), settings=", ".join(missing))
    say_sent(run, run_messages())


def export_job(run: RunRecorder) -> None:
    """Hands the shop's audiences to its own function, and writes the lists of all customers' home pages into a file of
    EXPORT_DIR, in place of the one before."""
    settings = conf.get_settings()
    audiences = 0
    if settings.AUDIENCES and settings.AUDIENCE_CALLABLE:
        run.begin_step("Audiences")
        audiences = hand_over_audiences()
    if not settings.EXPORT_DIR and audiences:
        run.say_result(gettext_noop("Audiences handed over: %(audiences)s."), audiences=audiences)
    else:
        _export_lists(run)


def _export_lists(run: RunRecorder) -> None:
    from personalization.exchange import export  # noqa: PLC0415

    folder = conf.get_settings().EXPORT_DIR
    if not folder:
        raise WorkLeftOut(gettext_noop("Nothing was written: %(settings)s is not set."), settings="EXPORT_DIR")
    file = Path(folder) / EXPORT_NAME
    unfinished = file.with_name(f"unfinished-{EXPORT_NAME}")
    requests = export_requests.requests_for_everyone("home", time.time())
    with tabular.write_table(unfinished, export.export_columns(requests)) as write:
        lists = export.ExportRun(requests.surface, export.current_context(), None, False)
        watched = run.watch(no_progress)(requests.requests, "Lists of customers", requests.count)
        for batch in batched(watched, CUSTOMERS_AT_ONCE):
            write(lists.rows(batch))
    unfinished.replace(file)
    say_exported(run, requests.count)


JOBS: dict[RunKind, Callable[[RunRecorder], None]] = {
    RunKind.TRAIN: train_job,
    RunKind.GENOMES: genomes_job,
    RunKind.VALUE: value_job,
    RunKind.MEASURE: measure_job,
    RunKind.RETENTION: retention_job,
    RunKind.MESSAGES: messages_job,
    RunKind.EXPORT: export_job,
}
"""An import is not among them: it takes a file, and a person who looks at it."""


def say_learned(run: RunRecorder, snapshot: Snapshot, customers: int) -> None:
    """Of how many orders and customers a training learned."""
    metrics: dict[str, Any] = snapshot.metrics or {}
    words = gettext_noop("Learned from orders: %(orders)s, of customers: %(customers)s. Profiles: %(profiles)s.")
    run.say_result(words, orders=metrics.get("orders", 0), customers=metrics.get("customers", 0), profiles=customers)


def say_measured(run: RunRecorder, result: MeasureResult) -> None:
    """How many lines got credit."""
    words = gettext_noop("Order lines credited: %(credited)s; corrected: %(corrected)s. Days counted: %(days)s.")
    run.say_result(words, credited=result.credited, corrected=result.corrected, days=result.days)


def say_deleted(run: RunRecorder, result: RetentionResult) -> None:
    """How much was counted and deleted."""
    words = gettext_noop("Days counted: %(days)s. Deleted: events %(events)s, browsers %(browsers)s.")
    run.say_result(words, days=result.days, events=result.events, browsers=result.browsers)


def say_exported(run: RunRecorder, lists: int) -> None:
    """How many lists were written."""
    run.say_result(gettext_noop("Lists written: %(lists)s."), lists=lists)


def say_imported(run: RunRecorder, stored: int, repeated: int, rejected: int) -> None:
    """How many lines of a file were stored."""
    words = gettext_noop("Lines stored: %(stored)s; there already: %(repeated)s; rejected: %(rejected)s.")
    run.say_result(words, stored=stored, repeated=repeated, rejected=rejected)


def say_sent(run: RunRecorder, result: MessageRun) -> None:
    """How many messages were due, sent, put off and not sent."""
    outcome = result.result
    waiting, skipped, failed = (sum(one.values()) for one in (outcome.waiting, outcome.skipped, outcome.failed))
    numbers = {"due": result.new_messages, "sent": outcome.sent, "waiting": waiting, "skipped": skipped + failed}
    if outcome.outage:
        run.say_result(
            gettext_noop("The mail server cannot be reached; what is due stays due. Sent before: %(sent)s."), **numbers
        )
    else:
        words = gettext_noop("Newly due: %(due)s; sent: %(sent)s; put off: %(waiting)s; not sent: %(skipped)s.")
        run.say_result(words, **numbers)
