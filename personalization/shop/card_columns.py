"""What the query for cards reads of each product besides its own columns.

The subqueries are SQL templates: built by the ORM for each page, they would cost more than the cards themselves. Tables
and columns come from the models, and the keys in them are integers.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import BooleanField, CharField, F, Func, Model
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
ProductRecommendation = get_model("catalogue", "ProductRecommendation")

OPTIONS = ("has_product_class_options", "has_product_options")
"""The attributes in which Oscar's product caches whether it has options."""


PICKED, SENSITIVE = "picked", "sensitive"
"""Why a product is left out of rows: staff `picked` it, or a child of it, as a recommendation on the page of a product
that it would be shown beside; it is in a category that is flagged as sensitive now, or that lies below one now."""


def card_columns(pages: Collection[int]) -> dict[str, Combinable]:
    """Whether the product has options of its class and of its own; the name of its first image; its `exclusion` from
    rows beside these products, PICKED or SENSITIVE or ""."""
    return {**_common_columns(), **(_exclusion(pages) if pages else sensitive_column())}


@cache
def _common_columns() -> dict[str, Combinable]:
    return {
        OPTIONS[0]: _has_options(F("product_class"), ProductClass, "options"),
        OPTIONS[1]: _has_options(F("pk"), Product, "product_options"),
        "first_image": _first_image(),
    }


@cache
def sensitive_column() -> dict[str, Combinable]:
    """The `exclusion` of a product from all rows: SENSITIVE or ""."""
    return {"exclusion": _reason_column(SENSITIVE_CASE)}


@cache
def standing_sensitive_column() -> dict[str, Combinable]:
    """The `exclusion` of a product, or of the parent that stands for it, from all rows: SENSITIVE or ""."""
    return {"exclusion": _reason_column(SENSITIVE_CASE, Coalesce("parent", "pk"))}


SENSITIVE_SQL = (
    "EXISTS (SELECT 1 FROM %(flags)s JOIN %(categories)s flagged ON flagged.%(key)s = %(flag)s "
    "JOIN %(members)s ON %(product)s = %(expressions)s JOIN %(categories)s own ON own.%(key)s = %(category)s "
    "WHERE SUBSTR(own.%(path)s, 1, LENGTH(flagged.%(path)s)) = flagged.%(path)s)"
)
SENSITIVE_CASE = f"CASE WHEN {SENSITIVE_SQL} THEN '{SENSITIVE}' ELSE '' END"
PICKED_SQL = (
    "EXISTS (SELECT 1 FROM %(picks)s JOIN %(products)s picked ON picked.%(key)s = %(recommendation)s "
    "WHERE %(primary)s IN (%(pages)s) AND %(expressions)s IN (picked.%(key)s, picked.%(parent)s))"
)


def _exclusion(pages: Collection[int]) -> dict[str, Combinable]:
    template = f"CASE WHEN {PICKED_SQL} THEN '{PICKED}' WHEN {SENSITIVE_SQL} THEN '{SENSITIVE}' ELSE '' END"
    return {"exclusion": _reason_column(template, pages=", ".join(str(int(key)) for key in pages))}


def _reason_column(template: str, product: Any = None, **names: str) -> Func:
    return Func(product or F("pk"), template=template, output_field=CharField(), **_exclusion_names(), **names)


def _has_options(owner: F, model: type[Model], options: str) -> Func:
    field: Any = model._meta.get_field(options)
    names = {"table": _quote_name(field.m2m_db_table()), "owner": _quote_name(field.m2m_column_name())}
    template = "EXISTS (SELECT 1 FROM %(table)s WHERE %(table)s.%(owner)s = %(expressions)s)"
    return Func(owner, template=template, output_field=BooleanField(), **names)


def _first_image() -> Func:
    names = {name: _column_name(ProductImage, name) for name in ("original", "product", "display_order")}
    template = (
        "(SELECT %(original)s FROM %(table)s WHERE %(product)s = %(expressions)s ORDER BY %(display_order)s LIMIT 1)"
    )
    return Func(F("pk"), template=template, output_field=CharField(), table=_table_name(ProductImage), **names)


@cache
def _exclusion_names() -> dict[str, str]:
    return {
        "picks": _table_name(ProductRecommendation),
        "recommendation": _column_name(ProductRecommendation, "recommendation"),
        "primary": _column_name(ProductRecommendation, "primary"),
        "products": _table_name(Product),
        "key": _quote_name(Product._meta.get_field("id").column),
        "parent": _quote_name(Product._meta.get_field("parent").column),
        "flags": _table_name(SensitiveCategory),
        "flag": _column_name(SensitiveCategory, "category"),
        "members": _table_name(ProductCategory),
        "product": _column_name(ProductCategory, "product"),
        "category": _column_name(ProductCategory, "category"),
        "categories": _table_name(Category),
        "path": _quote_name(Category._meta.get_field("path").column),
    }


def _column_name(model: type[Model], field: str) -> str:
    column: Any = model._meta.get_field(field)
    return f"{_table_name(model)}.{_quote_name(column.column)}"


def _table_name(model: type[Model]) -> str:
    return _quote_name(model._meta.db_table)


def _quote_name(name: str) -> str:
    return connection.ops.quote_name(name)
