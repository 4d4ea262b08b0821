"""A shop under a high load of events: how fast they are accepted, and how much pages slow down.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres REDIS_URL=redis://127.0.0.1:6379/9 \\
        python -m benchmarks.load [--seconds 60] [--products 200]

Serves the example shop by gunicorn (four processes of two threads), from a database of its own that it drops again.
Measures shop pages for a while alone, then while events arrive, in turn 200 a second in deliveries of 5 and 2,000 a
second in deliveries of 20. Deliveries leave on time, whether earlier ones were answered or not, and their time counts
from when they were due. Pages are asked for one after the other, with a pause, as by one shopper more.

The load generator, the shop and the database share the machine, so times are on the high side.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.load_settings")
os.environ["SHOP_DEBUG"] = "0"
os.environ.setdefault("SHOP_DATA", tempfile.mkdtemp(prefix="personalization-load-"))

import django

django.setup()

from django.core import signing
from django.core.management import call_command
from django.db import connection
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.test.factories import create_product

from benchmarks.ingest import own_database
from personalization.models import Consent, Event, Visitor
from personalization.privacy.cookies import CONSENT_COOKIE, SALT, VISITOR_COOKIE


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


PORT = free_port()
PROCESSES, THREADS = 4, 2
SENDERS = 24
VISITORS = 4_000
"""A limit so high that no browser is rejected as too fast."""
STEPS = ((200, 5), (2_000, 20))
"""(events a second, events a delivery)"""
PAUSE = 0.2
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
ACCEPTED_IN, SLOWER, GROWN = 250, 1.5, 50
"""Targets: milliseconds, factors, MiB."""


@dataclass
class Measured:
    """The results of one period."""

    accepted_in: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)
    accepted: int = 0
    late: float = 0.0
    """Seconds by which the last delivery was late."""


def fill(count: int) -> tuple[list[int], list[str], list[str]]:
    """(product keys, addresses of pages, cookies of browsers that agreed) of a small shop."""
    shelves = [create_from_breadcrumbs(f"Shelf {n % 4} > Board {n}") for n in range(20)]
    products = [create_product(title=f"Product {n}", price=n + 1, num_in_stock=100) for n in range(count)]
    for n, product in enumerate(products):
        product.categories.add(shelves[n % 20])
    call_command("rebuild_index", interactive=False, verbosity=0)
    agreed = datetime.now(UTC) - timedelta(days=2)
    known = Visitor.objects.bulk_create(Visitor(consent=Consent.GRANTED, consented_at=agreed) for _ in range(VISITORS))
    signer = signing.TimestampSigner(salt=SALT)
    cookies = [
        f"{VISITOR_COOKIE}={signer.sign(one.pk.hex)}; {CONSENT_COOKIE}=granted.1.{int(agreed.timestamp())}"
        for one in known
    ]
    pages = ["/catalogue/", shelves[0].get_absolute_url(), *(product.get_absolute_url() for product in products[:10])]
    return [product.pk for product in products], pages, cookies


@contextmanager
def served() -> Iterator[int]:
    """Runs the shop; yields the id of its first process."""
    options = connection.settings_dict
    at = f"{options['USER']}:{options['PASSWORD']}@" if options["PASSWORD"] else f"{options['USER']}@"
    url = f"postgres://{at}{options['HOST']}:{options['PORT']}/{options['NAME']}"
    command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "-b", f"127.0.0.1:{PORT}"]
    command += ["-k", "gthread", "-w", str(PROCESSES), "--threads", str(THREADS), "--log-level", "warning"]
    with subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}) as shop:
        try:
            answers(shop)
            yield shop.pid
        finally:
            shop.terminate()


def answers(shop: subprocess.Popen) -> None:
    for _ in range(150):
        try:
            return asked(Connection(), "/catalogue/")
        except OSError:
            if shop.poll() is not None:
                sys.exit("gunicorn did not start")
            time.sleep(0.2)
    sys.exit("The shop does not answer.")


class Connection(http.client.HTTPConnection):
    """A connection to the shop, opened again when the shop closed it."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", PORT, timeout=60)

    def ask(self, *what: object, **more: object) -> tuple[int, bytes]:
        for attempt in (1, 2):
            try:
                self.request(*what, **more)  # type: ignore[arg-type]
                answer = self.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError


def asked(to: Connection, page: str) -> None:
    status, _ = to.ask("GET", page, headers={"User-Agent": BROWSER})
    if status != 200:
        sys.exit(f"{page} answers {status}")


def shop_around(pages: list[str], seconds: float, into: Measured) -> None:
    """Requests one page after the other until the time is up."""
    end, to = time.monotonic() + seconds, Connection()
    for page in itertools.cycle(pages):
        if time.monotonic() > end:
            return
        start = time.perf_counter()
        asked(to, page)
        into.pages.append((time.perf_counter() - start) * 1000)
        time.sleep(PAUSE)


class Flood:
    """Sends deliveries on schedule."""

    def __init__(self, products: list[int], cookies: list[str], rate: int, batch: int, seconds: float) -> None:
        self.products, self.cookies, self.batch = products, cookies, batch
        self.due = itertools.count()
        self.every, self.total = batch / rate, int(rate * seconds / batch)
        self.lock, self.measured = threading.Lock(), Measured()

    def run(self, beside: Callable[[Measured], None]) -> Measured:
        self.start = time.monotonic() + 0.2
        senders = [threading.Thread(target=self._send_all) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        beside(self.measured)
        for sender in senders:
            sender.join()
        return self.measured

    def _send_all(self) -> None:
        to, chance = Connection(), random.Random()
        while (number := next(self.due)) < self.total:
            due = self.start + number * self.every
            time.sleep(max(due - time.monotonic(), 0))
            left = time.monotonic()
            status, content = to.ask("POST", "/personalization/events/", *self._delivery(number, chance))
            self._note(due, left, status, content)

    def _delivery(self, number: int, chance: random.Random) -> tuple[str, dict[str, str]]:
        who, at = number % len(self.cookies), int(time.time() * 1000)
        told = [
            {"id": str(uuid4()), "name": "view_item", "at": at, "items": [{"item_id": chance.choice(self.products)}]}
            for _ in range(self.batch)
        ]
        headers = {"Cookie": self.cookies[who], "User-Agent": BROWSER, "Content-Type": "text/plain;charset=UTF-8"}
        headers |= {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": f"10.{who >> 16}.{who >> 8 & 255}.{who & 255}"}
        return json.dumps({"sent_at": at, "events": told}), headers

    def _note(self, due: float, left: float, status: int, content: bytes) -> None:
        spent = (time.monotonic() - due) * 1000
        with self.lock:
            self.measured.accepted_in.append(spent)
            self.measured.statuses[status] += 1
            self.measured.late = left - due
            if status == 202:
                answer = json.loads(content)
                self.measured.accepted += answer["accepted"]
                self.measured.dropped.update(one["code"] for one in answer["rejected"])


def memory(pid: int) -> float:
    """Memory of the shop's processes in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = sum(int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def worked(pid: int) -> tuple[float, float]:
    """Seconds of CPU used so far by this shop and by the whole machine."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ours = (Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children)
    everybody = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    busy = sum(
        int(ticks) for n, ticks in enumerate(everybody) if n not in (3, 4)
    )  # neither idle nor waiting for a disk
    second = os.sysconf("SC_CLK_TCK")
    return sum(int(ticks) for stat in ours for ticks in stat) / second, busy / second


def at(share: float, values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def measure(pages: list[str], products: list[int], cookies: list[str], seconds: float, pid: int) -> bool:
    """Prints each period; whether all targets were reached."""
    for page in pages * 2:  # warm
        asked(Connection(), page)
    Flood(products, cookies, 200, 20, 2).run(lambda into: None)
    alone = Measured()
    shop_around(pages, seconds, alone)
    usual, before, reached = at(0.95, alone.pages), memory(pid), True
    print(f"\npages alone: p50 {at(0.5, alone.pages):.0f} ms, p95 {usual:.0f} ms ({len(alone.pages)} pages)")
    for rate, batch in STEPS:
        shop, machine = worked(pid)
        given = Flood(products, cookies, rate, batch, seconds).run(lambda into: shop_around(pages, seconds, into))
        shop, machine = (now - then for now, then in zip(worked(pid), (shop, machine), strict=True))
        last = at(0.99, given.accepted_in)
        slower, grown = at(0.95, given.pages) / usual, memory(pid) - before
        print(
            f"\n{rate} events a second for {seconds:.0f} s, {batch} a delivery\n"
            f"  accepted  p50 {at(0.5, given.accepted_in):.0f} ms, p99 {last:.0f} ms; answers {dict(given.statuses)}\n"
            f"  events    {given.accepted} accepted, dropped {dict(given.dropped)}; the last left "
            f"{given.late * 1000:.0f} ms after it was due\n"
            f"  pages     p50 {at(0.5, given.pages):.0f} ms, p95 {at(0.95, given.pages):.0f} ms: {slower:.2f} times\n"
            f"  CPU       {shop / seconds:.2f} cores the shop, {machine / seconds:.2f} of {os.cpu_count()} all\n"
            f"  memory    {before + grown:.0f} MiB, {grown:+.0f} MiB"
        )
        reached &= last <= ACCEPTED_IN and slower <= SLOWER and grown <= GROWN and max(given.statuses) < 500
    return reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of each of the three stretches of time")
    parser.add_argument("--products", type=int, default=200)
    given = parser.parse_args()
    with own_database():
        products, pages, cookies = fill(given.products)
        with served() as pid:
            reached = measure(pages, products, cookies, given.seconds, pid)
        print(
            f"\n{Event.objects.count()} events are stored, "
            f"{Event.objects.filter(is_suspected_bot=True).count()} of them apart"
        )
    wanted = (
        f"accepted p99 at most {ACCEPTED_IN} ms, pages p95 at most {SLOWER} times, at most {GROWN} MiB more, no 5xx"
    )
    print(f"aimed at: {wanted}: {'reached' if reached else 'NOT reached'}")


if __name__ == "__main__":
    main()
