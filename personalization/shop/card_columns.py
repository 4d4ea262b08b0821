"""What the query for cards reads of each product besides its own columns.

The subqueries are SQL templates: built by the ORM for each page, they would cost more than the cards themselves. Tables
and columns come from the models, and the keys in them are integers.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import BooleanField, CharField, F, Func, Model, Value
from django.db.models.expressions import Combinable
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
ProductRecommendation = get_model("catalogue", "ProductRecommendation")

OPTIONS = ("has_product_class_options", "has_product_options")
"""The attributes in which Oscar's product caches whether it has options."""


def card_columns(pages: Collection[int]) -> dict[str, Combinable]:
    """Whether the product has options of its class and of its own; the name of its first image; whether staff `picked`
    it, or a child of it, as a recommendation on one of these products' pages."""
    return {**_common_columns(), "picked": _is_picked(pages) if pages else Value(False)}


@cache
def _common_columns() -> dict[str, Combinable]:
    return {
        OPTIONS[0]: _has_options(F("product_class"), ProductClass, "options"),
        OPTIONS[1]: _has_options(F("pk"), Product, "product_options"),
        "first_image": _first_image(),
    }


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


def _is_picked(pages: Collection[int]) -> Func:
    template = (
        "EXISTS (SELECT 1 FROM %(table)s JOIN %(products)s picked ON picked.%(key)s = %(recommendation)s "
        "WHERE %(primary)s IN (%(pages)s) AND %(expressions)s IN (picked.%(key)s, picked.%(parent)s))"
    )
    return Func(
        F("pk"),
        template=template,
        output_field=BooleanField(),
        pages=", ".join(str(int(key)) for key in pages),
        **_pick_names(),
    )


@cache
def _pick_names() -> dict[str, str]:
    names = {name: _column_name(ProductRecommendation, name) for name in ("recommendation", "primary")}
    key, parent = (_quote_name(Product._meta.get_field(name).column) for name in ("id", "parent"))
    return {
        "table": _table_name(ProductRecommendation),
        "products": _table_name(Product),
        "key": key,
        "parent": parent,
        **names,
    }


def _column_name(model: type[Model], field: str) -> str:
    column: Any = model._meta.get_field(field)
    return f"{_table_name(model)}.{_quote_name(column.column)}"


def _table_name(model: type[Model]) -> str:
    return _quote_name(model._meta.db_table)


def _quote_name(name: str) -> str:
    return connection.ops.quote_name(name)
