"""Turns a request into a Visit: the only place where a decision's inputs meet HTTP."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from oscar.core.loading import get_class, get_model

from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.models.savepoints import failing_open

BasketLine = get_model("basket", "Line")
Basket = get_model("basket", "Basket")
Selector = get_class("partner.strategy", "Selector")


def from_request(request: HttpRequest) -> Visit:
    """This visitor, now, with this basket and the shop's strategy for them."""
    user_id = request.user.pk if request.user.is_authenticated else None
    return Visit(
        now=time.time(),
        user_id=user_id,
        basket=frozenset(basket_products(request)),
        strategy=request.strategy,
        genome=genome_of(user_id),
    )


def of_customers(user_ids: Iterable[Any], now: float) -> Iterator[Visit]:
    """A visit without a request for each of these customers who exists: nothing in the basket, the shop's strategy."""
    user_ids = list(user_ids)
    users = get_user_model()._default_manager.in_bulk(user_ids)
    genomes = Genome.objects.of_customers(user_ids)
    for user_id, user in users.items():
        strategy = Selector().strategy(user=user)
        yield Visit(now=now, user_id=user_id, strategy=strategy, genome=genomes.get(user_id) or Genome())


def genome_of(user_id: Any) -> Genome:
    """What is known of this customer: an empty genome when nothing is, or when it cannot be read."""
    if user_id is not None:
        with failing_open("Reading a genome"):
            return Genome.objects.of_customer(user_id) or Genome()
    return Genome()


def basket_products(request: Any) -> set[int]:
    """The keys of the products in the open basket, parents for children; no basket is created by asking.

    Oscar makes a basket for a signed-in visitor when `request.basket` is first read. The header of its pages has done
    that before us, and then the lines are there already; elsewhere we ask for the lines alone.
    """
    if getattr(request, "_basket_cache", None) is not None or not request.user.is_authenticated:
        lines = request.basket.all_lines()
        return {line.product.parent_id or line.product_id for line in lines}
    rows = BasketLine.objects.filter(basket__owner=request.user, basket__status=Basket.OPEN)
    return {parent or product for product, parent in rows.values_list("product_id", "product__parent_id")}
