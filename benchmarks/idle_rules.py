"""What pages cost while the shop has 200 live campaigns of which none acts there, beside the shop without any.

    python benchmarks/idle_rules.py

Needs the demo's data (`python manage.py demo --no-server`). Prints queries and function calls of a request, and their
ratios; both are exact, and counted in one run. The campaigns are those of `campaigns.py`, on surfaces that the page
has, for categories, searches and products that it is not about. Statements that open and close savepoints count as
queries.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, count, customer, under
# isort: on

from django.db import transaction
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.models import Category

from benchmarks.basket import bestsellers, shopper
from benchmarks.campaigns import make_rules
from personalization.decide import active_rules
from personalization.merchandising.compiled import CompiledRules, FixedTarget, Place
from personalization.merchandising.search_words import WordList, WordMatch

GOAL = 1.02
NO_PRODUCT = 2**30


def elsewhere(number: int) -> Place:
    """Where none of the pages is: another category, another search, a product that there is not."""
    seen = FixedTarget(frozenset([NO_PRODUCT + number]))
    return (
        Place("category", categories=frozenset([NO_PRODUCT + number])),
        Place("search", searches=(WordList((f"word{number}",), WordMatch.ALL),)),
        Place("product", seen=seen),
        Place("basket", seen=seen),
        Place("home", seen=seen),
    )[number % 5]


@contextmanager
def rules(served: CompiledRules) -> Iterator[None]:
    """Within this context the shop serves by these rules."""
    process = active_rules._process_rules
    with (
        patch.object(process, "rules", served),
        patch.object(process, "compiled_at", time.monotonic()),
        patch.object(active_rules.active_snapshot, "also_read", []),
    ):
        yield


def compare(name: str, client: Client, address: str) -> float:
    """Prints the page without campaigns and with those that do not act; returns the ratio of their calls."""
    get = asked(client, address)
    none = count(Page("none", under(get, partial(rules, CompiledRules()))), warm=3)
    idle = count(Page("idle", under(get, partial(rules, make_rules(elsewhere)))), warm=3)
    print(
        f"{name:24}{none.queries:8}{idle.queries:8}{none.calls:10}{idle.calls:10}{idle.calls / none.calls:9.4f}",
        flush=True,
    )
    return idle.calls / none.calls


def main() -> None:
    (product,) = bestsellers(1)
    category = Category.objects.browsable().filter(depth=2, product__is_public=True).first()
    pages = {
        "home": reverse("personalization:home"),
        "product": product.get_absolute_url(),
        "category": category.get_absolute_url(),
        "catalogue": reverse("catalogue:index"),
        "search": f"{reverse('search:search')}?q=milk",
    }
    print(f"{'':24}{'queries':>16}{'calls':>20}\n{'':24}{'none':>8}{'idle':>8}{'none':>10}{'idle':>10}{'ratio':>9}")
    ratios = []
    with transaction.atomic():
        for visitor, client in (("a stranger", Client()), ("a customer", customer())):
            ratios += [compare(f"{name}, {visitor}", client, address) for name, address in pages.items()]
        ratios.append(compare("basket, a stranger", shopper(bestsellers(5)), reverse("basket:summary")))
        transaction.set_rollback(True)
    if max(ratios) > GOAL:
        sys.exit(f"more than {GOAL} of the page without campaigns")


if __name__ == "__main__":
    main()
