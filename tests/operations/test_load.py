"""Events by the thousand beside page requests on the documented layout, and a soak: pages stay fast, memory stays flat.

OPERATIONS_SOAK_SECONDS is how long the soak takes: 90 as a rule, 600 for the ten minutes of a release.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from personalization.rate_limits import DROPPED_ADDED
from tests.faults.conftest import ROOT
from tests.faults.served_shop import Browser
from tests.operations.event_sender import LATER
from tests.operations.layout import Layout
from tests.operations.operated_shop import write_finding
from tests.operations.test_storm import share_of

SOAK_SECONDS = int(os.environ.get("OPERATIONS_SOAK_SECONDS", "90"))
BURSTS = ((200, 5, 60), (2000, 20, 20))
"""(events a second, events a delivery, seconds)"""
SLOWER, GROWTH = 1.5, 1.0
"""By how much the p95 of pages may rise; MB that a process may grow in a minute."""
PAUSE = 0.1
BROWSERS = """
from datetime import timedelta
from django.core import signing
from django.utils.timezone import now
from oscar.apps.catalogue.models import Product
from personalization.models import Consent, Visitor
from personalization.privacy.cookies import CONSENT_COOKIE, SALT, VISITOR_COOKIE
agreed = now() - timedelta(days=2)
signer = signing.TimestampSigner(salt=SALT)
known = Visitor.objects.bulk_create(Visitor(consent=Consent.GRANTED, consented_at=agreed) for _ in range(4000))
for one in known:
    print(f"{VISITOR_COOKIE}={signer.sign(one.pk.hex)}; {CONSENT_COOKIE}=granted.1.{int(agreed.timestamp())}")
"""
DROPPED = """
from django.utils.timezone import now
from personalization.rate_limits import dropped_today
print(dropped_today(now()))
"""
STORED = "SELECT count(*) FROM personalization_event"
PRODUCTS = "SELECT id FROM catalogue_product ORDER BY id"


@pytest.fixture(scope="module")
def browsers(layout: Layout) -> Path:
    """The cookies of browsers that agreed, one a line."""
    file = layout.shop.folder / "cookies.txt"
    file.write_text(manager(layout).run_python(BROWSERS))
    return file


def manager(layout: Layout):
    return layout.shop.on_host("worker1", "tests.operations.host_settings", SHARED_STORAGE=str(layout.storage))


@contextmanager
def flood(layout: Layout, browsers: Path, rate: int, batch: int, seconds: int) -> Iterator[dict[str, int]]:
    """Events arrive while the block runs; after it, what became of them."""
    ports = ",".join(str(host.port) for host in layout.hosts)
    products = ",".join(str(key) for (key,) in layout.shop.ask(PRODUCTS))
    command = [sys.executable, "-m", "tests.operations.event_sender", ports, str(browsers), products]
    numbers: dict[str, int] = {}
    with subprocess.Popen(
        [*command, str(rate), str(batch), str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as sender:
        try:
            yield numbers
            numbers |= json.loads(sender.communicate(timeout=180)[0])
        finally:
            sender.kill()


def pages_until(layout: Layout, is_over: Callable[[], bool]) -> list[float]:
    """Seconds that pages took, asked for one after the other at all hosts in turn."""
    browser, seconds = Browser(), []
    for host in cycle(layout.hosts):
        for page in layout.pages:
            answer = browser.get(host.port, page)
            assert answer.status == 200, (page, answer.status)
            seconds.append(answer.seconds)
            time.sleep(PAUSE)
        if is_over():
            browser.close()
            return seconds


def pages_for(layout: Layout, seconds: float) -> list[float]:
    end = time.monotonic() + seconds
    return pages_until(layout, lambda: time.monotonic() > end)


def test_events_by_the_thousand_slow_no_page_and_none_is_lost_without_being_counted(layout: Layout, browsers: Path):
    pages_for(layout, 5)  # what is loaded once
    dropped_before = int(manager(layout).run_python(DROPPED))
    findings, alone = [], [share_of(pages_for(layout, 20), 0.95)]
    for rate, batch, seconds in BURSTS:
        before = layout.shop.ask(STORED)[0][0]
        with flood(layout, browsers, rate, batch, seconds) as numbers:
            beside = share_of(pages_for(layout, seconds), 0.95)
        stored = layout.shop.ask(STORED)[0][0] - before
        alone.append(share_of(pages_for(layout, 15), 0.95))
        slower = beside / max(alone[-2:])
        findings.append({"rate": rate, "slower": round(slower, 2), "stored": stored, "sent": rate * seconds, **numbers})
        write_finding("load", p95_ms=[round(1000 * one) for one in (*alone[-2:], beside)], **findings[-1])
    time.sleep(DROPPED_ADDED)
    with flood(layout, browsers, 20, 1, 5):  # with its next delivery each process says what it turned away before
        time.sleep(5)
    dropped, turned_away = int(manager(layout).run_python(DROPPED)) - dropped_before, sum(map(dropped_of, findings))
    write_finding("dropped", counted=dropped, told_to_senders=turned_away)
    for found in findings:
        assert found["accepted"] + found.get("given up", 0) + found.get("refused", 0) == found["sent"]
        assert found["stored"] == found["accepted"]
        assert found.get("status 500", 0) == 0
    assert dropped == turned_away
    assert findings[0]["accepted"] == findings[0]["sent"]
    assert [one["slower"] for one in findings if one["slower"] > SLOWER] == []


def dropped_of(found: dict[str, int]) -> int:
    """How many events the senders were told to send again."""
    return sum(found.get(code, 0) for code in LATER)


def memory(layout: Layout) -> dict[int, float]:
    """MB of each web process that are its own."""
    found = {}
    for process in (one for host in layout.hosts for one in host.ids()):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        own = [int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:"))]
        found[process] = sum(own) / 1024
    return found


def test_memory_of_web_processes_stays_flat(layout: Layout, browsers: Path):
    samples: list[tuple[float, dict[int, float]]] = []

    def sample() -> bool:
        samples.append((time.monotonic(), memory(layout)))
        return time.monotonic() - began > SOAK_SECONDS

    pages_for(layout, 10)
    with flood(layout, browsers, 100, 5, SOAK_SECONDS) as numbers:
        began = time.monotonic()
        pages = pages_until(layout, sample)
    warm = [(moment, found) for moment, found in samples if moment - began > SOAK_SECONDS / 3]
    minutes = [(moment - began) / 60 for moment, _ in warm]
    slopes = [float(np.polyfit(minutes, [found[one] for _, found in warm], 1)[0]) for one in warm[0][1]]
    write_finding(
        "soak",
        seconds=SOAK_SECONDS,
        pages=len(pages),
        accepted=numbers["accepted"],
        mb=[round(one) for one in warm[-1][1].values()],
        mb_a_minute=[round(slope, 2) for slope in slopes],
    )
    assert max(slopes) < GROWTH
