"""The page of a product with our rows beside Oscar's own, in one interleaved run.

    python benchmarks/product.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the ratio to the same page with Oscar's templates alone, for a visitor of whom nothing is known and for a
customer with a year of history, with different numbers of cards. Queries and calls are exact; milliseconds are the
median of the rounds, which go round the pages in turn so that a busy machine slows all of them alike.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, customer, print_beside, rounds_asked, under
# isort: on

from django.conf import settings
from django.test import Client

from benchmarks.basket import bestsellers, without_us

CARDS = (1, 5, 10, 20)
"""Cards in each row."""


@contextmanager
def cards(number: int) -> Iterator[None]:
    """Within this context, a row holds this number of products."""
    with patch.object(settings, "PERSONALIZATION", {**settings.PERSONALIZATION, "ROW_SIZE": number}):
        yield


def both(client: Client, address: str, *conditions: object) -> tuple[Page, Page]:
    """The page at this address without us and with our rows."""
    get = under(asked(client, address), *conditions)
    return Page("Oscar's own", under(get, without_us)), Page("with our rows", get)


def counted_both(client: Client, address: str, *conditions: object) -> tuple[Page, Page]:
    """The costs of the page without us and with our rows."""
    pages = both(client, address, *conditions)
    for page in pages:
        count(page)
    return pages


def compare(visitor: str, client: Client, address: str, number: int, rounds: int) -> None:
    """Prints the page beside Oscar's own."""
    pages = counted_both(client, address, partial(cards, number))
    clock(pages, rounds)
    print_beside(f"{visitor}, {{cards}} cards", *pages)


def main() -> None:
    rounds, signed_in = rounds_asked(__doc__), customer()
    (product,) = bestsellers(1)
    for number in CARDS:
        for visitor, client in (("An anonymous visitor", Client()), ("A customer", signed_in)):
            compare(visitor, client, product.get_absolute_url(), number, rounds)


if __name__ == "__main__":
    main()
