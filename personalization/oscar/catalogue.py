"""Reads the shop's catalogue. All SQL over Oscar's product and category tables is here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Exists, F, OuterRef, Prefetch, prefetch_related_objects
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.oscar.orders import Epoch

Category = get_model("catalogue", "Category")
Option = get_model("catalogue", "Option")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductRecord = get_model("analytics", "ProductRecord")


@dataclass(frozen=True)
class Members:
    """Which products lie in which category, or in a category below it: one entry a pair, categories by tree path."""

    category: NDArray[np.int64]
    """The category's primary key."""
    product: NDArray[np.int64]
    """The product's primary key."""
    depth: dict[int, int]
    """How deep each category lies in the tree; 1 is the top."""


def products() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The keys of all products that a shopper may browse, ascending, and when they were created, in epoch seconds."""
    rows = Product.objects.browsable().order_by("pk").values_list("pk", Epoch(F("date_created")))
    table = np.fromiter(rows.iterator(chunk_size=20_000), np.dtype("i8,f8"))
    return table["f0"], table["f1"]


def members(product_ids: Iterable[int] | None = None) -> Members:
    """The browsable categories of these products (or of all), each with all categories above it."""
    tree = list(Category.objects.browsable().order_by("path").values_list("path", "pk", "depth"))
    step = Category.steplen
    by_path = {path: pk for path, pk, _ in tree}
    above = {
        pk: [by_path[path[:end]] for end in range(step, len(path) + 1, step) if path[:end] in by_path]
        for path, pk, _ in tree
    }
    rows = ProductCategory.objects.order_by("product_id", "category_id")
    if product_ids is not None:
        rows = rows.filter(product_id__in=list(product_ids))
    pairs = {
        (category, product)
        for product, leaf in rows.values_list("product_id", "category_id").iterator(chunk_size=20_000)
        for category in above.get(leaf, ())
    }
    table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return Members(category=table[:, 0], product=table[:, 1], depth={pk: depth for _, pk, depth in tree})


def cards(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with all that Oscar's card needs, in three queries.

    A shop with parent products pays two more, for their children and the children's stock records.
    """
    listed = list(
        Product.objects.browsable()
        .filter(pk__in=list(product_ids))
        .select_related("product_class")
        .annotate(
            has_product_class_options=Exists(Option.objects.filter(productclass=OuterRef("product_class"))),
            has_product_options=Exists(Option.objects.filter(product=OuterRef("pk"))),
        )
        .prefetch_related("stockrecords", "images")
    )
    parents = [product for product in listed if product.is_parent]
    if parents:
        children = Product.objects.public().prefetch_related("stockrecords")
        prefetch_related_objects(
            parents, Prefetch("children", queryset=children, to_attr="_prefetched_public_children")
        )
    return {product.pk: product for product in listed}


def sellable(product: Any, strategy: Any) -> bool:
    """Whether this shopper can buy the product now, by the shop's own strategy."""
    fetch = strategy.fetch_for_parent if product.is_parent else strategy.fetch_for_product
    info = fetch(product)
    return bool(info.price.exists and info.availability.is_available_to_buy)


def categories(category_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these categories by key."""
    return Category.objects.browsable().in_bulk(list(category_ids))


def newest(limit: int) -> list[int]:
    """The keys of the products that were added last."""
    return list(Product.objects.browsable().order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def bestsellers(limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) as Oscar's own analytics count them, the most bought first."""
    records = ProductRecord.objects.filter(
        num_purchases__gt=0, product__is_public=True, product__parent__isnull=True
    ).order_by("-num_purchases", "product_id")
    return list(records.values_list("product_id", "num_purchases")[:limit])
