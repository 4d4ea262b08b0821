"""A shop as it runs in production: gunicorn with several processes of several threads, on a database of its own.

Beside it runs the same shop without us, on the same database: what its pages say is what ours must say, too.
"""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from tests.collect.event_payloads import FIREFOX
from tests.faults.conftest import ROOT
from tests.faults.servers import free_port, wait_for

PROCESSES, THREADS = 2, 4
PATIENCE = 20
"""Seconds that a browser waits for an answer."""


@dataclass(frozen=True)
class Answer:
    """A response, and how long it took."""

    status: int
    leads_to: str
    text: str
    seconds: float
    process: str
    time_outs: str


@dataclass
class Browser:
    """One that keeps its connection and its cookies."""

    cookies: dict[str, str] = field(default_factory=dict)
    keeps_cookies: bool = True
    _connections: dict[int, http.client.HTTPConnection] = field(default_factory=dict)

    def get(self, port: int, path: str) -> Answer:
        return self._ask(port, "GET", path)

    def post(self, port: int, path: str, **form: object) -> Answer:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-CSRFToken": self.cookies.get("csrftoken", ""),
        }
        return self._ask(port, "POST", path, urlencode(form), headers)

    def report(self, port: int, body: str) -> Answer:
        """Sends events, as the script of a page does."""
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Sec-Fetch-Site": "same-origin"}
        return self._ask(port, "POST", "/personalization/events/", body, headers)

    def with_cookies(self) -> "Browser":
        """Another browser with the cookies that this one has now, which it keeps as they are."""
        return Browser(dict(self.cookies), keeps_cookies=False)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _ask(self, port, method, path, body=None, headers=None):
        sent = {"Host": "testserver", "User-Agent": FIREFOX, **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = time.monotonic()
        response = self._response(port, method, path, body, sent)
        text = response.read().decode()
        spent = time.monotonic() - began
        for line in response.headers.get_all("Set-Cookie", ()) if self.keeps_cookies else ():
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        told = [response.headers.get(name, "") for name in ("Location", "X-Process", "X-Time-Outs")]
        return Answer(response.status, told[0], text, spent, *told[1:])

    def _response(self, port, method, path, body, headers):
        for _ in range(2):  # the server may have closed a connection that it kept open
            connection = self._connections.setdefault(
                port, http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            )
            try:
                connection.request(method, path, body, headers)
                return connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
        raise ConnectionError(path)


@contextmanager
def copied_database(database: dict) -> Iterator[str]:
    """A copy of the test's database, as it is now; its name. Nobody may be connected to the original."""
    name = f"{database['NAME']}_served"
    with administrator(database) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database["NAME"]}"')
        try:
            yield name
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def administrator(database: dict, name: str = "postgres") -> psycopg.Connection:
    """A connection to this database of the server that the tests use."""
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or 5432,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname=name,
        autocommit=True,
    )


@dataclass
class Gunicorn:
    """The shop with these settings, and the port where it answers."""

    settings: str
    environment: dict[str, str]
    log: Path
    processes: int = PROCESSES
    port: int = field(default_factory=free_port)

    @contextmanager
    def serving(self) -> Iterator["Gunicorn"]:
        command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--preload"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "warning", "--worker-class", "gthread"]
        command += ["--workers", str(self.processes), "--threads", str(THREADS)]
        command += ["--keep-alive", "60", "--graceful-timeout", "1"]
        with self.log.open("w") as log:
            self.main = subprocess.Popen(command, cwd=ROOT, env=self._environment(), stdout=log, stderr=log)
            try:
                wait_for(self.port, self.main)
                yield self
            finally:
                self.main.terminate()
                self.main.wait(timeout=20)

    def run(self, command: str) -> str:
        """What a management command of this shop says."""
        full = [sys.executable, "-m", "django", command]
        ran = subprocess.run(full, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment, "DJANGO_SETTINGS_MODULE": f"tests.faults.served.{self.settings}"}

    def ids(self) -> set[int]:
        """Those of the processes that answer."""
        children = Path(f"/proc/{self.main.pid}/task/{self.main.pid}/children").read_text().split()
        return set(map(int, children))

    def in_each_process(self, path: str) -> None:
        """Asks for this path, again and again, until each process has answered."""
        answered: set[str] = set()
        while len(answered) < self.processes:
            browser = Browser()
            answer = browser.get(self.port, path)
            browser.close()
            assert answer.status in (200, 302), (path, answer.status)
            answered.add(answer.process)

    def restart(self) -> None:
        """Ends all processes; the main one starts new ones."""
        before = self.ids()
        for process in before:
            os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while (self.ids() & before or len(self.ids()) < self.processes) and time.monotonic() < deadline:
            time.sleep(0.02)


def database_address(database: dict) -> str:
    """The address of a database, for another process."""
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    return "postgres://{USER}{password}@{HOST}:{port}/{NAME}".format(
        **database, password=password, port=database["PORT"] or 5432
    )
