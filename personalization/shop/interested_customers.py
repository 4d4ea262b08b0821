"""Which customers are interested in products: by a wish list, an open basket, or because they came back to them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce

from personalization.models import Event
from personalization.models.message_reach import Reach
from personalization.models.visitors import Consent
from personalization.shop.baskets import Basket, BasketLine
from personalization.shop.customer_records import WishListLine

MIN_VIEWS = 2


class InterestedCustomer(NamedTuple):
    """A customer and a product."""

    user_id: Any
    address: str
    product: int


def interested_in(products: Collection[int], since: datetime, reach: Reach, limit: int) -> list[InterestedCustomer]:
    """The active customers who may be told something and have one of these products on a wish list or in an open
    basket, a child standing for its parent, or looked at it twice since a moment; of each way at most `limit`. Three
    queries, none for no products."""
    if not products:
        return []
    is_one = Q(product__in=products) | Q(product__parent__in=products)
    wishes = WishListLine.objects.filter(is_one)
    in_baskets = BasketLine.objects.filter(is_one, basket__status=Basket.OPEN)
    views = Event.objects.views().filter(product_id__in=products, occurred_at__gte=since)
    pairs: QuerySet[Any, Any] = views.filter(visitor__consent=Consent.GRANTED).values("visitor__user", "product_id")
    pairs = pairs.annotate(n=Count("pk")).filter(n__gte=MIN_VIEWS)
    folded = Coalesce("product__parent_id", "product_id")
    found = {
        *_allowing(wishes.annotate(folded=folded), "wishlist__owner", "folded", reach, limit),
        *_allowing(in_baskets.annotate(folded=folded), "basket__owner", "folded", reach, limit),
        *_allowing(pairs, "visitor__user", "product_id", reach, limit),
    }
    return sorted(found, key=lambda one: (one.product, str(one.user_id)))


def _allowing(rows: QuerySet[Any], owner: str, product: str, reach: Reach, limit: int) -> list[InterestedCustomer]:
    rows = rows.filter(reach.allowed(owner), **{f"{owner}__is_active": True})
    columns = (f"{owner}__pk", f"{owner}__{get_user_model().get_email_field_name()}", product)
    rows = rows.exclude(**{columns[1]: ""})
    return [InterestedCustomer(*row) for row in rows.order_by(*columns[::2]).values_list(*columns)[:limit]]
