"""Orders that were sent some days ago, and what of them was kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower
from oscar.core.loading import get_model

from personalization.models import Delivery
from personalization.models.message_reach import Reach
from personalization.shop.catalogue import sensitive_products
from personalization.shop.order_statuses import unbought_statuses
from personalization.shop.orders import bought_lines, orders_of_our_sites

ShippingEvent = get_model("order", "ShippingEvent")


@dataclass(frozen=True)
class ShippedOrder:
    """An order that was sent."""

    id: int
    user_id: Any
    address: str


def shipped_orders(kind: str, reach: Reach, since: datetime, until: datetime, limit: int) -> list[ShippedOrder]:
    """The orders that were sent last between two moments, to active customers who may be told something, and not
    as a gift, without those about which a message of this kind came up before. One query over the index of when things
    were sent."""
    later = _sendings().filter(order=OuterRef("order"), date_created__gt=until)
    written = Delivery.objects.filter(kind=kind, source_id=OuterRef("order"))
    rows = _sendings().filter(date_created__gte=since, date_created__lte=until, order__user__is_active=True)
    rows = rows.filter(~Exists(later), ~Exists(written), order__in=orders_of_our_sites())
    rows = rows.filter(reach.allowed("order__user")).order_by("order_id")
    rows = rows.select_related("order__user", "order__shipping_address", "order__billing_address")
    orders = {row.order_id: row.order for row in rows[:limit]}
    email = get_user_model().get_email_field_name()
    return [
        ShippedOrder(order.pk, order.user_id, getattr(order.user, email))
        for order in orders.values()
        if getattr(order.user, email) and not is_gift(order)
    ]


def _sendings() -> QuerySet[Any]:
    """What was sent, without what came back."""
    rows: QuerySet[Any] = ShippingEvent.objects.alias(code=Lower("event_type__code"))
    return rows.exclude(code__in=unbought_statuses())


def is_gift(order: Any) -> bool:
    """Whether an order was sent to somebody of another name than who paid for it, or has the account. Where there is no
    name to compare, it was not."""
    if order.shipping_address is None:
        return False
    recipient, payer, user = order.shipping_address, order.billing_address, order.user
    names = [(getattr(user, "first_name", ""), getattr(user, "last_name", ""))]
    names += [(payer.first_name, payer.last_name)] if payer is not None else []
    return has_foreign_name((recipient.first_name, recipient.last_name), *names)


def has_foreign_name(recipient: tuple[str, str], *known: tuple[str, str]) -> bool:
    """Whether a recipient has another name than all of these, each a first and a last name. Where there is no name to
    compare, not."""
    to, names = _folded(*recipient), [name for one in known if (name := _folded(*one))]
    return bool(to and names) and to not in names


def _folded(first: str, last: str) -> str:
    return " ".join(f"{first} {last}".split()).casefold()


def kept_products(order_id: int | None) -> list[int]:
    """The products of an order that was neither cancelled nor came back, a child's parent, without sensitive ones."""
    rows = bought_lines().filter(order=order_id).order_by("pk").values_list("product__parent_id", "product_id")
    keys = list(dict.fromkeys(parent or key for parent, key in rows))
    sensitive = sensitive_products(keys)
    return [key for key in keys if key not in sensitive]
