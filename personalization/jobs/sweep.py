"""The one clock entry of a shop: each minute it looks what is due and what broke off, and has it done."""

from datetime import datetime

from django.db import connection
from django.utils.timezone import now

from personalization.jobs.perform import recover_run
from personalization.models import JobSchedule, Run, RunOrigin


def sweep_runs(moment: datetime | None = None) -> list[int]:
    """1. Lets runs that broke off wait for another attempt, or gives them up.
    2. Orders a run for each schedule whose period has begun, once for each period.
    3. Gives the keys of the runs that are to be started now.

    It may be killed at any point, repeated, and done by several processes at once. `moment`: None for the database's.
    """
    silent = Run.objects.silent()
    for run in Run.objects.running():
        recover_run(run, silent)
    order_due_runs(moment or database_time())
    return list(Run.objects.startable().values_list("pk", flat=True))


def order_due_runs(moment: datetime) -> list[Run]:
    """The runs that are newly ordered at this moment. One whose schedule has another one waiting is not needed."""
    schedules = list(JobSchedule.objects.order_by("pk"))
    JobSchedule.objects.note_look()
    waiting = set(Run.objects.waiting_kinds())
    due = {one.kind: one.latest_period(moment) for one in schedules if one.kind not in waiting}
    orders = (
        Run.objects.order_run(kind, RunOrigin.SCHEDULE, period.occasion) for kind, period in due.items() if period
    )
    return [run for run in orders if run is not None]


def database_time() -> datetime:
    """The moment by the database's clock, which all hosts share."""
    if connection.vendor == "sqlite":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment
