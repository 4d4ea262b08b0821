"""The basket with our rows beside Oscar's own, in one interleaved run.

    python benchmarks/basket.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the ratio to the same page with Oscar's templates alone, for baskets of different sizes with different
numbers of cards. Queries and calls are exact; milliseconds are the median of the rounds, which go round the pages in
turn so that a busy machine slows all of them alike. Nothing that it makes is left in the database.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, print_beside, rounds_asked, under
# isort: on

from django.conf import settings
from django.core.signing import Signer
from django.db import transaction
from django.template import Origin, engines
from django.template.loaders import app_directories
from django.test import Client
from django.urls import reverse
from oscar.core.loading import get_class, get_model

from personalization import surfaces
from personalization.decide import active_snapshot
from personalization.rows.basket_complements import ADD_ONS
from personalization.surfaces import basket

Basket, Product = get_model("basket", "Basket"), get_model("catalogue", "Product")
Selector = get_class("partner.strategy", "Selector")
OURS = Path(surfaces.__file__).parents[1]
CASES = ((5, 0), (5, 4), (5, 10), (5, 40), (40, 10), (500, 10))
"""(lines of the basket, cards of our rows)."""


class OscarsTemplates(app_directories.Loader):
    """Finds Oscar's own templates instead of those that extend them."""

    def get_template_sources(self, template_name: str) -> Iterator[Origin]:
        for origin in super().get_template_sources(template_name):
            if not (template_name.startswith("oscar/") and OURS in Path(origin.name).parents):
                yield origin


@contextmanager
def without_us() -> Iterator[None]:
    """Within this context, pages are Oscar's own."""
    with patch.object(engines["django"].engine, "template_loaders", oscars_loaders()):
        yield


@cache
def oscars_loaders() -> list[Any]:
    """Cached, so that its templates stay compiled."""
    loader = "django.template.loaders.cached.Loader", ["benchmarks.basket.OscarsTemplates"]
    return engines["django"].engine.get_template_loaders([loader])


@contextmanager
def cards(number: int) -> Iterator[None]:
    """Within this context, a basket is offered this number of products, however likely they are."""
    shown = {**settings.PERSONALIZATION, "ROW_SIZE": max(number, 1), "ADD_ON_MIN_PROBABILITY": 0.01}
    rows = [replace(row, max_items=number) if row is ADD_ONS else row for row in basket.surface.rows]
    changed = {"basket": replace(basket.surface, rows=tuple(rows))}
    with patch.object(settings, "PERSONALIZATION", shown), patch.dict(surfaces._built_in_surfaces(), changed):
        yield


def shopper(products: Iterable[Any]) -> Client:
    """An anonymous browser with one of each product in its basket."""
    basket = Basket.objects.create()
    basket.strategy = Selector().strategy()
    for product in products:
        basket.add_product(product)
    client = Client()
    client.cookies[settings.OSCAR_BASKET_COOKIE_OPEN] = Signer().sign(basket.pk)
    return client


def both(client: Client, number: int) -> tuple[Page, Page]:
    """The costs of the client's basket page without us and with this number of cards."""
    get = asked(client, reverse("basket:summary"))
    pages = Page("Oscar's own", under(get, without_us)), Page("with our rows", under(get, lambda: cards(number)))
    for page in pages:
        count(page)
    return pages


def compare(products: list[Any], number: int, rounds: int) -> None:
    """Prints the page beside Oscar's own."""
    pages = both(shopper(products), number)
    clock(pages, rounds)
    print_beside(f"{len(products)} lines, {{cards}} cards", *pages)


def bestsellers(number: int) -> list[Any]:
    """The best-selling products."""
    learned = active_snapshot.get_active_snapshot()
    if learned is None:
        sys.exit("No snapshot serves: run `python manage.py demo --no-server` first.")
    keys = learned.ids[learned.arrays["product.bestsellers"][:number]].tolist()
    found = Product.objects.in_bulk(keys)
    return [found[key] for key in keys]


def main() -> None:
    rounds = rounds_asked(__doc__)
    with transaction.atomic(), patch.object(settings, "OSCAR_MAX_BASKET_QUANTITY_THRESHOLD", 10_000):
        for lines, number in CASES:
            compare(bestsellers(lines), number, rounds)
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
