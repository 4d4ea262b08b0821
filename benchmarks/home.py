"""The personal home page beside Oscar's own catalogue page, in one interleaved run.

    python benchmarks/home.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the home page's ratio to two plain baselines: Oscar's catalogue page as it is, and the same page with the
one-line `load_all()` that fetches its twenty products together. Queries and calls are exact; milliseconds are the
median of the rounds, which go round the pages in turn so that a busy machine slows all of them alike.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"  # cached templates, no query log: as a shop is served

import django

django.setup()

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_test_environment, teardown_test_environment
from django.urls import reverse
from oscar.apps.search.forms import BrowseCategoryForm

from personalization.models import Genome


@dataclass
class Page:
    """One page as one visitor gets it, and what it cost."""

    name: str
    get: Callable[[], object]
    queries: int = 0
    calls: int = 0
    milliseconds: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return statistics.median(self.milliseconds)


def with_load_all(get: Callable[[], object]) -> Callable[[], object]:
    """The same request, with the products of Oscar's catalogue page fetched together."""
    plain = BrowseCategoryForm.no_query_found

    def patched() -> object:
        BrowseCategoryForm.no_query_found = lambda form: plain(form).load_all()
        try:
            return get()
        finally:
            BrowseCategoryForm.no_query_found = plain

    return patched


def count(page: Page) -> None:
    """Fills in the exact numbers, after the caches are warm."""
    page.get()
    with CaptureQueriesContext(connection) as captured:
        page.get()
    page.queries = len(captured)
    profile = cProfile.Profile()
    profile.runcall(page.get)
    page.calls = pstats.Stats(profile).total_calls


def asked(client: Client, address: str) -> Callable[[], object]:
    """A request for this address, which must succeed."""

    def get() -> object:
        response = client.get(address)
        assert response.status_code == 200, response
        return response

    return get


def cards(page: object) -> int:
    """How many products the home page shows."""
    return sum(len(row.items) for row in page.context["slate"].rows)


def compare(visitor: str, client: Client, rounds: int) -> None:
    """Prints the home page beside both baselines, for one visitor."""
    catalogue = reverse("catalogue:index")
    pages = [
        Page("Oscar's catalogue, 20 cards", asked(client, catalogue)),
        Page("... with load_all, 20 cards", with_load_all(asked(client, catalogue))),
        Page("personal home page", asked(client, reverse("personalization:home"))),
    ]
    for page in pages:
        count(page)
    for _ in range(rounds):
        for page in pages:
            begun = time.process_time()
            page.get()
            page.milliseconds.append((time.process_time() - begun) * 1000)
    stock, loaded, home = pages
    home.name += f", {cards(template_response(home))} cards"
    print(f"\n{visitor}\n{'':34}{'queries':>9}{'calls':>10}{'CPU ms':>9}")
    for page in pages:
        print(f"  {page.name:32}{page.queries:>9}{page.calls:>10}{page.cpu:>9.1f}")
    for name, base in (("stock", stock), ("load_all", loaded)):
        print(
            f"  ratio to {name:23}{home.queries / base.queries:>9.2f}"
            f"{home.calls / base.calls:>10.2f}{home.cpu / base.cpu:>9.2f}"
        )


def template_response(page: Page) -> object:
    """The response with its contexts, which Django keeps only while its test signals are on."""
    setup_test_environment(debug=False)
    try:
        return page.get()
    finally:
        teardown_test_environment()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    genome = Genome.objects.order_by("-purchases").first()
    if genome is None:
        sys.exit("There are no customers yet: run `python manage.py demo --no-server` first.")
    signed_in = Client()
    signed_in.force_login(get_user_model().objects.get(pk=genome.user_id))
    compare("An anonymous visitor", Client(), rounds)
    compare("A signed-in customer with a year of history", signed_in, rounds)


if __name__ == "__main__":
    main()
