"""Reads in which sizes products are sold, and in which sizes customers bought and kept them.

A size is the value of an attribute of a variant whose code the setting `SIZE_ATTRIBUTES` names. Attributes belong to a
product class, so that an attribute's key says both which product class and which sort of size.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import F, Q
from oscar.core.loading import get_model

from personalization import conf
from personalization.models.epoch import Epoch
from personalization.models.sizes_stated import stated_size
from personalization.shop import orders
from personalization.shop.shipped_orders import has_foreign_name

ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
AttributeOption = get_model("catalogue", "AttributeOption")
Product = get_model("catalogue", "Product")

MAX_TEXT = 64
"""A longer text is no size."""
MAX_ATTRIBUTES, MAX_VALUES = 20, 100
"""Of a shop so many attributes can be stated, and so many sizes of each be chosen."""


class KeptSize(NamedTuple):
    """A line of a customer's order that was kept, of a product in a size."""

    user_id: Any
    attribute: int
    size: str
    """As `size_key` has it."""
    ordered_at: float
    """In seconds since 1970."""
    product: int
    """The parent of the variant."""


@dataclass(frozen=True)
class SizeAttribute:
    """An attribute that says a size."""

    id: int
    name: str
    product_class: str
    names: dict[str, str]
    """The sizes by key, in the shop's own sequence."""


@dataclass(frozen=True)
class SizedVariant:
    """A variant of a product and one of its sizes."""

    product_id: int
    attribute: int
    size: str
    name: str


def size_key(option_id: int | None, text: str | None) -> str:
    """What a size is stored as: "#7" for an option of the shop, whatever it is called later; "=M" for a text; "" for
    none."""
    if option_id is not None:
        return f"#{option_id}"
    stripped = (text or "").strip()
    return f"={stripped}" if 0 < len(stripped) <= MAX_TEXT else ""


def kept_sizes(user_ids: Iterable[Any]) -> list[KeptSize]:
    """What these customers ordered in a size and kept, without what went to somebody of another name. One query; none
    where the shop has no sizes."""
    codes = conf.get_settings().SIZE_ATTRIBUTES
    if not codes:
        return []
    value = "product__attribute_values__"
    lines = orders.bought_lines(user_ids).filter(
        Q(**{f"{value}attribute__code__in": codes}), product__parent__isnull=False
    )
    lines = lines.annotate(ordered_at=Epoch(F("order__date_placed")))
    columns = (f"{value}attribute_id", f"{value}value_option_id", f"{value}value_text")
    own = ("order__user_id", *columns, "ordered_at", "product__parent_id")
    names = _name_columns()
    found = []
    for row in lines.values_list(*own, *names):
        user, attribute, option, text, ordered_at, product = row[:6]
        size = size_key(option, text)
        if size and not has_foreign_name(*_pairs(row[6:])):
            found.append(KeptSize(user, attribute, size, ordered_at, product))
    return found


def _name_columns() -> list[str]:
    """The first and the last name of the recipient, of the payer and, where the shop's user model has them, of the
    customer."""
    people = ["order__shipping_address", "order__billing_address"]
    columns = {field.name for field in get_user_model()._meta.concrete_fields}
    people += ["order__user"] if {"first_name", "last_name"} <= columns else []
    return [f"{person}__{part}" for person in people for part in ("first_name", "last_name")]


def _pairs(names: tuple[str | None, ...]) -> list[tuple[str, str]]:
    return [(first or "", last or "") for first, last in zip(names[::2], names[1::2], strict=True)]


def sized_variants(parent_ids: Iterable[int], attributes: Collection[int]) -> list[SizedVariant]:
    """The public variants of these products with their sizes by these attributes. One query."""
    rows = ProductAttributeValue.objects.filter(
        product__parent__in=list(parent_ids), product__is_public=True, attribute__in=list(attributes)
    )
    rows = rows.order_by("product_id", "attribute_id")
    columns = ("product_id", "attribute_id", "value_option_id", "value_text", "value_option__option")
    return [
        SizedVariant(product, attribute, size, option_name or size[1:])
        for product, attribute, option, text, option_name in rows.values_list(*columns)
        if (size := size_key(option, text))
    ]


def read_variants(product: Any) -> list[Any]:
    """The public variants of the product of a page, or of its parent, with what price and availability need. Two
    queries, and several less for Oscar, which finds them with the parent."""
    rows = Product.objects.public().filter(parent=product.parent_id or product.pk)
    found = list(rows.select_related("parent__product_class").prefetch_related("stockrecords"))
    if product.parent_id is None:
        product._prefetched_public_children = found
    return found


def size_attributes(attribute_ids: Collection[int] | None = None) -> list[SizeAttribute]:
    """The attributes of the shop that say a size, or those of them with these keys, with all sizes. One query, and two
    more where there are some."""
    codes = conf.get_settings().SIZE_ATTRIBUTES
    if not codes:
        return []
    rows = ProductAttribute.objects.filter(code__in=codes).select_related("product_class")
    rows = rows if attribute_ids is None else rows.filter(pk__in=list(attribute_ids))
    attributes = list(rows.order_by("product_class__name", "name", "pk")[:MAX_ATTRIBUTES])
    names = _size_names(attributes) if attributes else {}
    return [
        SizeAttribute(one.pk, one.name, one.product_class.name if one.product_class else "", names[one.pk])
        for one in attributes
        if names.get(one.pk)
    ]


def size_titles(statements: Iterable[str]) -> dict[str, str]:
    """The words for what `models.sizes_stated.size_statement` gave, "Shirt, Size: M" for instance; without those that
    the shop does not have any more. No query for none."""
    found = [(key, *stated_size(key)) for key in statements]
    known = {one.id: one for one in size_attributes({attribute for _, attribute, _ in found})} if found else {}
    return {
        key: f"{one.product_class}, {one.name}: {one.names[size]}"
        for key, attribute, size in found
        if (one := known.get(attribute)) and size in one.names
    }


def _size_names(attributes: list[Any]) -> dict[int, dict[str, str]]:
    groups = {one.option_group_id for one in attributes if one.type == ProductAttribute.OPTION}
    options = AttributeOption.objects.filter(group__in=groups).order_by("group_id", "pk")
    by_group = {
        group: {size_key(pk, None): name for _, pk, name in rows}
        for group, rows in groupby(options.values_list("group_id", "pk", "option"), key=lambda row: row[0])
    }
    as_text = [one.pk for one in attributes if one.type == ProductAttribute.TEXT]
    texts = ProductAttributeValue.objects.filter(attribute__in=as_text, product__parent__isnull=False)
    texts = texts.order_by("attribute_id", "value_text").values_list("attribute_id", "value_text").distinct()
    found: dict[int, dict[str, str]] = {one.pk: dict(by_group.get(one.option_group_id, {})) for one in attributes}
    for attribute, text in texts[: MAX_ATTRIBUTES * MAX_VALUES]:
        if key := size_key(None, text):
            found[attribute][key] = key[1:]
    return {attribute: dict(list(names.items())[:MAX_VALUES]) for attribute, names in found.items()}
