"""Reads the shop's catalogue. All SQL over Oscar's product and category tables is here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from math import isfinite
from operator import or_
from typing import Any

import numpy as np
from django.db.models import (
    Case,
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    When,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory
from personalization.models.epoch import Epoch
from personalization.shop import card_columns
from personalization.shop.category_labels import categories_to_label, label_categories
from personalization.shop.product_stock import attach_stock
from personalization.shop.types import OscarProduct, PurchaseInfo, Strategy

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")
ProductRecord = get_model("analytics", "ProductRecord")

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
    return table["f0"], np.where(np.isfinite(table["f1"]), table["f1"], 0)


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
    products = [
        product
        for product in rows.annotate(**card_columns.card_columns(beside))
        if product.exclusion != card_columns.PICKED
    ]
    _attach_stock(products)
    return {product.pk: product for product in products}


def image_url(name: str) -> str:
    """The address of an image of this name."""
    url: str = ProductImage._meta.get_field("original").storage.url(name)
    return url


def attach_images(products: Collection[Any]) -> None:
    """Reads the images of these products, where that was not done yet, in one query."""
    prefetch_related_objects(list(products), "images")


def products_for_availability(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with what price and availability need and their `exclusion` from
    rows, in two queries."""
    rows = Product.objects.browsable().filter(pk__in=list(product_ids)).select_related("product_class")
    rows = rows.annotate(**card_columns.sensitive_column())
    products = list(rows.defer("description"))
    _attach_stock(products)
    return {product.pk: product for product in products}


def _attach_stock(products: list[Any]) -> None:
    """Reads the stock records of these products and, where there are parents, their public children with theirs."""
    attach_stock(products)
    if parents := [product for product in products if product.is_parent]:
        public = Prefetch("children", queryset=Product.objects.public(), to_attr="_prefetched_public_children")
        prefetch_related_objects(parents, public)
        attach_stock([child for parent in parents for child in parent._prefetched_public_children])


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
    buyable = info.availability.is_available_to_buy and get_price_amount(info) is not None
    return Offer(product, info) if buyable else None


def purchase_info(product: OscarProduct, strategy: Strategy) -> PurchaseInfo:
    """The product's price and availability for this shopper by the shop's own strategy."""
    return strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)


def get_price_amount(info: PurchaseInfo) -> Decimal | None:
    """What a shopper pays for one, with tax where it is known; None without a price that is a number."""
    price = info.price
    amount = None if not price.exists else price.incl_tax if price.is_tax_known else price.excl_tax
    return None if amount is None or not isfinite(amount) else amount


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
    """The browsable ones among these categories by key, each with its `label`."""
    categories: dict[int, Any] = categories_to_label().in_bulk(list(category_ids))
    label_categories(categories.values())
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


def browsable_categories() -> set[int]:
    """The keys of all categories that a shopper may browse."""
    return set(Category.objects.browsable().values_list("pk", flat=True))


@dataclass(frozen=True)
class MenuCategory:
    """A category that may be in the shop's menu."""

    category: Any
    """Oscar's category, with its `label`; its address costs no query."""
    ancestor_ids: frozenset[int]
    """The keys of the category and of all its ancestors."""


def menu_categories(category_ids: Collection[int], above: Collection[int]) -> dict[int, MenuCategory]:
    """Those of these categories by key that may be in the menu: they and all their ancestors are browsable, and staff
    neither excluded them from the menu nor flagged them as sensitive. One query, none for no categories, three where
    several have one name.

    `above` are the ancestors by the snapshot; a category with others, since the tree has changed, is left out.
    """
    if not category_ids:
        return {}
    allowed = (
        categories_to_label()
        .filter(pk__in={*category_ids, *above}, exclude_from_menu=False)
        .exclude(pk__in=SensitiveCategory.objects.values("category"))
        .only("path", "depth", "slug", "name")
    )
    by_path = {category.path: category for category in allowed}
    branches = (_branch(path, by_path) for path, category in by_path.items() if category.pk in category_ids)
    menu = {branch[-1].pk: _menu_category(branch) for branch in branches if branch}
    label_categories(entry.category for entry in menu.values())
    return menu


def _branch(path: str, by_path: Mapping[str, Any]) -> list[Any]:
    """The ancestors of the category at this path, then itself; empty when one of them is missing."""
    paths = [path[:end] for end in range(Category.steplen, len(path) + 1, Category.steplen)]
    return [by_path[path] for path in paths] if by_path.keys() >= set(paths) else []


def _menu_category(branch: list[Any]) -> MenuCategory:
    for parent, category in pairwise(branch):
        category._cached_parent_obj = parent  # else Oscar queries one parent after the other for the address
    return MenuCategory(branch[-1], frozenset(category.pk for category in branch))


def newest_products(limit: int, until: float) -> list[int]:
    """The keys of the newest products, newest first, without sensitive ones and without those that were created after a
    moment (seconds since 1970)."""
    rows = Product.objects.browsable().filter(date_created__lte=datetime.fromtimestamp(until, UTC))
    rows = rows.exclude(pk__in=all_sensitive_products())
    return list(rows.order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def deepest_category(product_id: int) -> Any | None:
    """The deepest browsable category of the product, with its `label`; None where there is none."""
    rows = categories_to_label().filter(product=product_id).order_by("-depth", "path")
    category = rows.defer("description", "long_description").first()
    label_categories([category] if category else [])
    return category


def category_bestsellers(category: Any, limit: int, until: float) -> list[tuple[int, int]]:
    """(product key, purchases) of a category and of those below it, without sensitive ones: first the most bought by
    Oscar's own analytics, a child's purchases being its parent's, then the newest. What was created after the moment
    `until` (seconds since 1970) is last: its date says nothing."""
    is_member = ProductCategory.objects.filter(product=OuterRef("pk"), category__path__startswith=category.path)
    rows = Product.objects.browsable().filter(Exists(is_member)).exclude(pk__in=all_sensitive_products())
    children = ProductRecord.objects.filter(product__parent=OuterRef("pk")).order_by().values("product__parent")
    bought_as_child = Subquery(children.annotate(total=Sum("num_purchases")).values("total"))
    created = Case(When(date_created__lte=datetime.fromtimestamp(until, UTC), then=F("date_created")))
    rows = rows.annotate(bought=Coalesce(F("stats__num_purchases"), 0) + Coalesce(bought_as_child, 0), created=created)
    newest = F("created").desc(nulls_last=True)
    return list(rows.order_by("-bought", newest, "-pk").values_list("pk", "bought")[:limit])


def bestsellers(limit: int) -> list[tuple[int, int]]:
    """(product key, purchases) by Oscar's own analytics, the most bought first, without sensitive ones; a child counts
    as its parent."""
    has_page = Q(product__parent=None, product__is_public=True) | Q(product__parent__is_public=True)
    records = ProductRecord.objects.filter(has_page, num_purchases__gt=0).order_by()
    counted = records.annotate(folded=Coalesce("product__parent_id", "product_id")).values_list("folded")
    counted = counted.annotate(purchases=Sum("num_purchases")).exclude(folded__in=all_sensitive_products())
    return list(counted.order_by("-purchases", "folded")[:limit])


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
    """The keys of all products in a sensitive category. One query while no category is flagged, two else."""
    flagged = _flagged_paths()
    if not flagged:
        return set()
    return set(Product.objects.filter(_below("categories__path", flagged)).values_list("pk", flat=True))


def sensitive_products(product_ids: Iterable[int]) -> set[int]:
    """Those of these products that are in a sensitive category, or whose parent is. One query while no category is
    flagged, two else."""
    keys = list(product_ids)
    flagged = _flagged_paths() if keys else []
    if not flagged:
        return set()
    is_sensitive = _below("categories__path", flagged) | _below("parent__categories__path", flagged)
    return set(Product.objects.filter(is_sensitive, pk__in=keys).order_by().values_list("pk", flat=True))


def _flagged_paths() -> list[str]:
    return list(SensitiveCategory.objects.values_list("category__path", flat=True))


def _below(column: str, paths: Iterable[str]) -> Q:
    return reduce(or_, (Q(**{f"{column}__startswith": path}) for path in paths))
