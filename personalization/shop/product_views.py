"""Reads Oscar's table of product views, which records customers who are signed in and nobody else."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch

UserProductView = get_model("analytics", "UserProductView")
ViewRow = tuple[Any, int, float]
"""(customer's key, product's key, seconds since 1970); a child product counts as its parent"""


def all_product_views() -> QuerySet[Any]:
    """The views of all customers."""
    views: QuerySet[Any] = UserProductView.objects.order_by()
    return views


def view_values(views: QuerySet[Any]) -> Iterator[ViewRow]:
    """The row of each view, streamed."""
    rows = views.annotate(folded=Coalesce("product__parent_id", "product_id"), seen=Epoch(F("date_created")))
    values: Iterator[ViewRow] = rows.values_list("user_id", "folded", "seen").iterator(chunk_size=20_000)
    return values
