"""Turns a request into a Visit: the only place where a decision's inputs meet HTTP.

And what a Visit without a request is made of: customers, the shop's strategy for them, and products by their keys.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import IntegerField, QuerySet
from django.http import HttpRequest
from oscar.core.loading import get_class, get_model

from personalization import conf
from personalization.collect import consent, visitors
from personalization.decide.visit import Visit
from personalization.models import Event, Visitor
from personalization.oscar import orders

BasketLine = get_model("basket", "Line")
Basket = get_model("basket", "Basket")
Product = get_model("catalogue", "Product")
Selector = get_class("partner.strategy", "Selector")

SIGNED_IN = "personalization_signed_in"
"""Where a session keeps when its customer signed in."""


def from_request(request: HttpRequest) -> Visit:
    """This visitor, now, with this basket, the shop's strategy for them, and all of them that they allow."""
    visit = replace(strangers(request), basket=frozenset(basket_products(request)))
    visitor = visitors.read(request)
    if not consent.allowed(request, visitor):
        return visit
    discreet = visit.user_id is not None and not signed_in_lately(request, visit.now)
    return _known(replace(visit, reported=True, discreet=discreet), visitor)


def strangers(request: HttpRequest) -> Visit:
    """The same, with nothing known of the visitor; needs no query."""
    user_id = request.user.pk if request.user.is_authenticated else None
    return Visit(now=time.time(), user_id=user_id, strategy=request.strategy)


def _known(visit: Visit, visitor: Visitor | None) -> Visit:
    if visitor is None:
        return visit
    since = datetime.fromtimestamp(visit.now, UTC) - timedelta(days=conf.current().event_days)
    recent = tuple(Event.objects.recent(visitor.pk, since))
    return replace(visit, visitor=visitor.pk, genome=visitor.genome(), wishes=visitor.wished(), recent=recent)


def signed_in_lately(request: HttpRequest, now: float) -> bool:
    """Whether whoever holds this browser gave a password so lately that they are the customer."""
    signed_in = request.session.get(SIGNED_IN)
    return isinstance(signed_in, int | float) and now - signed_in < conf.current().discreet_hours * 3600


def strategies(user_ids: Iterable[Any]) -> dict[Any, Any]:
    """The shop's strategy for each of these customers who exists, without a request; under None a stranger's."""
    users = get_user_model()._default_manager.in_bulk({user_id for user_id in user_ids if user_id is not None})
    selector = Selector()
    return {None: selector.strategy(), **{key: selector.strategy(user=user) for key, user in users.items()}}


def customers_until(moment: float) -> QuerySet:
    """The keys of all customers who ordered by this moment, in a fixed sequence."""
    return orders.customers().filter(order__date_placed__lte=datetime.fromtimestamp(moment, UTC))


def customer_key(text: str) -> Any:
    """The primary key that is written so; ValueError when none is."""
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        raise ValueError(f"{text!r} is no customer's key") from None


def customers_are_numbered() -> bool:
    """Whether customers' keys are whole numbers, as they are unless the shop has its own model of users."""
    return isinstance(get_user_model()._meta.pk, IntegerField)


def known_customers(user_ids: Iterable[Any]) -> dict[Any, Any]:
    """Those of these customers who exist, each under their own key."""
    keys = get_user_model()._default_manager.filter(pk__in=list(user_ids)).values_list("pk", flat=True)
    return {key: key for key in keys}


def listed_as(product_ids: Iterable[int]) -> dict[int, int]:
    """Those of these products that exist, with the product that stands for each in a list: a child's parent."""
    rows = Product.objects.filter(pk__in=list(product_ids)).values_list("pk", "parent_id")
    return {key: parent or key for key, parent in rows}


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
