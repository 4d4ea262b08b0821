"""Reads Oscar's baskets of customers: which were left, and what of them can be bought. All SQL over them is here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat
from oscar.core.loading import get_class, get_model

from personalization.models import Delivery, Purchase
from personalization.models.deliveries import DeliveryState
from personalization.models.message_reach import Reach
from personalization.shop import catalogue
from personalization.shop.orders import bought_lines

Basket = get_model("basket", "Basket")
BasketLine = get_model("basket", "Line")
Product = get_model("catalogue", "Product")
Selector = get_class("partner.strategy", "Selector")


@dataclass(frozen=True)
class LeftBasket:
    """An open basket that nobody has changed for some time."""

    id: int
    owner_id: Any
    address: str


def basket_message_key(basket_id: Any, number: int) -> str:
    """The key of a message about a basket, the first or the second one."""
    return f"basket:{basket_id}:{number}"


def left_baskets(since: datetime, until: datetime, number: int, reach: Reach, limit: int) -> list[LeftBasket]:
    """The open baskets with lines that were changed last between two moments, of active accounts that may be
    reminded, and about which the message with this number was not put out. One query over the index of when
    lines were changed."""
    key = Concat(Value("basket:"), Cast(OuterRef("basket_id"), CharField()), Value(f":{number}"))
    written = Delivery.objects.settled().filter(dedupe=key)
    email = f"basket__owner__{get_user_model().get_email_field_name()}"
    rows = (
        BasketLine.objects.filter(date_updated__gte=since, date_updated__lte=until)
        .filter(basket__status=Basket.OPEN, basket__owner__is_active=True)
        .filter(~Exists(BasketLine.objects.filter(basket=OuterRef("basket"), date_updated__gt=until)), ~Exists(written))
        .filter(reach.allowed("basket__owner"))
    )
    rows = (
        rows.exclude(**{email: ""}).order_by("basket_id").values_list("basket_id", "basket__owner_id", email).distinct()
    )
    return [LeftBasket(*row) for row in rows[:limit]]


def reminded_before(basket_ids: Iterable[int], moment: datetime) -> set[int]:
    """Those of these baskets about which the first message was sent before a moment. One query."""
    keys = {basket_message_key(basket_id, 1): basket_id for basket_id in basket_ids}
    rows = Delivery.objects.filter(dedupe__in=list(keys), state=DeliveryState.SENT, sent_at__lte=moment)
    return {keys[key] for key in rows.values_list("dedupe", flat=True)}


@dataclass(frozen=True)
class StoredBasket:
    """A customer's basket as it is now."""

    owner: Any
    is_open: bool
    is_ordered: bool
    changed_at: datetime | None
    """None where nothing is in it."""
    lines: tuple[Any, ...]
    """Oscar's, with their products."""


def read_basket(basket_id: int | None) -> StoredBasket | None:
    """The basket of this key; None when it is gone, or nobody's. Three queries."""
    basket = Basket.objects.filter(pk=basket_id, owner__isnull=False).select_related("owner").first()
    if basket is None:
        return None
    rows = BasketLine.objects.filter(basket=basket).order_by("date_created", "pk")
    rows = rows.select_related("product__product_class", "product__parent__product_class")
    lines = tuple(rows.prefetch_related("product__stockrecords"))
    changed_at = max((line.date_updated for line in lines), default=None)
    is_ordered = basket.status == Basket.SUBMITTED
    return StoredBasket(basket.owner, basket.status == Basket.OPEN, is_ordered, changed_at, lines)


def example_basket(user: Any, products: Iterable[int], now: datetime) -> StoredBasket:
    """A customer's open basket; one that is made up of these products where they have none, or nobody is known. It is
    not stored."""
    owned = Basket.objects.filter(owner=user, status=Basket.OPEN, lines__isnull=False) if user is not None else None
    newest = owned.order_by("-pk").first() if owned is not None else None
    stored = read_basket(newest.pk) if newest is not None else None
    if stored is not None:
        return stored
    found = Product.objects.filter(pk__in=list(products)).select_related("product_class", "parent__product_class")
    lines = (BasketLine(product=one, quantity=1, date_created=now, date_updated=now) for one in found)
    return StoredBasket(user, is_open=True, is_ordered=False, changed_at=now, lines=tuple(lines))


def without_bought(lines: Iterable[Any], user: Any, address: str) -> list[Any]:
    """The lines whose product, or another variant of it, was not bought since it was put into the basket: by the
    account, here or in a store, or by a guest with the same address. Two queries; all of them where nobody is known."""
    lines = list(lines)
    if not lines or user is None:
        return lines
    keys = {folded_product(line.product) for line in lines}
    is_own = Q(order__user_id=user.pk) | Q(order__guest_email__iexact=address)
    is_one = Q(product__in=keys) | Q(product__parent__in=keys)
    since = min(line.date_created for line in lines)
    rows = bought_lines().filter(is_own, is_one, order__date_placed__gte=since)
    bought: dict[int, datetime] = {}
    for product, parent, placed in rows.values_list("product_id", "product__parent_id", "order__date_placed"):
        key = parent or product
        bought[key] = max(placed, bought.get(key, placed))
    elsewhere = Purchase.objects.bought([user.pk]).filter(product_id__in=keys, at__gte=since)
    for key, at in elsewhere.values_list("product_id", "at"):
        bought[key] = max(at, bought.get(key, at))
    return [
        line
        for line in lines
        if (placed := bought.get(folded_product(line.product))) is None or placed < line.date_created
    ]


def folded_product(product: Any) -> int:
    """The key of the product that stands for this one in lists: a child's parent."""
    return int(product.parent_id or product.pk)


@dataclass(frozen=True)
class BuyableLine:
    """A line that its owner can buy now."""

    product: Any
    quantity: int
    price: Decimal
    """Of one piece, today."""
    currency: str
    left: int | None
    """How many pieces there are; None where the stock is not counted."""

    @property
    def key(self) -> int:
        """Of the product, a child's parent."""
        return folded_product(self.product)


def buyable_lines(lines: Iterable[Any], user: Any) -> list[BuyableLine]:
    """Those of these lines that this customer can buy in that quantity, at today's prices, without sensitive ones."""
    lines = [line for line in lines if _is_reachable(line.product)]
    sensitive = catalogue.sensitive_products(line.product_id for line in lines)
    strategy, found = Selector().strategy(user=user), []
    for line in lines:
        info = strategy.fetch_for_product(line.product)
        price = catalogue.get_price_amount(info)
        if line.product_id in sensitive or price is None or not info.availability.is_available_to_buy:
            continue
        if info.availability.is_purchase_permitted(line.quantity)[0]:
            left = _pieces_left(line.product, info)
            found.append(BuyableLine(line.product, line.quantity, price, info.price.currency, left))
    return found


def _is_reachable(product: Any) -> bool:
    return bool(product.is_public and (product.parent is None or product.parent.is_public))


def _pieces_left(product: Any, info: Any) -> int | None:
    if not product.get_product_class().track_stock or info.stockrecord is None:
        return None
    return max(int(info.stockrecord.net_stock_level), 0)


def owners_of_filled(user_ids: Iterable[Any]) -> set[Any]:
    """Those of these customers in whose open basket something lies. One query."""
    rows = BasketLine.objects.filter(basket__owner__in=list(user_ids), basket__status=Basket.OPEN)
    return set(rows.order_by().values_list("basket__owner_id", flat=True).distinct())
