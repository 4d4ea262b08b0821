"""A catalogue that changes after the training run, as a Hypothesis state machine for any surface.

    class Home(ChangingCatalogue):
        def pages(self):
            yield "home", self.client.get("/")

    def test_...():
        holds(Home)

After every change, on every page: each product of our rows can be bought by this shopper now, is no child, is not in
the basket, and is shown once.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from oscar.apps.basket.models import Line
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord
from oscar.apps.partner.strategy import Default
from oscar.test.factories import create_product

from tests.shops import breakfast

RUNS = int(os.environ.get("CATALOGUE_RUNS", "5"))
STEPS = 12
NAMES = st.sampled_from(sorted(breakfast.KINDS))


class ChangingCatalogue(RuleBasedStateMachine):
    """The shop of `breakfast`, trained once for all runs; `products` are those that still exist, by name."""

    trained: dict[str, Product]

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        cache.clear()
        self.client = Client()
        self.products = dict(self.trained)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def pages(self) -> Iterator[tuple[str, Any]]:
        """(surface, response) of each page to check."""
        raise NotImplementedError

    def stock(self, name: str) -> Any:
        return StockRecord.objects.filter(product=self.products.get(name))

    def change(self, name: str, **fields: Any) -> None:
        Product.objects.filter(pk=self.trained[name].pk).update(**fields)

    @rule(name=NAMES, public=st.booleans())
    def hide_or_show(self, name: str, public: bool) -> None:
        self.change(name, is_public=public)

    @rule(name=NAMES, left=st.sampled_from((0, 0, 1, 100)))
    def sell(self, name: str, left: int) -> None:
        self.stock(name).update(num_in_stock=left)

    @rule(name=NAMES)
    def reserve_all(self, name: str) -> None:
        self.stock(name).update(num_in_stock=3, num_allocated=3)

    @rule(name=NAMES)
    def lose_the_price(self, name: str) -> None:
        """Removes the product from baskets, too: Oscar cannot show a basket with a line without a price."""
        Line.objects.filter(product=self.products.get(name)).delete()
        self.stock(name).update(price=None)

    @rule(name=NAMES)
    def set_a_price(self, name: str) -> None:
        self.stock(name).update(price=Decimal("2.00"))

    @rule(name=NAMES)
    def delist(self, name: str) -> None:
        """No partner sells it any more, which deletes its basket lines."""
        self.stock(name).delete()

    @precondition(lambda self: len(self.products) > 3)
    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.products:
            Product.objects.filter(pk=self.products.pop(name).pk).delete()

    @precondition(lambda self: len(self.products) > 3)
    @rule(name=NAMES, public=st.booleans())
    def make_a_child(self, name: str, public: bool) -> None:
        """A child of a public or a hidden parent."""
        if name in self.products:
            self.products.pop(name)
            parent = create_product(title="Parent", structure="parent", product_class="Grocery")
            Product.objects.filter(pk=parent.pk).update(is_public=public)
            self.change(name, structure="child", parent=parent, product_class=None)

    @rule(name=NAMES, quantity=st.integers(1, 3))
    def put_into_the_basket(self, name: str, quantity: int) -> None:
        if name in self.products:
            self.client.post(reverse("basket:add", args=[self.products[name].pk]), {"quantity": quantity})

    @rule(name=NAMES)
    def take_out_of_the_basket(self, name: str) -> None:
        Line.objects.filter(product=self.trained[name]).delete()

    @invariant()
    def nothing_is_shown_that_should_not_be(self) -> None:
        lying = Line.objects.values_list("product_id", "product__parent_id")
        in_basket = {key for line in lying for key in line}
        for surface, response in self.pages():
            shown = [
                item.product_id
                for slate in breakfast.slates_of_page(response, surface)
                for row in slate.rows
                for item in row.items
            ]
            assert len(shown) == len(set(shown)), "twice"
            assert not in_basket & set(shown), "in the basket"
            for product in Product.objects.filter(pk__in=shown):
                strategy = Default()
                fetch = strategy.fetch_for_parent if product.is_parent else strategy.fetch_for_product
                info = fetch(product)
                assert product.is_public and not product.is_child, "not to be seen"
                assert info.price.exists and info.availability.is_available_to_buy, "not to be bought"
            assert Product.objects.filter(pk__in=shown).count() == len(shown), "not there"


def holds(machine: type[ChangingCatalogue]) -> None:
    """Runs the state machine on a trained shop."""
    machine.trained = breakfast.trained()
    steps = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(machine, settings=steps)
