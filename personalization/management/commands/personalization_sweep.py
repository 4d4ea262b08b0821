"""Looks what is due, and does it: `manage.py personalization_sweep`, every minute."""

import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from personalization.jobs.perform import perform_run
from personalization.jobs.sweep import sweep_runs
from personalization.models import Run
from personalization.models.schedules import SWEEP_SECONDS


class Command(BaseCommand):
    """The clock entry of a shop without Celery."""

    help = (
        "Starts the jobs that are due by the schedules, that were ordered in the dashboard, and that broke off. Run it "
        "every minute; a second one beside it takes over what the first has not begun."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--forever", action="store_true", help="look every minute, and do each job in a process of its own"
        )
        parser.add_argument("--run", type=int, metavar="NUMBER", help="only do this run, if it waits")
        parser.add_argument("--seconds", type=float, default=SWEEP_SECONDS, help="with --forever: look so often (60)")

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        if options["run"]:
            self.do_run(options["run"], verbosity)
        elif options["forever"]:
            self.look_forever(options["seconds"])
        else:
            for pk in sweep_runs():
                self.do_run(pk, verbosity)

    def do_run(self, pk: int, verbosity: int) -> None:
        """Does it, and says how it ended."""
        if perform_run(pk) and verbosity:
            run = Run.objects.get(pk=pk)
            sentence = run.sentence % run.numbers if run.sentence else ""
            self.stdout.write(" ".join(filter(None, (f"{run.kind}: {run.state}.", sentence, run.fault))))

    def look_forever(self, seconds: float) -> None:
        """Looks again and again. A process that is told to end lets those that work end first."""
        workers: list[subprocess.Popen[bytes]] = []
        try:
            while True:
                workers = [worker for worker in workers if worker.poll() is None]
                try:
                    workers += [self.start_process(pk) for pk in sweep_runs() if Run.objects.hand_over(pk)]
                except DatabaseError as error:
                    self.stderr.write(
                        f"The database is away, and asked again in {seconds:g} s ({type(error).__name__})"
                    )
                connection.close()
                time.sleep(seconds)
        except KeyboardInterrupt:
            pass
        finally:
            for worker in workers:
                worker.wait()

    def start_process(self, pk: int) -> "subprocess.Popen[bytes]":
        """A process that does one run."""
        is_module = (
            Path(sys.argv[0]).name == "__main__.py"
        )  # python -m django: its folder would hide Python's own modules
        program = ["-m", "django"] if is_module else [sys.argv[0]]
        return subprocess.Popen([sys.executable, *program, "personalization_sweep", "--run", str(pk)])
