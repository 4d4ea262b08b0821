"""What one process publishes, every process of the shop obeys within ten seconds, and takes back as soon."""

import shutil
import subprocess
import sys
import time

import pytest
from django.db import connection

from tests.faults.conftest import ROOT
from tests.faults.served_shop import Browser
from tests.faults.storefront import open_storefront

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="several processes serve from PostgreSQL"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here"),
]
WITHIN = 10.0
"""Seconds, as the message after publishing says."""
LABEL = "Chosen by us"
PUBLISH = """
from personalization.merchandising import publishing
document = {{
    "where": [{{"surface": "catalogue"}}],
    "what": [{{"do": "pin", "target": {{"products": [{product}]}}, "place": 1}}],
}}
publishing.publish(publishing.create("campaign", "Everywhere", document, None), None)
"""
PAUSE = """
from personalization.merchandising import publishing
from personalization.models import Definition
publishing.pause(Definition.objects.get(name="Everywhere"), None)
"""


def run_beside(shop, code: str) -> None:
    """Runs code in a process of its own, on the database that the shop serves."""
    command = [sys.executable, "-c", "import django; django.setup()\n" + code]
    subprocess.run(command, cwd=ROOT, env=shop._environment(), check=True, capture_output=True)


def seconds_until_all(shop, path: str, expected: bool) -> float:
    """How long it takes until each process shows the page with the label, or without it."""
    began, last = time.monotonic(), {}
    while time.monotonic() - began < 3 * WITHIN:
        browser = Browser()
        answer = browser.get(shop.port, path)
        browser.close()
        assert answer.status == 200
        last[answer.process] = LABEL in answer.text
        if len(last) == shop.processes and set(last.values()) == {expected}:
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"after {3 * WITHIN} s the processes show {last}")


def test_every_process_obeys_what_another_one_published(tmp_path):
    with open_storefront(tmp_path) as front:
        shop, path = front.ours, front.pages["stranger"]["catalogue"]
        assert shop.processes > 1
        seconds_until_all(shop, path, expected=False)
        run_beside(shop, PUBLISH.format(product=front.bought.pk))
        assert seconds_until_all(shop, path, expected=True) < WITHIN
        run_beside(shop, PAUSE)
        assert seconds_until_all(shop, path, expected=False) < WITHIN
