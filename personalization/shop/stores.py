"""What lies in the shop's stores: a store's stock is that of an Oscar partner."""

from collections.abc import Iterable

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from oscar.core.loading import get_model

from personalization.models import Store

Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")


def products_in_store(code: str, product_ids: Iterable[int]) -> set[int]:
    """Those of these products of which a piece, or one of a child, lies in a store from which orders are fetched; what
    is not counted lies there where the store's partner has it. One query."""
    wanted = list(product_ids)
    partners = Store.objects.filter(code=code, click_and_collect=True, partner__isnull=False).values("partner")
    rows = StockRecord.objects.filter(partner__in=partners)
    rows = rows.filter(Q(product__in=wanted) | Q(product__parent__in=wanted, product__is_public=True))
    free = F("num_in_stock") - Coalesce(F("num_allocated"), 0)
    rows = rows.annotate(free=free).filter(Q(num_in_stock=None) | Q(free__gt=0))
    return set(rows.values_list(Coalesce("product__parent_id", "product_id"), flat=True))
