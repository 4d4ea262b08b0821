"""When the jobs are done: `manage.py personalization_schedule`."""

from argparse import ArgumentParser, BooleanOptionalAction
from datetime import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now

from personalization.jobs.clock_entries import celery_entry, crontab_line, systemd_unit, write_beat_entry
from personalization.models import JobSchedule
from personalization.models.schedules import USUAL_TIMES


class Command(BaseCommand):
    """Adds the usual schedules, lists them, and says what entry the shop's clock needs."""

    help = "Adds the usual schedules where there are none, and lists all; with a job, changes when that is done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", nargs="?", choices=[str(kind) for kind in USUAL_TIMES])
        parser.add_argument("--every", type=int, metavar="MINUTES", help="do it every so many minutes")
        parser.add_argument("--daily", metavar="HH:MM", help="do it daily at this time, in the shop's time zone")
        parser.add_argument("--on", action=BooleanOptionalAction, default=None, help="whether it is done at all")

    def handle(self, *args: Any, job: str | None, verbosity: int, **options: Any) -> None:
        JobSchedule.objects.add_usual()
        given = {name: options[name] for name in ("every", "daily", "on") if options[name] is not None}
        if given and job is None:
            raise CommandError(f"--{next(iter(given))} needs a job: {', '.join(map(str, USUAL_TIMES))}.")
        if job:
            self.change_schedule(job, given)
        has_beat = write_beat_entry()
        if not verbosity:
            return
        for schedule in JobSchedule.objects.order_by("pk"):
            self.stdout.write(str(schedule))
        if has_beat:
            self.stdout.write("\ndjango-celery-beat has the entry that looks at them every minute.")
        else:
            self.print_clock_entries()

    def change_schedule(self, job: str, given: dict[str, Any]) -> None:
        """Changes when a job is done. CommandError for a time that cannot be."""
        if {"every", "daily"} <= given.keys():
            raise CommandError("--every and --daily are two rhythms; use one of them.")
        changes: dict[str, Any] = {"is_on": given["on"]} if "on" in given else {}
        if "every" in given:
            if not 1 <= given["every"] <= 24 * 60:
                raise CommandError(f"--every is {given['every']}; expected minutes from 1 to {24 * 60}.")
            changes |= {"every_minutes": given["every"], "daily_at": None}
        if "daily" in given:
            changes |= {"every_minutes": None, "daily_at": parse_clock_time(given["daily"])}
        if changes:
            JobSchedule.objects.filter(kind=job).update(changed_at=Now(), **changes)

    def print_clock_entries(self) -> None:
        """The ways to have them looked at, each to be pasted as it is."""
        for title, text in (
            ("One of these has them looked at. A crontab:", crontab_line()),
            ("Or systemd, in /etc/systemd/system/personalization.service (with a User= of yours):", systemd_unit()),
            ("Or Celery's beat, in the settings:", celery_entry()),
        ):
            self.stdout.write(f"\n{title}\n\n{text}")


def parse_clock_time(text: str) -> time:
    """The time of --daily."""
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise CommandError(f"--daily is {text!r}; expected a time such as 03:10.") from None
