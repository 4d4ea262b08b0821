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
from django.db.models import Exists, F, Min, OuterRef, Prefetch, Q, prefetch_related_objects
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory
from personalization.models.epoch import Epoch
from personalization.shop import card_columns
from personalization.shop.types import OscarProduct, PurchaseInfo, Strategy

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductRecord = get_model("analytics", "ProductRecord")
StockRecord = get_model("partner", "StockRecord")

MAX_TEXT_LENGTH = 2_000
"""A longer description or attribute value is cut: bounds the memory of a training run."""
HTML_TAG = re.compile("<[^<>]*>")
ID_COLUMNS = {"id": "pk", "upc": "upc", "sku": "stockrecords__partner_sku"}
"""What can identify a product, with its column."""


@dataclass(frozen=True)
class CategoryMemberships:
    """The products of each category and of those below it: one entry for each pair, categories in tree order."""

    category: NDArray[np.int64]
    """The category's primary key."""
    product: NDArray[np.int64]
    """The product's primary key."""
    depth: dict[int, int]
    """The depth of each category in the tree; 1 is the top."""
    parent: dict[int, int] = field(default_factory=dict)
    """The parent of each category below the top."""

    def ancestors_and_self(self, category: int) -> list[int]:
        """The categories above one, the topmost first, then itself."""
        trail = [category]
        while trail[0] in self.parent:
            trail.insert(0, self.parent[trail[0]])
        return trail


def browsable_products() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(keys of all browsable products, ascending; when they were created, in seconds since 1970)"""
    rows = Product.objects.browsable().order_by("pk").values_list("pk", Epoch(F("date_created")))
    table = np.fromiter(rows.iterator(chunk_size=20_000), np.dtype("i8,f8"))
    return table["f0"], table["f1"]


def category_memberships(product_ids: Iterable[int] | None = None) -> CategoryMemberships:
    """The browsable categories of these products (or of all), with all their ancestors."""
    tree = list(Category.objects.browsable().order_by("path").values_list("path", "pk", "depth"))
    step = Category.steplen
    by_path = {path: pk for path, pk, _ in tree}
    ancestor_ids = {
        pk: [by_path[path[:end]] for end in range(step, len(path) + 1, step) if path[:end] in by_path]
        for path, pk, _ in tree
    }
    rows = ProductCategory.objects.order_by("product_id", "category_id")
    if product_ids is not None:
        rows = rows.filter(product_id__in=list(product_ids))
    pairs = {
        (category, product)
        for product, leaf in rows.values_list("product_id", "category_id").iterator(chunk_size=20_000)
        for category in ancestor_ids.get(leaf, ())
    }
    table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    parent = {pk: ids[-2] for pk, ids in ancestor_ids.items() if len(ids) > 1}
    return CategoryMemberships(table[:, 0], table[:, 1], {pk: depth for _, pk, depth in tree}, parent)


def product_prices() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(keys of products, ascending; the lowest price of each or of its public children, in the shop's own currency)"""
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
    """(keys of products, ascending; the deepest category of each, the first in the tree among equals)"""
    positions = {category: position for position, category in enumerate(members.depth)}
    depth = np.array([members.depth[category] for category in members.category.tolist()], np.int64)
    position = np.array([positions[category] for category in members.category.tolist()], np.int64)
    rows = np.lexsort((position, -depth, members.product))
    product, first = np.unique(members.product[rows], return_index=True)
    return product, members.category[rows][first]


def product_titles() -> dict[int, str]:
    """The titles of all browsable products by key."""
    return dict(Product.objects.browsable().values_list("pk", "title"))


def category_names_by_id() -> dict[int, str]:
    """The names of all categories by key, in the shop's own language."""
    return dict(Category.objects.values_list("pk", "name"))


def product_texts() -> Iterator[tuple[int, str]]:
    """(product key, text) of all browsable products: title and description, then an entry for each attribute value
    that is text, rich text or an option. Numbers, dates and booleans mean nothing without their attribute."""
    titles = Product.objects.browsable().order_by("pk").values_list("pk", "title", "description")
    values = (
        ProductAttributeValue.objects.filter(product__parent__isnull=True, product__is_public=True)
        .order_by("product_id", "attribute_id", "value_multi_option__pk")
        .values_list("product_id", "value_text", "value_richtext", "value_option__option", "value_multi_option__option")
    )
    for rows in (titles, values):
        for key, *texts in rows.iterator(chunk_size=2_000):
            yield key, _plain_text(" ".join(filter(None, texts)))


def _plain_text(markup: str) -> str:
    return html.unescape(HTML_TAG.sub(" ", markup))[:MAX_TEXT_LENGTH]


def products_with_stock(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with all that Oscar's card needs: three queries, and two more
    where there are parent products, for their children and the children's stock records."""
    products = products_for_cards(product_ids)
    attach_images(products.values())
    return products


def products_for_cards(product_ids: Iterable[int], beside: Collection[int] = ()) -> dict[int, Any]:
    """The browsable ones among these products by key, with all that Oscar's card needs but images, in two queries; each
    has the name of its `first_image`, or None. What staff recommend on the pages of the products `beside` which these
    are shown is left out: Oscar shows it there."""
    rows = Product.objects.browsable().filter(pk__in=list(product_ids)).select_related("product_class")
    products = [product for product in rows.annotate(**card_columns.card_columns(beside)) if not product.picked]
    _prefetch_stock(products)
    _prefetch_children(products)
    return {product.pk: product for product in products}


def image_url(name: str) -> str:
    """The address of an image of this name."""
    url: str = ProductImage._meta.get_field("original").storage.url(name)
    return url


def attach_images(products: Collection[Any]) -> None:
    """Reads the images of these products, where that was not done yet, in one query."""
    prefetch_related_objects(list(products), "images")


def products_for_availability(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with what price and availability need, in two queries."""
    rows = Product.objects.browsable().filter(pk__in=list(product_ids)).select_related("product_class")
    products = list(rows.defer("description").prefetch_related("stockrecords"))
    _prefetch_children(products)
    return {product.pk: product for product in products}


def _prefetch_stock(products: list[Any]) -> None:
    """Does what prefetch_related("stockrecords") does, in two thirds of the time: it sets Django's private caches."""
    records: dict[int, list[Any]] = {product.pk: [] for product in products}
    for record in StockRecord.objects.filter(product__in=list(records)):
        records[record.product_id].append(record)
    for product in products:
        rows = product.stockrecords.get_queryset()
        rows._result_cache, rows._prefetch_done = records[product.pk], True
        product._prefetched_objects_cache = {"stockrecords": rows}


def _prefetch_children(products: list[Any]) -> None:
    parents = [product for product in products if product.is_parent]
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
    info: PurchaseInfo
    """Its price and availability by the shop's own strategy."""


def get_offer(product: OscarProduct, strategy: Strategy) -> Offer | None:
    """The product with its price and availability; None when this shopper cannot buy it now."""
    info = purchase_info(product, strategy)
    return Offer(product, info) if info.price.exists and info.availability.is_available_to_buy else None


def purchase_info(product: OscarProduct, strategy: Strategy) -> PurchaseInfo:
    """The product's price and availability for this shopper by the shop's own strategy."""
    return strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)


def get_price_amount(info: PurchaseInfo) -> Decimal | None:
    """What a shopper pays for one, with tax where it is known; None where there is no price."""
    if not info.price.exists:
        return None
    return info.price.incl_tax if info.price.is_tax_known else info.price.excl_tax


def reuse_prefetched(product: Any, prefetched: Any) -> None:
    """Gives Oscar's product, on its own page, the private caches of the same product that was read with others."""
    caches = public_child(prefetched, product.pk).__dict__
    if caches["id"] == product.pk:
        for name in ("_prefetched_objects_cache", "_prefetched_public_children", *card_columns.OPTIONS):
            if name in caches:
                product.__dict__.setdefault(name, caches[name])
        attach_images([product])  # one query, where Oscar's gallery asks twice


def public_child(product: Any, key: int | None) -> Any:
    """The child of this key of a parent that was read with its children; the product itself where there is none."""
    children = product.get_public_children() if key is not None and product.is_parent else ()
    return next((child for child in children if child.pk == key), product)


def categories_by_id(category_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these categories by key."""
    categories: dict[int, Any] = Category.objects.browsable().in_bulk(list(category_ids))
    return categories


def public_product(product_id: int) -> Any | None:
    """The product of this key, which may be a child, with what a visit needs; None if it has no page. One query."""
    with_page = Product.objects.public().filter(Q(parent=None) | Q(parent__is_public=True))
    return with_page.filter(pk=product_id).only("pk", "parent").first()


def find_product(product_id: int) -> Any | None:
    """The product of this key, hidden or not; None when there is none. One query."""
    return Product.objects.filter(pk=product_id).only("pk", "parent").first()


def top_menu_categories() -> list[Any]:
    """The top categories of the shop's menu, in its order. One query."""
    rows = Category.objects.browsable().filter(depth=1, exclude_from_menu=False)
    return list(rows.order_by("path").only("path", "depth", "slug", "name"))


def category_names(limit: int) -> dict[int, str]:
    """The names of the first browsable categories by key, in tree order."""
    return dict(Category.objects.browsable().order_by("path").values_list("pk", "name")[:limit])


def browsable_categories() -> set[int]:
    """The keys of all categories that a shopper may browse."""
    return set(Category.objects.browsable().values_list("pk", flat=True))


@dataclass(frozen=True)
class MenuCategory:
    """A category that may be in the shop's menu."""

    category: Any
    """Oscar's category; its address costs no query."""
    ancestor_ids: frozenset[int]
    """The keys of the category and of all its ancestors."""


def menu_categories(category_ids: Collection[int], above: Collection[int]) -> dict[int, MenuCategory]:
    """Those of these categories by key that may be in the menu: they and all their ancestors are browsable, and staff
    neither excluded them from the menu nor flagged them as sensitive. One query, none for no categories.

    `above` are the ancestors by the snapshot; a category with others, since the tree has changed, is left out.
    """
    if not category_ids:
        return {}
    allowed = (
        Category.objects.browsable()
        .filter(pk__in={*category_ids, *above}, exclude_from_menu=False)
        .exclude(pk__in=SensitiveCategory.objects.values("category"))
        .only("path", "depth", "slug", "name")
    )
    by_path = {category.path: category for category in allowed}
    branches = (_branch(path, by_path) for path, category in by_path.items() if category.pk in category_ids)
    return {branch[-1].pk: _menu_category(branch) for branch in branches if branch}


def _branch(path: str, by_path: Mapping[str, Any]) -> list[Any]:
    """The ancestors of the category at this path, then itself; empty when one of them is missing."""
    paths = [path[:end] for end in range(Category.steplen, len(path) + 1, Category.steplen)]
    return [by_path[path] for path in paths] if by_path.keys() >= set(paths) else []


def _menu_category(branch: list[Any]) -> MenuCategory:
    for parent, category in pairwise(branch):
        category._cached_parent_obj = parent  # else Oscar queries one parent after the other for the address
    return MenuCategory(branch[-1], frozenset(category.pk for category in branch))


def newest_products(limit: int) -> list[int]:
    """The keys of the newest products, newest first, without sensitive ones."""
    rows = Product.objects.browsable().exclude(pk__in=all_sensitive_products())
    return list(rows.order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def deepest_category(product_id: int) -> Any | None:
    """The deepest browsable category of the product; None where there is none."""
    rows = Category.objects.browsable().filter(product=product_id).order_by("-depth", "path")
    return rows.defer("description", "long_description").first()


def category_bestsellers(category: Any, limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) of a category and of those below it, without sensitive ones: first the most bought by
    Oscar's own analytics, then the newest."""
    is_member = ProductCategory.objects.filter(product=OuterRef("pk"), category__path__startswith=category.path)
    rows = Product.objects.browsable().filter(Exists(is_member)).exclude(pk__in=all_sensitive_products())
    most_bought = F("stats__num_purchases").desc(nulls_last=True)
    rows = rows.order_by(most_bought, "-date_created", "-pk").values_list("pk", "stats__num_purchases")
    return [(key, times or 0) for key, times in rows[:limit]]


def bestsellers(limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) by Oscar's own analytics, the most bought first, without sensitive ones."""
    records = ProductRecord.objects.filter(
        num_purchases__gt=0, product__is_public=True, product__parent__isnull=True
    ).exclude(product__in=all_sensitive_products())
    records = records.order_by("-num_purchases", "product_id")
    return list(records.values_list("product_id", "num_purchases")[:limit])


def resolve_product_ids(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The browsable products of these pairs of the type of a key ("id", "upc" or "sku") and a key; for a public child
    its parent. Unknown and hidden products are left out. One query, none for no keys."""
    by_type = {key_type: {key for other, key in keys if other == key_type} for key_type in ID_COLUMNS}
    by_type["id"] = {key for key in by_type["id"] if key.isascii() and key.isdigit() and len(key) <= 18}
    columns = {key_type: column for key_type, column in ID_COLUMNS.items() if by_type[key_type]}
    if not columns:
        return {}
    matching = [Q(**{f"{column}__in": by_type[key_type]}) for key_type, column in columns.items()]
    rows = (
        Product.objects.public()
        .filter(reduce(or_, matching), Q(parent=None) | Q(parent__is_public=True))
        .order_by("-pk")  # of two products with one SKU the older one wins
        .values_list("pk", "parent_id", *columns.values())
    )
    found = {}
    for pk, parent, *values in rows:
        for key_type, value in zip(columns, values, strict=True):
            found[key_type, str(value)] = parent or pk
    return {pair: product for pair, product in found.items() if pair[1] in by_type[pair[0]]}


def sensitive_categories() -> set[int]:
    """The keys of all categories that staff flagged as sensitive, with their descendants."""
    flagged = _flagged_paths()
    if not flagged:
        return set()
    return set(Category.objects.filter(_below("path", flagged)).values_list("pk", flat=True))


def not_sensitive_mask(product_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these products are not in a sensitive category, as a mask."""
    sensitive = all_sensitive_products()
    return ~np.isin(product_ids, sorted(sensitive)) if sensitive else np.ones(len(product_ids), bool)


def all_sensitive_products() -> set[int]:
    """The keys of all products in a sensitive category. One query while no category is flagged, three else."""
    flagged = _flagged_paths()
    if not flagged:
        return set()
    return set(Product.objects.filter(_below("categories__path", flagged)).values_list("pk", flat=True))


def sensitive_products(product_ids: Iterable[int]) -> set[int]:
    """Those of these products that are in a sensitive category, or whose parent is. One query while no category is
    flagged, three else."""
    keys = list(product_ids)
    flagged = _flagged_paths() if keys else []
    if not flagged:
        return set()
    is_sensitive = _below("categories__path", flagged) | _below("parent__categories__path", flagged)
    return set(Product.objects.filter(is_sensitive, pk__in=keys).order_by().values_list("pk", flat=True))


def _flagged_paths() -> list[str]:
    flagged = list(SensitiveCategory.objects.values_list("category_id", flat=True))
    return list(Category.objects.filter(pk__in=flagged).values_list("path", flat=True)) if flagged else []


def _below(column: str, paths: Iterable[str]) -> Q:
    return reduce(or_, (Q(**{f"{column}__startswith": path}) for path in paths))
