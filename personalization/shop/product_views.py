"""Reads Oscar's table of product views, which records customers who are signed in and nobody else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch

UserProductView = get_model("analytics", "UserProductView")
ViewRow = tuple[Any, int, float]
"""(customer's key, product's key, seconds since 1970)"""


@dataclass(frozen=True)
class ViewRows:
    """Views as arrays, one entry a view."""

    customer: NDArray[np.int32]
    """The customer's index in the list of customers that the views were read with."""
    product: NDArray[np.int64]
    """The product's primary key; a child product counts as its parent."""
    seen: NDArray[np.float64]
    """Seconds since 1970."""


def all_product_views() -> QuerySet[Any]:
    """The views of all customers."""
    views: QuerySet[Any] = UserProductView.objects.order_by()
    return views


def view_values(views: QuerySet[Any]) -> Iterator[ViewRow]:
    """The row of each view, streamed."""
    rows = views.annotate(folded=Coalesce("product__parent_id", "product_id"), seen=Epoch(F("date_created")))
    values: Iterator[ViewRow] = rows.values_list("user_id", "folded", "seen").iterator(chunk_size=20_000)
    return values


def read_views(rows: Iterable[ViewRow], users: Iterable[Any], until: float) -> ViewRows:
    """The rows of `view_values` up to the moment `until` as arrays; customers are numbered by their index in `users`.

    Views of others are left out: a customer who bought something is one person, accounts that only look may be a
    hundred of one person's.
    """
    indices = {user: index for index, user in enumerate(users)}
    numbered = ((indices[user], product, seen) for user, product, seen in rows if user in indices)
    table = np.fromiter(numbered, np.dtype("i8,i8,f8"))
    table = table[table["f2"] <= until]
    return ViewRows(customer=table["f0"].astype(np.int32), product=table["f1"], seen=table["f2"])
