"""Oscar's product alerts: who asked to be told when a product is back in stock, and whether it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from oscar.core.loading import get_class, get_model

from personalization.models import Delivery, Purchase
from personalization.models.message_reach import Reach
from personalization.shop import catalogue
from personalization.shop.orders import bought_lines

Product = get_model("catalogue", "Product")
ProductAlert = get_model("customer", "ProductAlert")
StockRecord = get_model("partner", "StockRecord")
Selector = get_class("partner.strategy", "Selector")

MOST_TRIED = 20
"""So many products are looked at for one that can be bought."""
UNLIMITED = 1_000_000
"""The stock of a product whose stock is not tracked."""


@dataclass(frozen=True)
class AlertedProduct:
    """What an alert is about, as its owner may buy it now."""

    product: Any
    free: int
    """How many pieces can be sold; 0 when it cannot be bought."""
    price: Any
    currency: str


def products_in_stock(since: datetime) -> list[int]:
    """The public products that have active alerts made since a moment, and stock in some record of theirs or of their
    variants; whether they can really be bought is the strategy's word. One query."""
    alerts = ProductAlert.objects.filter(product=OuterRef("pk"), status=ProductAlert.ACTIVE, date_created__gte=since)
    rows = Product.objects.filter(Exists(alerts), Exists(_free_records("pk")), _has_page())
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _free_records(product: str) -> QuerySet[Any]:
    """The records with pieces that can be sold of a product, or of its variants, whose key is in this column of the
    query around it."""
    is_own = Q(product=OuterRef(product)) | Q(product__parent=OuterRef(product))
    is_free = Q(num_in_stock__gt=Coalesce(F("num_allocated"), 0)) | Q(product__product_class__track_stock=False)
    is_free |= Q(product__parent__product_class__track_stock=False)
    records: QuerySet[Any] = StockRecord.objects.filter(is_own).filter(is_free)
    return records


class PatientCustomer(NamedTuple):
    """A customer with an account who waits for a product."""

    alert_id: int
    user_id: Any
    address: str
    product_id: int


def waiting_in_vain(kind: str, since: datetime, until: datetime, reach: Reach, limit: int) -> list[PatientCustomer]:
    """Whose active alert was made between two moments and is about a product without any stock, of those who may
    be told something, and about which no message of a kind was put out; the oldest first, at most `limit`. One
    query."""
    written = Delivery.objects.settled().filter(kind=kind, source_id=OuterRef("pk"))
    email = f"user__{get_user_model().get_email_field_name()}"
    rows = ProductAlert.objects.filter(status=ProductAlert.ACTIVE, date_created__gte=since, date_created__lte=until)
    rows = rows.filter(~Exists(written), ~Exists(_free_records("product")), user__is_active=True).exclude(**{email: ""})
    rows = rows.filter(reach.allowed("user")).order_by("date_created", "pk")
    return [PatientCustomer(*row) for row in rows.values_list("pk", "user_id", email, "product_id")[:limit]]


def _has_page() -> Q:
    return Q(is_public=True) & (Q(parent=None) | Q(parent__is_public=True))


def oldest_alerts(product_id: int, kind: str, since: datetime, limit: int) -> list[Any]:
    """The active alerts of a product, made since a moment, about which no message of this kind was put out, the oldest
    first; also those whose message was not sent because the product had sold out again, or the message was paused."""
    written = Delivery.objects.settled().filter(kind=kind, source_id=OuterRef("pk"))
    rows = ProductAlert.objects.filter(~Exists(written), product=product_id, status=ProductAlert.ACTIVE)
    rows = rows.filter(date_created__gte=since).select_related("user").order_by("date_created", "pk")
    return list(rows[:limit])


def find_alert(alert_id: int | None) -> Any | None:
    """The alert of this key with its account; None when it is gone."""
    return ProductAlert.objects.filter(pk=alert_id).select_related("user").first()


def newest_alert(customer: Any) -> Any | None:
    """The alert that a customer waits for since the shortest time, on a product with a page; None for none."""
    rows = ProductAlert.objects.filter(user_id=customer.pk, status=ProductAlert.ACTIVE).order_by("-date_created", "-pk")
    buyable = (alert for alert in rows.select_related("user")[:MOST_TRIED] if _is_buyable(alert.product_id, customer))
    return next(buyable, None)


def example_alert(customer: Any = None) -> Any | None:
    """An alert that nobody set, on one of the newest products that can be bought; None where none can."""
    rows = Product.objects.filter(_has_page(), parent=None).order_by("-pk").values_list("pk", flat=True)
    found = next((key for key in rows[:MOST_TRIED] if _is_buyable(key, customer)), None)
    return None if found is None else unsaved_alert(found, customer)


def unsaved_alert(product_id: int, customer: Any = None) -> Any:
    """An alert on a product that nobody set, and that is not stored."""
    return ProductAlert(product_id=product_id, user=customer)


def _is_buyable(product_id: int, customer: Any) -> bool:
    alerted = alerted_product(product_id, customer)
    return alerted is not None and alerted.free > 0


def count_active_alerts(product_id: int) -> int:
    """How many wait for a product."""
    return int(ProductAlert.objects.filter(product=product_id, status=ProductAlert.ACTIVE).count())


def alerted_product(product_id: int, user: Any = None) -> AlertedProduct | None:
    """A product with what this customer, or a stranger, would buy of it; None when it has no page any more."""
    rows = Product.objects.filter(_has_page(), pk=product_id).select_related("product_class", "parent__product_class")
    product = rows.prefetch_related("stockrecords").first()
    if product is None:
        return None
    strategy = Selector().strategy(user=user)
    variants = list(_variants(product)) if product.is_parent else [product]
    free = sum(_free_stock(variant, strategy) for variant in variants)
    offer = catalogue.get_offer(product, strategy)
    if offer is None or not free:
        return AlertedProduct(product, 0, None, "")
    price = offer.info.price
    return AlertedProduct(product, min(free, UNLIMITED), catalogue.get_price_amount(offer.info), price.currency)


def _variants(parent: Any) -> Iterator[Any]:
    for child in parent.children.public().prefetch_related("stockrecords"):
        child.parent = parent
        yield child


def _free_stock(product: Any, strategy: Any) -> int:
    info = strategy.fetch_for_product(product)
    if not info.availability.is_available_to_buy:
        return 0
    if not product.get_product_class().track_stock or info.stockrecord is None:
        return UNLIMITED
    return max(int(info.stockrecord.net_stock_level), 0)


def bought_since(alert: Any, address: str, moment: datetime) -> bool:
    """Whether whoever made an alert bought its product, or a variant of it, since a moment: with the account, here or
    in a store, or as a guest with the same address."""
    is_own = Q(order__guest_email__iexact=address)
    if alert.user_id is not None:
        is_own |= Q(order__user_id=alert.user_id)
    is_it = Q(product=alert.product_id) | Q(product__parent=alert.product_id)
    lines: QuerySet[Any] = bought_lines().filter(is_own, is_it, order__date_placed__gte=moment)
    elsewhere = Purchase.objects.bought([alert.user_id]).filter(product_id=alert.product_id, at__gte=moment)
    return lines.exists() or (alert.user_id is not None and elsewhere.exists())


def is_active(alert: Any) -> bool:
    """Whether its owner still waits: guests after they confirmed it."""
    return bool(alert.is_active)


def close_alert(alert_id: int, now: datetime) -> bool:
    """Closes an active alert: its owner is told. Whether it was active."""
    rows = ProductAlert.objects.filter(pk=alert_id, status=ProductAlert.ACTIVE)
    return bool(rows.update(status=ProductAlert.CLOSED, date_closed=now))


def reopen_alert(alert_id: int) -> None:
    """Makes a closed alert active again: its owner was not told."""
    rows = ProductAlert.objects.filter(pk=alert_id, status=ProductAlert.CLOSED)
    rows.update(status=ProductAlert.ACTIVE, date_closed=None)
