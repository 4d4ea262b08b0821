"""What the query for cards asks of each product besides its own columns.

The subqueries are written out: put together anew for each page, they would cost more than the cards themselves. They
name tables and columns of the models only; the keys in them are numbers.
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
"""What Oscar's product asks itself before it asks the database whether it has options."""


def card_columns(pages: Collection[int]) -> dict[str, Combinable]:
    """Whether the product has options of its class and of its own; the name of its first image; whether staff `picked`
    it, or a child of it, for one of these pages of products."""
    return {**_of_every_product(), "picked": _picked(pages) if pages else Value(False)}


@cache
def _of_every_product() -> dict[str, Combinable]:
    return {
        OPTIONS[0]: _there_is(F("product_class"), ProductClass, "options"),
        OPTIONS[1]: _there_is(F("pk"), Product, "product_options"),
        "first_image": _first_image(),
    }


def _there_is(owner: F, model: type[Model], options: str) -> Func:
    """Whether the class, or the product, has an option."""
    field: Any = model._meta.get_field(options)
    names = {"table": _quoted(field.m2m_db_table()), "owner": _quoted(field.m2m_column_name())}
    template = "EXISTS (SELECT 1 FROM %(table)s WHERE %(table)s.%(owner)s = %(expressions)s)"
    return Func(owner, template=template, output_field=BooleanField(), **names)


def _first_image() -> Func:
    names = {name: _column(ProductImage, name) for name in ("original", "product", "display_order")}
    template = (
        "(SELECT %(original)s FROM %(table)s WHERE %(product)s = %(expressions)s ORDER BY %(display_order)s LIMIT 1)"
    )
    return Func(F("pk"), template=template, output_field=CharField(), table=_table(ProductImage), **names)


def _picked(pages: Collection[int]) -> Func:
    template = (
        "EXISTS (SELECT 1 FROM %(table)s JOIN %(products)s picked ON picked.%(key)s = %(recommendation)s "
        "WHERE %(primary)s IN (%(pages)s) AND %(expressions)s IN (picked.%(key)s, picked.%(parent)s))"
    )
    return Func(F("pk"), template=template, output_field=BooleanField(), pages=_numbers(pages), **_of_picks())


@cache
def _of_picks() -> dict[str, str]:
    names = {name: _column(ProductRecommendation, name) for name in ("recommendation", "primary")}
    key, parent = (_quoted(Product._meta.get_field(name).column) for name in ("id", "parent"))
    return {"table": _table(ProductRecommendation), "products": _table(Product), "key": key, "parent": parent, **names}


def _numbers(keys: Collection[int]) -> str:
    return ", ".join(str(int(key)) for key in keys)


def _column(model: type[Model], field: str) -> str:
    column: Any = model._meta.get_field(field)
    return f"{_table(model)}.{_quoted(column.column)}"


def _table(model: type[Model]) -> str:
    return _quoted(model._meta.db_table)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
