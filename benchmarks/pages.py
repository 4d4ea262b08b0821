"""Tools to compare pages: the shop as it is served, the cost of a page, and the clients.

Queries and calls are exact; milliseconds are the median of rounds that go round the pages in turn, so that a busy
machine slows all of them alike.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import django
from django.conf import settings

if not settings.configured:  # a test that imports this has set up its own shop
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
    os.environ["SHOP_DEBUG"] = "0"  # cached templates, no query log: as a shop is served
    django.setup()

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from personalization.models import Genome


@dataclass
class Page:
    """One page for one visitor, and its cost."""

    name: str
    get: Callable[[], Any]
    queries: int = 0
    calls: int = 0
    milliseconds: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return statistics.median(self.milliseconds)


def count(page: Page, warm: int = 2) -> Page:
    """Counts queries and function calls of the page once its caches are warm."""
    for _ in range(warm):
        page.get()
    with CaptureQueriesContext(connection) as captured:
        page.get()
    page.queries = len(captured)
    profile = cProfile.Profile()
    profile.runcall(page.get)
    page.calls = pstats.Stats(profile).total_calls
    return page


def clock(pages: Iterable[Page], rounds: int) -> None:
    """Measures the milliseconds of CPU."""
    pages = list(pages)
    for _ in range(rounds):
        for page in pages:
            begun = time.process_time()
            page.get()
            page.milliseconds.append((time.process_time() - begun) * 1000)


def asked(client: Client, address: str) -> Callable[[], Any]:
    """A request for this address that must succeed."""

    def get() -> Any:
        response = client.get(address)
        assert response.status_code == 200, response
        return response

    return get


def under(get: Callable[[], Any], *conditions: Callable[[], Any]) -> Callable[[], Any]:
    """The request within these contexts."""

    def patched() -> Any:
        with ExitStack() as stack:
            for condition in conditions:
                stack.enter_context(condition())
            return get()

    return patched


def print_beside(title: str, plain: Page, ours: Page) -> None:
    """What a page costs with our rows beside Oscar's own; `title` may say "{cards}"."""
    shown = ours.get().content.count(b'class="personalization-row__item"')
    print(f"\n{title.format(cards=shown)}\n{'':34}{'queries':>9}{'calls':>10}{'CPU ms':>9}")
    for page in (plain, ours):
        print(f"  {page.name:32}{page.queries:>9}{page.calls:>10}{page.cpu:>9.1f}")
    ratios = (ours.calls / plain.calls, ours.cpu / plain.cpu)
    print(f"  {'more, and ratios':32}{ours.queries - plain.queries:>+9}{ratios[0]:>10.2f}{ratios[1]:>9.2f}")


def rounds_asked(description: str) -> int:
    """The number of rounds from the command line."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args().rounds


def customer() -> Client:
    """The browser of the customer who bought most, signed in."""
    genome = Genome.objects.order_by("-purchases").first()
    if genome is None:
        sys.exit("There are no customers yet: run `python manage.py demo --no-server` first.")
    signed_in = Client()
    signed_in.force_login(get_user_model().objects.get(pk=genome.user_id))
    return signed_in
