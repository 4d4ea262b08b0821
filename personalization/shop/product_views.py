"""Reads which product pages customers looked at. All SQL over Oscar's table of views is here.

Oscar records views of customers who are signed in, and nobody else's.
"""

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


@dataclass(frozen=True)
class ViewRows:
    """Views as arrays, one entry a view."""

    customer: NDArray[np.int32]
    """A place in the list of customers that the views were read with."""
    product: NDArray[np.int64]
    """The product's primary key; a child product counts as its parent."""
    seen: NDArray[np.float64]
    """Seconds since 1970."""


def all_product_views() -> QuerySet:
    """The views of everyone."""
    return UserProductView.objects.order_by()


def view_values(views: QuerySet) -> Iterator[tuple]:
    """(customer's key, product's key, seconds since 1970) of each view, streamed."""
    return (
        views.annotate(folded=Coalesce("product__parent_id", "product_id"), seen=Epoch(F("date_created")))
        .values_list("user_id", "folded", "seen")
        .iterator(chunk_size=20_000)
    )


def read_views(rows: Iterable[tuple], users: Iterable[Any], until: float) -> ViewRows:
    """These rows of `view_values` as arrays, without what lies after `until`.

    Customers are numbered by their place in `users`. Views of others are left out: whoever bought something is one
    person, whoever only looked may be a hundred.
    """
    places = {user: place for place, user in enumerate(users)}
    numbered = ((places[user], product, seen) for user, product, seen in rows if user in places)
    table = np.fromiter(numbered, np.dtype("i8,i8,f8"))
    table = table[table["f2"] <= until]
    return ViewRows(customer=table["f0"].astype(np.int32), product=table["f1"], seen=table["f2"])
