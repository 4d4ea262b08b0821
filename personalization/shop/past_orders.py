"""Orders of the last weeks of customers who allow what they did to be used: what a back-test goes through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from django.db.models import Exists, OuterRef, Q

from personalization.models import Visitor
from personalization.models.visitors import Consent
from personalization.shop.orders import orders_of_our_sites

MAX_LISTED = 20_000
"""Of a large shop as many orders are chosen from, the newest."""


@dataclass(frozen=True)
class PastOrder:
    """Who ordered when."""

    id: int
    user_id: Any
    placed_at: float
    """Seconds since 1970."""
    country: str
    """The ISO code of the country that it is shipped to; "" for none."""


def consented_order_ids(since: datetime, until: datetime) -> list[int]:
    """The keys of the orders between two moments that may be used, in an order that is always the same and has nothing
    to do with when they were placed: the first ones of them are spread over the whole time. One query."""
    agreed = Visitor.objects.filter(
        Q(erased_at=None) | Q(erased_at__lt=OuterRef("date_placed")),
        user=OuterRef("user"),
        consent=Consent.GRANTED,
    )
    placed = orders_of_our_sites().filter(Exists(agreed), date_placed__gte=since, date_placed__lt=until)
    keys = placed.order_by("-date_placed", "-pk").values_list("pk", flat=True)[:MAX_LISTED]
    return sorted(keys, key=lambda key: (crc32(str(key).encode()), key))


def past_orders(order_ids: Iterable[int]) -> dict[int, PastOrder]:
    """These orders, by their keys. One query."""
    rows = orders_of_our_sites().filter(pk__in=list(order_ids))
    columns = rows.values_list("pk", "user_id", "date_placed", "shipping_address__country_id")
    return {pk: PastOrder(pk, user, placed.timestamp(), country or "") for pk, user, placed, country in columns}
