"""Reads the shop's catalogue. All SQL over Oscar's product and category tables is here."""

import html
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Exists, F, Min, OuterRef, Prefetch, Q, prefetch_related_objects
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory
from personalization.models.epoch import Epoch

Category = get_model("catalogue", "Category")
Option = get_model("catalogue", "Option")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductRecord = get_model("analytics", "ProductRecord")
StockRecord = get_model("partner", "StockRecord")

LETTERS = 2_000
"""Only so much is kept of one description, and of one attribute value: it bounds the memory of a training run."""
TAG = re.compile("<[^<>]*>")


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


def prices() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(product key, price), ascending: the least price in the shop's own currency, of it or of its public children."""
    rows = (
        StockRecord.objects.filter(
            price__isnull=False, price_currency=settings.OSCAR_DEFAULT_CURRENCY, product__is_public=True
        )
        .annotate(folded=Coalesce("product__parent_id", "product_id"))
        .order_by("folded")
        .values_list("folded")
        .annotate(Min("price"))
    )
    table = np.fromiter(rows.iterator(chunk_size=20_000), np.dtype("i8,f4"))
    return table["f0"], table["f1"]


def kinds(members: Members) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(product key, category key), ascending: the deepest category of each product, the first by path among equals."""
    path = {category: place for place, category in enumerate(members.depth)}
    depth = np.array([members.depth[category] for category in members.category.tolist()], np.int64)
    place = np.array([path[category] for category in members.category.tolist()], np.int64)
    rows = np.lexsort((place, -depth, members.product))
    product, first = np.unique(members.product[rows], return_index=True)
    return product, members.category[rows][first]


def texts() -> Iterator[tuple[int, str]]:
    """(product key, title and description) of all that a shopper may browse, and one more entry for each attribute
    value in words: text, rich text and the names of options. Numbers, dates and yes or no say nothing by themselves.
    """
    titles = Product.objects.browsable().order_by("pk").values_list("pk", "title", "description")
    values = (
        ProductAttributeValue.objects.filter(product__parent__isnull=True, product__is_public=True)
        .order_by("product_id", "attribute_id", "value_multi_option__pk")
        .values_list("product_id", "value_text", "value_richtext", "value_option__option", "value_multi_option__option")
    )
    for rows in (titles, values):
        for key, *words in rows.iterator(chunk_size=2_000):
            yield key, _plain(" ".join(filter(None, words)))


def _plain(markup: str) -> str:
    return html.unescape(TAG.sub(" ", markup))[:LETTERS]


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
    _with_children(listed)
    return {product.pk: product for product in listed}


def offers(product_ids: Iterable[int]) -> dict[int, Any]:
    """The same with what `sellable` needs only, in two queries."""
    listed = list(
        Product.objects.browsable()
        .filter(pk__in=list(product_ids))
        .select_related("product_class")
        .defer("description")
        .prefetch_related("stockrecords")
    )
    _with_children(listed)
    return {product.pk: product for product in listed}


def _with_children(listed: list[Any]) -> None:
    parents = [product for product in listed if product.is_parent]
    if parents:
        children = Product.objects.public().prefetch_related("stockrecords")
        prefetch_related_objects(
            parents, Prefetch("children", queryset=children, to_attr="_prefetched_public_children")
        )


def sellable(product: Any, strategy: Any) -> bool:
    """Whether this shopper can buy the product now, by the shop's own strategy."""
    fetch = strategy.fetch_for_parent if product.is_parent else strategy.fetch_for_product
    info = fetch(product)
    return bool(info.price.exists and info.availability.is_available_to_buy)


def categories(category_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these categories by key."""
    return Category.objects.browsable().in_bulk(list(category_ids))


def browsable_categories() -> set[int]:
    """The keys of all categories that a shopper may browse."""
    return set(Category.objects.browsable().values_list("pk", flat=True))


def newest(limit: int) -> list[int]:
    """The keys of the products that were added last."""
    rows = Product.objects.browsable().exclude(pk__in=all_sensitive_products())
    return list(rows.order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def bestsellers(limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) as Oscar's own analytics count them, the most bought first."""
    records = ProductRecord.objects.filter(
        num_purchases__gt=0, product__is_public=True, product__parent__isnull=True
    ).exclude(product__in=all_sensitive_products())
    records = records.order_by("-num_purchases", "product_id")
    return list(records.values_list("product_id", "num_purchases")[:limit])


def listed(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The browsable products that these keys mean, each a pair of the kind of key ("id", "upc" or "sku") and the key;
    a public child's parent for the child. What is unknown or hidden is left out. One query, none for no keys."""
    wanted = {kind: {key for one, key in keys if one == kind} for kind in ("id", "upc", "sku")}
    wanted["id"] = {key for key in wanted["id"] if key.isascii() and key.isdigit() and len(key) <= 18}
    if not any(wanted.values()):
        return {}
    columns = {"id": "pk", "upc": "upc", "sku": "stockrecords__partner_sku"}
    asked = {kind: column for kind, column in columns.items() if wanted[kind]}
    matching = [Q(**{f"{column}__in": wanted[kind]}) for kind, column in asked.items()]
    rows = (
        Product.objects.public()
        .filter(reduce(or_, matching), Q(parent=None) | Q(parent__is_public=True))
        .order_by("-pk")  # of two products with one SKU the older one counts
        .values_list("pk", "parent_id", *asked.values())
    )
    found = {}
    for pk, parent, *values in rows:
        for kind, value in zip(asked, values, strict=True):
            found[kind, str(value)] = parent or pk
    return {pair: key for pair, key in found.items() if pair[1] in wanted[pair[0]]}


def sensitive_categories() -> set[int]:
    """The keys of all categories that staff flagged as sensitive, and of all below them."""
    flagged = _flagged_paths()
    if not flagged:
        return set()
    return set(Category.objects.filter(_below("path", flagged)).values_list("pk", flat=True))


def telling(product_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these products may tell something of those who buy or look at them: all that are not sensitive."""
    sensitive = all_sensitive_products()
    return ~np.isin(product_ids, sorted(sensitive)) if sensitive else np.ones(len(product_ids), bool)


def all_sensitive_products() -> set[int]:
    """The keys of all products in a sensitive category. One query while no category is flagged, three else."""
    flagged = _flagged_paths()
    if not flagged:
        return set()
    return set(Product.objects.filter(_below("categories__path", flagged)).values_list("pk", flat=True))


def sensitive_products(product_ids: Iterable[int]) -> set[int]:
    """Those of these products that lie in such a category, a child where its parent does. One query while no category
    is flagged, three else."""
    wanted = list(product_ids)
    flagged = _flagged_paths() if wanted else []
    if not flagged:
        return set()
    lies_there = _below("categories__path", flagged) | _below("parent__categories__path", flagged)
    return set(Product.objects.filter(lies_there, pk__in=wanted).order_by().values_list("pk", flat=True))


def _flagged_paths() -> list[str]:
    flagged = list(SensitiveCategory.objects.values_list("category_id", flat=True))
    return list(Category.objects.filter(pk__in=flagged).values_list("path", flat=True)) if flagged else []


def _below(column: str, paths: Iterable[str]) -> Q:
    return reduce(or_, (Q(**{f"{column}__startswith": path}) for path in paths))
