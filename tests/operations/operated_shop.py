"""A shop whose processes a test starts, kills and asks: web, worker, beat and sweeps, on databases of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.conftest import ROOT
from tests.faults.served_shop import administrator, database_address
from tests.faults.servers import Redis

BUILD = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from tests.shops.factories import even_and_odd
even_and_odd()
call_command("personalization_schedule", verbosity=0)
"""


@dataclass
class OperatedShop:
    """Where it is, and what it runs on."""

    folder: Path
    database: dict[str, Any]
    cache: Redis
    broker: Redis
    admin: psycopg.Connection
    host: dict[str, str] = field(default_factory=dict)
    """What else stands in the environment of the host that a process runs on."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.operations.shop_settings",
            "ADOPTION_FOLDER": str(self.folder),
            "SERVED_DATABASE": database_address(self.database),
            "SERVED_REDIS": f"redis://127.0.0.1:{self.cache.port}",
            "OPERATIONS_BROKER": f"redis://127.0.0.1:{self.broker.port}",
            "OMP_NUM_THREADS": "1",
            **self.host,
        }

    def on_host(self, name: str, settings: str, **environment: str) -> "OperatedShop":
        """This shop, as processes of a host see it that has a folder of its own."""
        folder = self.folder / name
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        own = {"HOST_FOLDER": str(folder), "TMPDIR": str(folder / "tmp"), "DJANGO_SETTINGS_MODULE": settings}
        return replace(self, host={**own, **environment})

    def run_python(self, code: str) -> str:
        """What a process of this shop prints that runs this code."""
        command = [sys.executable, "-c", "import django; django.setup()\n" + code]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def manage(self, *arguments: str) -> str:
        """What a management command prints."""
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str) -> subprocess.Popen:
        """A process of this shop, which writes into a log of this name."""
        command = [sys.executable, *arguments]
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def start_worker(self, name: str = "worker", concurrency: int = 2) -> subprocess.Popen:
        arguments = ["-m", "celery", "-A", "tests.operations.celery_app", "worker", "--loglevel", "info"]
        arguments += ["--concurrency", str(concurrency), "-n", f"{name}-{time.monotonic_ns()}@%h"]
        return self.start(name, *arguments, "--without-gossip", "--without-mingle")

    def worker_is_ready(self, name: str) -> bool:
        """Whether the worker of this name takes tasks."""
        return " ready." in (self.folder / f"{name}.log").read_text()

    def start_beat(self, name: str = "beat") -> subprocess.Popen:
        scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
        arguments = ["-m", "celery", "-A", "tests.operations.celery_app", "beat", "--scheduler", scheduler]
        pid = str(self.folder / f"{name}.pid")
        return self.start(name, *arguments, "--pidfile", pid, "--max-interval", "2", "--loglevel", "info")

    def ask(self, query: str, *values: Any) -> list[tuple]:
        """The rows of a query."""
        return self.admin.execute(query, values).fetchall()

    @contextmanager
    def copied(self) -> Iterator["OperatedShop"]:
        """Another shop on a copy of this one's database, as it is now."""
        name = f"{self.database['NAME']}_copy"
        with administrator(self.database) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            self.admin.close()
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.database["NAME"]}"')
        self.admin = administrator(self.database, self.database["NAME"])
        folder = self.folder / "copy"
        folder.mkdir()
        database = {**self.database, "NAME": name}
        try:
            with administrator(database, name) as admin:
                yield OperatedShop(folder, database, self.cache, self.broker, admin)
        finally:
            with administrator(self.database) as server:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def operated_shop(folder: Path, server: dict[str, Any], name: str = "operated") -> Iterator[OperatedShop]:
    """The even-and-odd shop with the usual schedules, whose beat has our entry; no process of it runs yet."""
    name = f"personalization_{name}_{os.getpid()}"
    database = {**server, "NAME": name}
    cache_folder, broker_folder = folder / "cache", folder / "broker"
    cache_folder.mkdir()
    broker_folder.mkdir()
    with administrator(server) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            with (
                Redis(cache_folder).running() as cache,
                Redis(broker_folder).running() as broker,
                administrator(database, name) as own,
            ):
                shop = OperatedShop(folder, database, cache, broker, own)
                assert shop.run_python(BUILD) == ""
                yield shop
                shop.admin.close()
        finally:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def kill_hard(process: int) -> bool:
    """kill -9; whether it was there."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def children_of(process: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except FileNotFoundError:
        return []


def end_process(process: subprocess.Popen) -> None:
    """Ends it, and what it started."""
    children = children_of(process.pid)
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        kill_hard(child)


def waited_until(is_true: Callable[[], bool], seconds: float) -> float | None:
    """After how many seconds it became true; None where it did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if is_true():
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def write_finding(name: str, **numbers: Any) -> None:
    """Prints what was measured, where `pytest -s` or OPERATIONS_FINDINGS has it read."""
    line = json.dumps({"measured": name, **numbers})
    print(line)
    if file := os.environ.get("OPERATIONS_FINDINGS"):
        with Path(file).open("a") as output:
            output.write(line + "\n")
