"""Turns a request into a Visit: the only place where a decision's inputs meet HTTP.

And what a Visit without a request is made of: customers, the shop's strategy for them, and products by their keys.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import IntegerField, QuerySet
from django.http import HttpRequest
from oscar.core.loading import get_class, get_model

from personalization import conf
from personalization.collect import request_traits
from personalization.decide.visit import Lately, Visit
from personalization.models import Event, Visitor
from personalization.models.events import Did
from personalization.models.fail_open import failing_open
from personalization.privacy import consent, identity
from personalization.shop import orders

BasketLine = get_model("basket", "Line")
Basket = get_model("basket", "Basket")
Product = get_model("catalogue", "Product")
CustomerHistoryManager = get_class("customer.history", "CustomerHistoryManager")
Selector = get_class("partner.strategy", "Selector")

SIGNED_IN = "personalization_signed_in"
"""Where a session keeps when its customer signed in."""


REMEMBERED, BASKET, PLACED = "_personalization_visit", "_personalization_basket", "_personalization_placed"
"""Where a request keeps its visit, what lies in its basket, and the keys of the products that stand on its page."""


def from_request(request: HttpRequest) -> Visit:
    """This visitor, now, with this basket, the shop's strategy for them, all of them that they allow, and what stands
    on the page so far. What is known of the visitor is read once a request; the basket may change within one."""
    visit = without_basket(request)
    return replace(visit, placed=frozenset(placed(request)), **_basket_of(request))


def without_basket(request: HttpRequest) -> Visit:
    """The same for what neither the basket nor the page takes part in: that costs a customer a query less."""
    visit = getattr(request, REMEMBERED, None)
    if visit is None:
        visit = _read(request)
        setattr(request, REMEMBERED, visit)
    return visit


def of_known(request: HttpRequest) -> Visit | None:
    """The same for what only known visitors are shown. None for whoever does not want to be known, or is not: that
    costs their pages no query, nor a savepoint."""
    if not is_known(request):
        return None
    with failing_open("Reading the visit"):
        return without_basket(request)
    return None


def is_known(request: HttpRequest) -> bool:
    """Whether somebody is there who agreed to be known."""
    visitor = identity.of(request)
    if visitor is None:
        return False
    settings = conf.current()
    with failing_open("Asking for consent", queries=bool(settings.consent or settings.child)):
        return consent.allowed(request, visitor)
    return False


def look_anew(request: HttpRequest) -> None:
    """Forgets what was read of this request for somebody else: who it is from has just been found out. They have the
    basket that is stored for them, if they have an account."""
    for name in (REMEMBERED, BASKET, PLACED):
        request.__dict__.pop(name, None)
    request.basket, request._basket_cache = Basket(), None


def somebody(request: HttpRequest) -> bool:
    """Whether this request's visit was read, and is of somebody who allows to be known."""
    visit = getattr(request, REMEMBERED, None)
    return visit is not None and visit.reported


def placed(request: HttpRequest) -> set[int]:
    """The keys of the products that stand on this page so far."""
    return getattr(request, PLACED, set())


def place(request: HttpRequest, product_ids: Iterable[int]) -> None:
    """Notes that these products stand on this page."""
    setattr(request, PLACED, placed(request) | set(product_ids))


def _read(request: HttpRequest) -> Visit:
    visit = strangers(request)
    visitor = identity.read(request)
    if not consent.allowed(request, visitor):
        return visit
    discreet = visit.user_id is not None and not signed_in_lately(request, visit.now)
    return _known(replace(visit, reported=True, discreet=discreet), visitor)


def strangers(request: HttpRequest) -> Visit:
    """The same, with nothing known of the visitor but the basket that Oscar has read; needs no query."""
    user_id = request.user.pk if request.user.is_authenticated else None
    basket = _in_basket(request) if _basket_is_there(request) else {}
    return Visit(
        now=time.time(), user_id=user_id, strategy=request.strategy, **request_traits.of(request)._asdict(), **basket
    )


def _known(visit: Visit, visitor: Visitor | None) -> Visit:
    if visitor is None:
        return visit
    since = datetime.fromtimestamp(visit.now, UTC) - timedelta(days=conf.current().event_days)
    recent = Lately(lambda: _recent(visitor.pk, since))
    return replace(visit, visitor=visitor.pk, genome=visitor.genome(), wishes=visitor.wished(), recent=recent)


def _recent(visitor_id: UUID, since: datetime) -> list[Did]:
    with failing_open("Reading what a visitor did lately"):
        return Event.objects.recent(visitor_id, since)
    return []


def about(
    visit: Visit, *, product: Any = None, category: Any = None, query: str = "", order: Any = None, saved: Any = None
) -> Visit:
    """The visit on the page of this product, category, search or placed order, each as Oscar has it, or beside the
    formset of what was saved for later."""
    if product is not None:
        key = product.parent_id or product.pk
        variant = product.pk if product.parent_id else None
        visit = replace(visit, product=key, variant=variant, placed=visit.placed | {key})
    if category is not None:
        visit = replace(visit, category=category.pk, category_name=category.name)
    if order is not None:
        bought = {parent or key for key, parent in order.lines.values_list("product_id", "product__parent_id")}
        visit = replace(visit, basket=frozenset(bought - {None}), sold_out=(), placed=visit.placed | visit.basket)
    if saved:
        later = (form.instance.product for form in saved)
        visit = replace(visit, placed=visit.placed | {product.parent_id or product.pk for product in later})
    return replace(visit, query=query) if query else visit


def looked_at(request: HttpRequest) -> set[int]:
    """The keys of the products that this browser looked at last, by Oscar's cookie: a page of a product shows them. No
    query."""
    return {key for key in CustomerHistoryManager.extract(request) if isinstance(key, int)}


def signed_in_lately(request: HttpRequest, now: float) -> bool:
    """Whether whoever holds this browser gave a password so lately that they are the customer."""
    signed_in = request.session.get(SIGNED_IN)
    return isinstance(signed_in, int | float) and now - signed_in < conf.current().discreet_hours * 3600


def strategy(request: HttpRequest) -> Any:
    """The shop's strategy for whoever asks, who may not be whom the session says."""
    return Selector().strategy(request=request, user=request.user)


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


def _basket_of(request: Any) -> dict[str, Any]:
    """What a visit says of the open basket; asked for once where Oscar has not read it."""
    if _basket_is_there(request):
        return _in_basket(request)
    if not hasattr(request, BASKET):
        setattr(request, BASKET, _in_basket(request))
    return getattr(request, BASKET)


def _in_basket(request: Any) -> dict[str, Any]:
    """The same, as it is now."""
    lines = list(_basket_lines(request))
    return {
        "basket": frozenset(product for product, _, _ in lines),
        "basket_items": sum(quantity for _, quantity, _ in lines),
        "basket_changed": max((changed.timestamp() for _, _, changed in lines), default=0.0),
        "sold_out": tuple(dict.fromkeys(_sold_out(request))),
    }


def _basket_is_there(request: Any) -> bool:
    """Whether Oscar has read the basket of this request already, as the header of its pages does."""
    return getattr(request, "_basket_cache", None) is not None


def _sold_out(request: Any) -> Iterator[int]:
    """The products of the lines that cannot be bought as they are. Who has not asked the shop's strategy about a line
    yet, as Oscar's page of the basket has, is not told: that would cost a query or two a line."""
    for line in _lines(request) if _basket_is_there(request) else ():
        info = line.__dict__.get("_info")
        if info and not (info.price.exists and info.availability.is_purchase_permitted(line.quantity)[0]):
            yield line.product.parent_id or line.product_id


def _lines(request: Any) -> Iterator[Any]:
    """The lines of a basket that was read, without those that were removed since."""
    lines = request.basket.all_lines() if request.basket.pk else ()  # asking for the lines of no basket is slow
    return (line for line in lines if line.pk is not None)


def _basket_lines(request: Any) -> Iterator[tuple[int, int, datetime]]:
    """(product's key, a child's parent; quantity; when it was last changed) of each line of the open basket; no basket
    is created by asking.

    Oscar makes a basket for a signed-in visitor when `request.basket` is first read. The header of its pages has done
    that before us, and then the lines are there already; elsewhere we ask for the lines alone.
    """
    if _basket_is_there(request) or not request.user.is_authenticated:
        for line in _lines(request):
            yield line.product.parent_id or line.product_id, line.quantity, line.date_updated
    else:
        lines = BasketLine.objects.filter(basket__owner=request.user, basket__status=Basket.OPEN)
        rows = lines.values_list("product__parent_id", "product_id", "quantity", "date_updated")
        for parent, product, quantity, changed in rows:
            yield parent or product, quantity, changed
