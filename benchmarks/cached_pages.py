"""Pages that a cache hands to anybody, beside the same made for their visitor, and what a visitor fetches afterwards.

    python benchmarks/cached_pages.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the ratio to Oscar's templates alone, for a visitor of whom nothing is known and for a customer with a year
of history. Queries and calls are exact; milliseconds are the median of the rounds.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, customer, print_beside, rounds_asked, under
# isort: on

from django.conf import settings
from django.test import Client
from django.urls import reverse

from benchmarks.basket import bestsellers, without_us


@contextmanager
def cached_pages() -> Iterator[None]:
    """Within this context, public pages are everybody's."""
    with patch.object(settings, "PERSONALIZATION", {**settings.PERSONALIZATION, "CACHED_PAGES": True}):
        yield


def fragment_address(address: str, *places: str) -> str:
    """Where the page at this address asks for what is its visitor's own."""
    return f"{reverse('personalization:fragments')}?{urlencode({'page': address, 'place': places}, doseq=True)}"


def compare(title: str, client: Client, address: str, place: str, rounds: int) -> None:
    """Prints the three requests beside Oscar's own page."""
    get = asked(client, address)
    pages = [
        Page("Oscar's own", under(get, without_us)),
        Page("made for its visitor", get),
        Page("everybody's", under(get, cached_pages)),
        Page("its fragments", under(asked(client, fragment_address(address, place, "consent")), cached_pages)),
    ]
    for page in pages:
        count(page)
    clock(pages, rounds)
    for page in pages[1:]:
        print_beside(f"{title}, {page.name}", pages[0], page)


def main() -> None:
    rounds, signed_in = rounds_asked(__doc__), customer()
    (product,) = bestsellers(1)
    for visitor, client in (("An anonymous visitor", Client()), ("A customer", signed_in)):
        compare(f"{visitor}, a product", client, product.get_absolute_url(), "product", rounds)
        compare(f"{visitor}, the catalogue", client, reverse("catalogue:index"), "consent", rounds)


if __name__ == "__main__":
    main()
