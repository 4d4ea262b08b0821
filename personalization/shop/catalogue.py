"""Reads the shop's catalogue. All SQL over Oscar's product and category tables is here."""

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import (
    Exists,
    F,
    Min,
    OuterRef,
    Prefetch,
    Q,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory
from personalization.models.epoch import Epoch
from personalization.shop import card_columns

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductRecord = get_model("analytics", "ProductRecord")
StockRecord = get_model("partner", "StockRecord")

MAX_TEXT_LENGTH = 2_000
"""Only so much is kept of one description, and of one attribute value: it bounds the memory of a training run."""
TAG = re.compile("<[^<>]*>")


@dataclass(frozen=True)
class CategoryMemberships:
    """Which products lie in which category, or in a category below it: one entry a pair, categories by tree path."""

    category: NDArray[np.int64]
    """The category's primary key."""
    product: NDArray[np.int64]
    """The product's primary key."""
    depth: dict[int, int]
    """How deep each category lies in the tree; 1 is the top."""
    parent: dict[int, int] = field(default_factory=dict)
    """The category right above each that is not at the top."""


def browsable_products() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The keys of all products that a shopper may browse, ascending, and when they were created, in epoch seconds."""
    rows = Product.objects.browsable().order_by("pk").values_list("pk", Epoch(F("date_created")))
    table = np.fromiter(rows.iterator(chunk_size=20_000), np.dtype("i8,f8"))
    return table["f0"], table["f1"]


def category_memberships(product_ids: Iterable[int] | None = None) -> CategoryMemberships:
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
    parent = {pk: line[-2] for pk, line in above.items() if len(line) > 1}
    return CategoryMemberships(table[:, 0], table[:, 1], {pk: depth for _, pk, depth in tree}, parent)


def product_prices() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
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


def leaf_categories(members: CategoryMemberships) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(product key, category key), ascending: the deepest category of each product, the first by path among equals."""
    path = {category: place for place, category in enumerate(members.depth)}
    depth = np.array([members.depth[category] for category in members.category.tolist()], np.int64)
    place = np.array([path[category] for category in members.category.tolist()], np.int64)
    rows = np.lexsort((place, -depth, members.product))
    product, first = np.unique(members.product[rows], return_index=True)
    return product, members.category[rows][first]


def product_texts() -> Iterator[tuple[int, str]]:
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
    return html.unescape(TAG.sub(" ", markup))[:MAX_TEXT_LENGTH]


def products_with_stock(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with all that Oscar's card needs, in three queries.

    A shop with parent products pays two more, for their children and the children's stock records.
    """
    found = products_for_cards(product_ids)
    attach_images(found.values())
    return found


def products_for_cards(product_ids: Iterable[int], beside: Collection[int] = ()) -> dict[int, Any]:
    """The same without pictures, in two queries; each has the name of its `first_image`, or None. What staff picked
    themselves for the pages of the products that these stand `beside` is left out: Oscar shows it there."""
    listed = list(
        Product.objects.browsable()
        .filter(pk__in=list(product_ids))
        .select_related("product_class")
        .annotate(**card_columns.card_columns(beside))
    )
    listed = [product for product in listed if not product.picked]
    _with_stock(listed)
    _with_children(listed)
    return {product.pk: product for product in listed}


def image_url(name: str) -> str:
    """Where a picture of this name is."""
    return ProductImage._meta.get_field("original").storage.url(name)


def attach_images(products: Collection[Any]) -> None:
    """Looks up the pictures of all these products that have none yet, in one query."""
    prefetch_related_objects(list(products), "images")


def products_for_availability(product_ids: Iterable[int]) -> dict[int, Any]:
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


def _with_stock(listed: list[Any]) -> None:
    """Prefetches the stock records: as Django would, which takes half as long again for it."""
    records: dict[int, list[Any]] = {product.pk: [] for product in listed}
    for record in StockRecord.objects.filter(product__in=list(records)):
        records[record.product_id].append(record)
    for product in listed:
        its_own = product.stockrecords.get_queryset()
        its_own._result_cache, its_own._prefetch_done = records[product.pk], True
        product._prefetched_objects_cache = {"stockrecords": its_own}


def _with_children(listed: list[Any]) -> None:
    parents = [product for product in listed if product.is_parent]
    if parents:
        children = Product.objects.public().prefetch_related("stockrecords")
        prefetch_related_objects(
            parents, Prefetch("children", queryset=children, to_attr="_prefetched_public_children")
        )


@dataclass(frozen=True)
class Offer:
    """A product that this shopper can buy now."""

    product: Any
    """Oscar's product, with all that a card needs."""
    info: Any
    """At which price, and how available: the answer of the shop's own strategy."""


def get_offer(product: Any, strategy: Any) -> Offer | None:
    """The product as this shopper can buy it now; None when they cannot."""
    info = purchase_info(product, strategy)
    return Offer(product, info) if info.price.exists and info.availability.is_available_to_buy else None


def purchase_info(product: Any, strategy: Any) -> Any:
    """What the shop's own strategy says of the product's price and availability for this shopper."""
    return strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)


def get_price_amount(info: Any) -> Decimal | None:
    """What a shopper pays for one; None where nothing says it."""
    if not info.price.exists:
        return None
    return info.price.incl_tax if info.price.is_tax_known else info.price.excl_tax


def reuse_prefetched(product: Any, found: Any) -> None:
    """Tells Oscar's product, on its own page, what is known of it since it was looked up with others."""
    known = public_child(found, product.pk).__dict__
    if known["id"] == product.pk:
        for name in ("_prefetched_objects_cache", "_prefetched_public_children", *card_columns.OPTIONS):
            if name in known:
                product.__dict__.setdefault(name, known[name])
        attach_images([product])  # one query, where Oscar's gallery asks twice


def public_child(product: Any, key: int | None) -> Any:
    """This child of a parent that was looked up; the product itself where it has none of this key."""
    children = product.get_public_children() if key is not None and product.is_parent else ()
    return next((child for child in children if child.pk == key), product)


def categories_by_id(category_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these categories by key."""
    return Category.objects.browsable().in_bulk(list(category_ids))


def public_product(product_id: int) -> Any | None:
    """The product of this key as far as a visit asks for it, a child too, if it has a page; else None. One query."""
    with_page = Product.objects.public().filter(Q(parent=None) | Q(parent__is_public=True))
    return with_page.filter(pk=product_id).only("pk", "parent").first()


def find_product(product_id: int) -> Any | None:
    """The product of this key, hidden or not; None when there is none. One query."""
    return Product.objects.filter(pk=product_id).only("pk", "parent").first()


def top_menu_categories() -> list[Any]:
    """The categories at the top of the shop's menu, in its sequence. One query."""
    rows = Category.objects.browsable().filter(depth=1, exclude_from_menu=False)
    return list(rows.order_by("path").only("path", "depth", "slug", "name"))


def category_names(limit: int) -> dict[int, str]:
    """The names of the browsable categories by key, in the sequence of the tree, so many at most."""
    return dict(Category.objects.browsable().order_by("path").values_list("pk", "name")[:limit])


def browsable_categories() -> set[int]:
    """The keys of all categories that a shopper may browse."""
    return set(Category.objects.browsable().values_list("pk", flat=True))


@dataclass(frozen=True)
class MenuCategory:
    """A category that may be named in the shop's menu."""

    category: Any
    """Oscar's own; its address costs no query."""
    ancestor_ids: frozenset[int]
    """Its key, and the keys of all categories above it."""


def menu_categories(category_ids: Collection[int], above: Collection[int]) -> dict[int, MenuCategory]:
    """Those of these categories by key that a shopper may browse, that staff did not take out of the menu or call
    sensitive, nor any category above them. One query, none for no categories. `above` are the categories above them as
    far as known; where one of them is missing, as the tree has changed, its category is left out."""
    if not category_ids:
        return {}
    kept = (
        Category.objects.browsable()
        .filter(pk__in={*category_ids, *above}, exclude_from_menu=False)
        .exclude(pk__in=SensitiveCategory.objects.values("category"))
        .only("path", "depth", "slug", "name")
    )
    by_path = {category.path: category for category in kept}
    lines = (_line(path, by_path) for path, category in by_path.items() if category.pk in category_ids)
    return {line[-1].pk: _in_menu(line) for line in lines if line}


def _line(path: str, by_path: Mapping[str, Any]) -> list[Any]:
    """The category at this path after all that lie above it; nothing when one of them is missing."""
    paths = [path[:end] for end in range(Category.steplen, len(path) + 1, Category.steplen)]
    return [by_path[path] for path in paths] if by_path.keys() >= set(paths) else []


def _in_menu(line: list[Any]) -> MenuCategory:
    """Remembers parents: Oscar, where it has forgotten a category's address, would ask for one after the other."""
    for above, category in pairwise(line):
        category._cached_parent_obj = above
    return MenuCategory(line[-1], frozenset(category.pk for category in line))


def newest_products(limit: int) -> list[int]:
    """The keys of the products that were added last."""
    rows = Product.objects.browsable().exclude(pk__in=all_sensitive_products())
    return list(rows.order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def deepest_category(product_id: int) -> Any | None:
    """The deepest browsable category that the product lies in; None where there is none."""
    lies_in = Category.objects.browsable().filter(product=product_id).order_by("-depth", "path")
    return lies_in.defer("description", "long_description").first()


def category_bestsellers(category: Any, limit: int) -> list[int]:
    """The keys of the products of a category, and of those below it: what Oscar's own analytics say is bought most
    first, then what was added last."""
    lies_there = ProductCategory.objects.filter(product=OuterRef("pk"), category__path__startswith=category.path)
    rows = Product.objects.browsable().filter(Exists(lies_there)).exclude(pk__in=all_sensitive_products())
    bought = F("stats__num_purchases").desc(nulls_last=True)
    return list(rows.order_by(bought, "-date_created", "-pk").values_list("pk", flat=True)[:limit])


def bestsellers(limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) as Oscar's own analytics count them, the most bought first."""
    records = ProductRecord.objects.filter(
        num_purchases__gt=0, product__is_public=True, product__parent__isnull=True
    ).exclude(product__in=all_sensitive_products())
    records = records.order_by("-num_purchases", "product_id")
    return list(records.values_list("product_id", "num_purchases")[:limit])


def resolve_product_ids(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
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


def not_sensitive_mask(product_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
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
