"""A copy of the demo's shop from whose order book the last days are hidden, and what its pages show to its customers.

The orders of the last `days` are taken out and kept; all other moments are moved forward by as much, so that the copy
stands as the shop stood on that day; then it learns anew. Nothing is written into the shop itself.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"

CARD = re.compile(r'<article class="product_pod".*?</article>', re.DOTALL)
PRODUCT_LINK = re.compile(r'href="[^"]*_(\d+)/[^"]*"')
HOME_CARD = re.compile(r'class="personalization-row__item".*?href="[^"]*_(\d+)/', re.DOTALL)
PAGE_SIZE = 20
MAX_HITS = 2_000


@dataclass(frozen=True)
class Purchase:
    """A product that a customer bought within the hidden days."""

    customer: int
    product: int
    is_new: bool
    """Whether they had never bought it before."""


@dataclass(frozen=True)
class HiddenOrders:
    """What was hidden, and what the visible orders say."""

    purchases: list[Purchase]
    bought: dict[int, int]
    """By product, how many customers bought it within the popularity window before the hidden days."""
    own: dict[int, dict[int, int]]
    """By customer, then product, on how many days they had bought it."""

    def to_json(self) -> str:
        """As text, which `from_json` reads; JSON has no numbers as keys."""
        own = [[who, list(theirs.items())] for who, theirs in self.own.items()]
        return json.dumps([[list(vars(one).values()) for one in self.purchases], list(self.bought.items()), own])

    @classmethod
    def from_json(cls, text: str) -> "HiddenOrders":
        """Reads what `to_json` wrote."""
        purchases, bought, own = json.loads(text)
        return cls([Purchase(*one) for one in purchases], dict(bought), {who: dict(theirs) for who, theirs in own})


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a benchmark that hides orders."""
    parser.add_argument("--days", type=int, default=14, help="the orders of this many last days are hidden")
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1, help="draws the customers")
    parser.add_argument("--keep", type=Path, help="keep the copy in this folder, and use it when it is there")


@contextmanager
def shop_without_last_days(days: int, keep: Path | None = None) -> Iterator[HiddenOrders]:
    """Copies the demo's shop, hides its last days, trains the copy, and sets Django up for it."""
    source = Path(os.environ.get("SHOP_DATA", Path(__file__).resolve().parents[1] / "var"))
    if not (source / "shop.sqlite3").exists():
        sys.exit(f"No shop in {source}: run `python manage.py demo --no-server` first.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch) / "shop"
        ready = folder / f"hidden-{days}"
        if not ready.exists():
            shutil.copytree(
                source, folder, ignore=shutil.ignore_patterns("snapshots", "static", "mail"), dirs_exist_ok=True
            )
        os.environ["SHOP_DATA"] = str(folder)
        import django

        django.setup()
        yield _hide(days, ready)


def _hide(days: int, ready: Path) -> HiddenOrders:
    from django.core.management import call_command

    if ready.exists():
        return HiddenOrders.from_json(ready.read_text())
    hidden = _take_out(days)
    call_command("personalization_train", verbosity=0)
    ready.write_text(hidden.to_json())
    return hidden


def _take_out(days: int) -> HiddenOrders:
    from django.db.models import F, Max
    from oscar.core.loading import get_model

    from personalization.conf import get_settings
    from personalization.shop.orders import bought_lines

    order, product = get_model("order", "Order"), get_model("catalogue", "Product")
    last = order.objects.aggregate(last=Max("date_placed"))["last"]
    cut = last - timedelta(days=days)
    recent = cut - timedelta(days=get_settings().POPULARITY_WINDOW_DAYS)
    own: dict[int, dict[int, set]] = {}
    buyers: dict[int, set[int]] = {}
    ahead: dict[tuple[int, int], None] = {}
    rows = bought_lines().filter(order__user__isnull=False).order_by("order__date_placed", "pk")
    rows = rows.values_list("order__user_id", "product_id", "order__date_placed")
    for customer, key, moment in rows.iterator():
        if moment > cut:
            ahead[customer, key] = None
            continue
        own.setdefault(customer, {}).setdefault(key, set()).add(moment.date())
        if moment > recent:
            buyers.setdefault(key, set()).add(customer)
    order.objects.filter(date_placed__gt=cut).delete()
    shift = timedelta(days=days)
    order.objects.update(date_placed=F("date_placed") + shift)
    product.objects.filter(date_created__lte=cut).update(date_created=F("date_created") + shift)
    days_bought = {who: {key: len(dates) for key, dates in theirs.items()} for who, theirs in own.items()}
    purchases = [
        Purchase(who, key, key not in own.get(who, {})) for who, key in ahead if key is not None and who in own
    ]
    return HiddenOrders(purchases, {key: len(customers) for key, customers in buyers.items()}, days_bought)


def drawn_customers(hidden: HiddenOrders, count: int, seed: int) -> list[int]:
    """So many of the customers who bought something within the hidden days."""
    import random

    everyone = sorted({purchase.customer for purchase in hidden.purchases})
    return random.Random(seed).sample(everyone, min(count, len(everyone)))


@cache
def leaf_category(product: int) -> str:
    """The name of the product's deepest category."""
    from oscar.core.loading import get_model

    category = get_model("catalogue", "Product").objects.get(pk=product).categories.order_by("-depth").first()
    return str(category.name) if category else ""


def engine_order(query: str) -> list[int]:
    """All hits of the shop's engine, as its own search page lists them without us."""
    return list(_engine_order(query))


@cache
def _engine_order(query: str) -> tuple[int, ...]:
    from personalization.oscar.search_engine import search_keys

    return tuple(search_keys(query, MAX_HITS))


def most_bought(hidden: HiddenOrders, keys: Iterable[int], customer: int | None = None) -> list[int]:
    """The hits by how many customers bought them; before that, what this customer bought, the most often first."""
    own = hidden.own.get(customer, {}) if customer is not None else {}
    return sorted(keys, key=lambda key: (-own.get(key, 0), -hidden.bought.get(key, 0)))


class Browser:
    """What a customer, or a stranger, is served."""

    def __init__(self, customer: int | None = None) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        self.client = Client()
        if customer is not None:
            self.client.force_login(get_user_model().objects.get(pk=customer))

    def _get(self, address: str, **parameters: Any) -> str:
        response = self.client.get(address, parameters, follow=True)
        assert response.status_code == 200, (address, parameters, response.status_code)
        return response.content.decode()

    def home(self) -> list[int]:
        """The products on the home page, as they stand."""
        return list(dict.fromkeys(int(key) for key in HOME_CARD.findall(self._get("/"))))

    def search(self, query: str, page: int = 1) -> tuple[list[int], list[int]]:
        """(the products of the list, those in rows beside it) of a page of a search."""
        content = self._get("/search/", q=query, **({"page": page} if page > 1 else {}))
        listed = [PRODUCT_LINK.search(card) for card in CARD.findall(content)]
        rows = [int(key) for key in HOME_CARD.findall(content)]
        return list(dict.fromkeys(int(link[1]) for link in listed if link)), rows
