"""Search, catalogue and category pages in the visitor's order beside Oscar's own, in one interleaved run.

    python benchmarks/listing.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of a
request, and the ratios to two plain baselines: Oscar's page as it is without us, and the same with the one-line
`load_all()` that fetches its products together (Oscar's search page has it already). Then what is left of the costs
when a visitor, or the shop, has switched the order off. Queries and calls are exact; milliseconds are the median of the
rounds, which go round the pages in turn so that a busy machine slows all of them alike.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, customer, rounds_asked, under
# isort: on

from django.conf import settings
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.utils import get_app_template_dirs
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.models import Category
from oscar.apps.search.forms import BrowseCategoryForm

from personalization.oscar.listing_views import PersonalListMixin
from personalization.oscar.private_pages import PrivatePageMixin
from personalization.privacy import cookies

DEMO = "example_shop"


def templates_without(*apps: str) -> DjangoTemplates:
    """The shop's templates without those of these apps."""
    given = settings.TEMPLATES[0]
    folders = [folder for folder in get_app_template_dirs("templates") if folder.parent.name not in apps]
    options = {"debug": False, **given["OPTIONS"]}
    return DjangoTemplates({"NAME": "django", "DIRS": folders, "APP_DIRS": False, "OPTIONS": options})


@contextmanager
def served_from(templates: DjangoTemplates) -> Iterator[None]:
    usual = engines["django"]
    engines._engines["django"] = templates
    try:
        yield
    finally:
        engines._engines["django"] = usual


@contextmanager
def without_our_order() -> Iterator[None]:
    """Within this context, lists are made by Oscar's own views."""
    ours = [
        (mixin, name, method)
        for mixin in (PersonalListMixin, PrivatePageMixin)
        for name, method in vars(mixin).items()
        if callable(method)
    ]
    for mixin, name, _ in ours:
        delattr(mixin, name)
    try:
        yield
    finally:
        for mixin, name, method in ours:
            setattr(mixin, name, method)


@contextmanager
def with_load_all() -> Iterator[None]:
    """Within this context, the products of a catalogue page are fetched together."""
    plain = BrowseCategoryForm.no_query_found
    BrowseCategoryForm.no_query_found = lambda form: plain(form).load_all()
    try:
        yield
    finally:
        BrowseCategoryForm.no_query_found = plain


@contextmanager
def dial_at_0() -> Iterator[None]:
    usual = settings.PERSONALIZATION
    settings.PERSONALIZATION = {**usual, "RERANK_STRENGTH": 0}
    try:
        yield
    finally:
        settings.PERSONALIZATION = usual


def ways_of(client: Client, address: str) -> dict[str, Callable[[], Any]]:
    """The ways to make a page: {name: request}."""
    bare, ours = templates_without(DEMO, "personalization"), templates_without(DEMO)
    get = under(asked(client, address), lambda: served_from(ours))
    plain = under(asked(client, address), lambda: served_from(bare), without_our_order)
    return {
        "Oscar's own": plain,
        "... with load_all": under(plain, with_load_all),
        "ours without the order": under(get, without_our_order),
        "in our order": get,
        "the shop's dial at 0": under(get, dial_at_0),
        "switched off by the visitor": switched_off(get, client),
    }


def switched_off(get: Callable[[], Any], client: Client) -> Callable[[], Any]:
    def off() -> Any:
        client.cookies[cookies.SORT_COOKIE] = cookies.SORT_DISABLED
        try:
            return get()
        finally:
            del client.cookies[cookies.SORT_COOKIE]

    return off


def compare(visitor: str, page: str, client: Client, address: str, rounds: int) -> None:
    """Prints all ways of one page for one visitor."""
    costs = [count(Page(name, get)) for name, get in ways_of(client, address).items()]
    clock(costs, rounds)
    stock, loaded, *_ = costs
    print(f"\n{page}, {visitor}\n{'':30}{'queries':>9}{'calls':>10}{'CPU ms':>9}{'/ stock':>10}{'/ load_all':>12}")
    for cost in costs:
        ratios = f"{cost.calls / stock.calls:>10.2f}{cost.calls / loaded.calls:>12.2f}"
        print(f"  {cost.name:28}{cost.queries:>9}{cost.calls:>10}{cost.cpu:>9.1f}{ratios}")


def pages() -> dict[str, str]:
    """{name: address} of the pages that are measured."""
    top = Category.objects.browsable().filter(depth=1).order_by("-numchild", "path").first()
    leaf = Category.objects.browsable().filter(numchild=0).order_by("path").first()
    search = reverse("search:search")
    return {
        "Catalogue": reverse("catalogue:index"),
        f"Top category {top.name}": top.get_absolute_url(),
        f"Leaf category {leaf.name}": leaf.get_absolute_url(),
        "Search for “milk”": f"{search}?q=milk",
        "Search for “cheese”, page 2": f"{search}?q=cheese&page=2",
    }


def main() -> None:
    rounds, signed_in = rounds_asked(__doc__), customer()
    for name, address in pages().items():
        compare("an anonymous visitor", name, Client(), address, rounds)
        compare("a customer with a year of history", name, signed_in, address, rounds)


if __name__ == "__main__":
    main()
