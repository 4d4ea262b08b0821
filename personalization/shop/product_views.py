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
from personalization.rank.snapshot_arrays import DEVICES

UserProductView = get_model("analytics", "UserProductView")
ViewRow = tuple[Any, int, float, str]
"""(customer's key, product's key, seconds since 1970, type of device; "" where that is not known)"""


@dataclass(frozen=True)
class ViewRows:
    """Views as arrays, one entry a view."""

    customer: NDArray[np.int32]
    """The customer's index in the list of customers that the views were read with."""
    product: NDArray[np.int64]
    """The product's primary key; a child product counts as its parent."""
    seen: NDArray[np.float64]
    """Seconds since 1970."""
    device: NDArray[np.int8]
    """The number of the type of device in `DEVICES`; -1 where that is not known."""


def all_product_views() -> QuerySet[Any]:
    """The views of all customers."""
    views: QuerySet[Any] = UserProductView.objects.order_by()
    return views


def view_values(views: QuerySet[Any]) -> Iterator[ViewRow]:
    """The row of each view, streamed."""
    rows = views.annotate(folded=Coalesce("product__parent_id", "product_id"), seen=Epoch(F("date_created")))
    for user, product, seen in rows.values_list("user_id", "folded", "seen").iterator(chunk_size=20_000):
        yield user, product, seen, ""


def read_views(rows: Iterable[ViewRow], users: Iterable[Any], until: float) -> ViewRows:
    """The rows of `view_values` up to the moment `until` as arrays; customers are numbered by their index in `users`.

    Views of others are left out: a customer who bought something is one person, accounts that only look may be a
    hundred of one person's.
    """
    indices = {user: index for index, user in enumerate(users)}
    numbers = {name: number for number, name in enumerate(DEVICES)}
    numbered = (
        (indices[user], product, seen, numbers.get(device, -1))
        for user, product, seen, device in rows
        if user in indices
    )
    table = np.fromiter(numbered, np.dtype("i8,i8,f8,i1"))
    table = table[table["f2"] <= until]
    return ViewRows(table["f0"].astype(np.int32), table["f1"], table["f2"], table["f3"])
