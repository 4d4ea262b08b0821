"""Which products a merchant means: those of a Range, a category, a class, an attribute, a partner, a price and so on.

A child stands for its parent, as on every list of the shop. Prices are those of the stock records in the shop's own
currency, before the strategy adds a tax.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.core.exceptions import FieldError
from django.db.models import F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.timezone import now
from numpy.typing import NDArray
from oscar.core.loading import get_model

Category = get_model("catalogue", "Category")
ConditionalOffer = get_model("offer", "ConditionalOffer")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
Range = get_model("offer", "Range")

Ids = NDArray[np.int64]
Limits = tuple[float | None, float | None] | list[float | None]


def public_parents(product_ids: Iterable[int]) -> dict[int, int]:
    """{product: the public product that stands for it, a child's parent} of those that exist and may be seen."""
    rows = Product.objects.filter(pk__in=list(product_ids)).values_list(
        "pk", "parent_id", "is_public", "parent__is_public"
    )
    return {key: parent or key for key, parent, public, parent_public in rows if (parent_public if parent else public)}


def products_of_range(range_id: int) -> Ids | None:
    """The products of a Range; None when there is none of this key."""
    found = Range._default_manager.filter(pk=range_id).first()
    return None if found is None else _ids(found.all_products())


def products_of_category(category_id: int, *, below: bool = True) -> Ids | None:
    """The products of a category, with those of all categories below it where they are meant; None when it is gone."""
    named = Category._default_manager.filter(pk=category_id)
    meant = Category._default_manager.filter(path__startswith=named.values("path")[:1]) if below else named
    members = ProductCategory.objects.filter(category__in=meant).values("product_id")
    found = _ids(Product.objects.filter(pk__in=members))
    return found if len(found) or named.exists() else None


def category_paths() -> dict[int, str]:
    """Where each category stands in the tree."""
    return dict(Category._default_manager.values_list("pk", "path"))


def categories_below(category_ids: Iterable[int], paths: Mapping[int, str]) -> dict[int, set[int]]:
    """{category: itself and all below it} of those that exist. Parameters: `paths`, of `category_paths`."""
    wanted = {key: paths[key] for key in category_ids if key in paths}
    return {
        key: {other for other, other_path in paths.items() if other_path.startswith(path)}
        for key, path in wanted.items()
    }


def products_of_class(class_id: int) -> Ids | None:
    """The products of a product class; None when it is gone."""
    if not ProductClass._default_manager.filter(pk=class_id).exists():
        return None
    return _ids(Product.objects.filter(product_class_id=class_id))


def products_of_partner(partner_id: int) -> Ids | None:
    """The products that a partner stocks; None when it is gone."""
    if not Partner._default_manager.filter(pk=partner_id).exists():
        return None
    return _ids(Product.objects.filter(stockrecords__partner_id=partner_id))


def products_with_attribute(code: str, comparison: str, value: object) -> Ids | None:
    """The products whose attribute of this code "is", is "at_least" or "at_most" this value; None when there is no
    attribute of this code. Texts and options are compared without regard to case."""
    kinds = set(ProductAttribute._default_manager.filter(code=code).values_list("type", flat=True))
    if not kinds:
        return None
    meant = ProductAttributeValue._default_manager.filter(attribute__code=code)
    question = Q(pk__in=())
    for kind in kinds:
        question |= _attribute_question(kind, comparison, value)
    return _ids(Product.objects.filter(pk__in=meant.filter(question).values("product_id")))


def products_on_offer() -> Ids:
    """The products that a site offer in force takes something off."""
    offers = ConditionalOffer._default_manager.filter(
        Q(end_datetime__gte=now()) | Q(end_datetime=None),
        Q(start_datetime__lte=now()) | Q(start_datetime=None),
        status=ConditionalOffer.OPEN,
        offer_type=ConditionalOffer.SITE,
    ).select_related("benefit__range", "condition__range")
    ranges = {one.benefit.range or one.condition.range for one in offers} - {None}
    found = [_ids(one.all_products()) for one in ranges]
    return np.unique(np.concatenate([np.empty(0, np.int64), *found]))


def products_in_price(limits: Limits) -> Ids:
    """The products whose lowest price lies within the limits, both included."""
    return _within(_priced().values_list("key", "price"), limits)


def products_in_stock(limits: Limits) -> Ids:
    """The products of which so many can be sold, over all partners and children."""
    free = Coalesce(F("stockrecords__num_in_stock"), 0) - Coalesce(F("stockrecords__num_allocated"), 0)
    rows = Product.objects.annotate(key=_parent_or_self()).values("key").annotate(free=Sum(free))
    return _within(rows.values_list("key", "free"), limits)


def stock_levels() -> list[tuple[int, float]]:
    """(product, how many can be sold over all partners and children) of those whose stock is counted."""
    free = F("stockrecords__num_in_stock") - Coalesce(F("stockrecords__num_allocated"), 0)
    rows = Product.objects.annotate(key=_parent_or_self()).values("key").annotate(free=Sum(free))
    return [(key, float(number)) for key, number in rows.values_list("key", "free") if number is not None]


def creation_times() -> list[tuple[int, float]]:
    """(product, when it was put into the catalogue, in seconds since 1970), without children."""
    rows = Product.objects.filter(parent=None).values_list("pk", "date_created")
    return [(key, created.timestamp()) for key, created in rows]


def newest_products(limit: int) -> list[int]:
    """The public products that were put into the catalogue last, newest first, without children."""
    rows = Product.objects.filter(parent=None, is_public=True, date_created__lte=now())
    return list(rows.order_by("-date_created", "-pk").values_list("pk", flat=True)[:limit])


def created_between(since: datetime, until: datetime, limit: int) -> dict[int, datetime]:
    """{product: when} of the public products that were put into the catalogue between two moments, without children."""
    rows = Product.objects.filter(parent=None, is_public=True, date_created__gte=since, date_created__lte=until)
    return dict(rows.order_by("-date_created", "-pk").values_list("pk", "date_created")[:limit])


def count_public_products() -> int:
    """How many public products there are, without children."""
    return int(Product.objects.filter(parent=None, is_public=True).count())


def products_newer_than(days: int) -> Ids:
    """The products that were put into the catalogue within so many days."""
    return _ids(Product.objects.filter(date_created__gte=now() - timedelta(days=days)))


def products_rated(stars: float) -> Ids:
    """The products that customers gave at least so many stars on average."""
    return _ids(Product.objects.filter(rating__gte=stars))


def all_prices() -> Mapping[int, float]:
    """The lowest price of each product that has one in the shop's own currency."""
    return {key: float(price) for key, price in _priced().values_list("key", "price") if price is not None}


def product_categories() -> list[tuple[int, int]]:
    """(product, category) for each product and each of its own categories."""
    return list(ProductCategory.objects.values_list("product_id", "category_id"))


def product_classes() -> list[tuple[int, int]]:
    """(product, class) for each product that has a class of its own."""
    rows = Product.objects.exclude(product_class=None)
    return list(rows.values_list("pk", "product_class_id"))


def attribute_values(code: str) -> list[tuple[int, str]]:
    """(product, value as a text) for each product with an attribute of this code; a child's counts for its parent."""
    rows = ProductAttributeValue._default_manager.filter(attribute__code=code).select_related(
        "attribute", "value_option", "product"
    )
    return [(row.product.parent_id or row.product_id, str(row.value).casefold()) for row in rows]


def _priced() -> QuerySet[Any, Any]:
    rows = Product.objects.filter(stockrecords__price_currency=settings.OSCAR_DEFAULT_CURRENCY)
    priced: QuerySet[Any, Any] = (
        rows.annotate(key=_parent_or_self()).values("key").annotate(price=Min("stockrecords__price"))
    )
    return priced


def _parent_or_self() -> Any:
    return Coalesce("parent_id", "pk")


def _ids(products: QuerySet[Any]) -> Ids:
    """The keys of these products, or of their parents, ascending."""
    rows = products.order_by().annotate(key=_parent_or_self()).values_list("key", flat=True)
    return np.unique(np.fromiter(rows.iterator(chunk_size=20_000), np.int64))


def _within(rows: Iterable[tuple[int, Any]], limits: Limits) -> Ids:
    low, high = limits
    found = [
        key
        for key, number in rows
        if number is not None and (low is None or number >= low) and (high is None or number <= high)
    ]
    return np.unique(np.array(found, np.int64))


def _attribute_question(kind: str, comparison: str, value: object) -> Q:
    """What is asked of an attribute value of this kind; nothing matches where the value cannot be of the kind."""
    suffix = {"at_least": "__gte", "at_most": "__lte"}.get(comparison, "")
    try:
        if kind in ("integer", "float"):
            return Q(**{f"value_{kind}{suffix}": float(str(value))})
        if kind == "boolean" and not suffix:
            return Q(value_boolean=str(value).lower() in ("true", "1", "yes"))
        if kind == "option" and not suffix:
            return Q(value_option__option__iexact=str(value))
        if kind == "multi_option" and not suffix:
            return Q(value_multi_option__option__iexact=str(value))
        if kind == "text" and not suffix:
            return Q(value_text__iexact=str(value))
    except (ValueError, FieldError):
        pass
    return Q(pk__in=())


def offer_ends(range_ids: Collection[int]) -> list[tuple[str, str, datetime]]:
    """(name of the Range, name of the offer, its end) of the last offer of each of these Ranges that has an end, unless
    another offer of the Range goes on without one."""
    rows = ConditionalOffer._default_manager.filter(
        Q(benefit__range__in=range_ids) | Q(condition__range__in=range_ids), status=ConditionalOffer.OPEN
    ).select_related("benefit__range", "condition__range")
    last: dict[Any, Any] = {}
    for one in rows:
        for named in {one.benefit.range, one.condition.range} - {None}:
            if named.pk in range_ids:
                known = last.get(named)
                is_later = (
                    known is None
                    or one.end_datetime is None
                    or (known.end_datetime is not None and one.end_datetime > known.end_datetime)
                )
                if is_later:
                    last[named] = one
    return [(named.name, one.name, one.end_datetime) for named, one in last.items() if one.end_datetime is not None]
