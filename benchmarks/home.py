"""The personal home page beside Oscar's own catalogue page, in one interleaved run.

    python benchmarks/home.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the home page's ratio to two plain baselines: Oscar's catalogue page as it is, and the same page with the
one-line `load_all()` that fetches its twenty products together. Queries and calls are exact; milliseconds are the
median of the rounds, which go round the pages in turn so that a busy machine slows all of them alike.
"""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, customer, rounds_asked
# isort: on

from django.test import Client
from django.test.utils import setup_test_environment, teardown_test_environment
from django.urls import reverse
from oscar.apps.search.forms import BrowseCategoryForm


def with_load_all(get: Callable[[], object]) -> Callable[[], object]:
    """The request, with the products of Oscar's catalogue page fetched together."""
    plain = BrowseCategoryForm.no_query_found

    def patched() -> object:
        BrowseCategoryForm.no_query_found = lambda form: plain(form).load_all()
        try:
            return get()
        finally:
            BrowseCategoryForm.no_query_found = plain

    return patched


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
    clock(pages, rounds)
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
    rounds, signed_in = rounds_asked(__doc__), customer()
    compare("An anonymous visitor", Client(), rounds)
    compare("A signed-in customer with a year of history", signed_in, rounds)


if __name__ == "__main__":
    main()
