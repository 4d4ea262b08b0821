"""What a condition of a segment may name, for a form to offer and for a sentence to say."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from oscar.core.loading import get_model

from personalization import conf
from personalization.shop import catalogue, named_objects
from personalization.shop.product_values import COUNTED_TYPES, MAX_VALUE_LENGTH, text_key

AttributeOption = get_model("catalogue", "AttributeOption")
ConditionalOffer = get_model("offer", "ConditionalOffer")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
Voucher = get_model("voucher", "Voucher")

MAX_CHOICES = 2000
"""A longer list is none that a person can choose from."""
NAMED_MODELS = {"voucher": Voucher, "offer": ConditionalOffer, "group": Group}
Choices = list[tuple[int, str]]


def choices_of(kind: str) -> Choices:
    """(key, name) of all that a condition may name of this kind, in a readable order. Sensitive categories are left
    out; products are too many to list."""
    if kind == "category":
        sensitive = catalogue.sensitive_categories()
        return [(key, name) for key, name in named_objects.category_choices() if key not in sensitive]
    if kind in ("brand", "attribute"):
        return _attribute_choices(kind == "brand")
    if kind in NAMED_MODELS:
        return list(NAMED_MODELS[kind]._default_manager.order_by("name").values_list("pk", "name")[:MAX_CHOICES])
    return []


def names_of(references: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """{(kind, key): name} of those that exist: one query for each kind, two for brands and other attributes."""
    wanted: dict[str, set[int]] = {}
    for kind, key in references:
        wanted.setdefault(kind, set()).add(key)
    plain = named_objects.names_of(
        (kind, str(key)) for kind, keys in wanted.items() if kind in ("product", "category") for key in keys
    )
    found = {(kind, int(key)): name for (kind, key), name in plain.items()}
    for kind in wanted.keys() & NAMED_MODELS.keys():
        rows = NAMED_MODELS[kind]._default_manager.filter(pk__in=wanted[kind]).values_list("pk", "name")
        found.update({(kind, key): name for key, name in rows})
    for kind in wanted.keys() & {"brand", "attribute"}:
        named = dict(_attribute_choices(kind == "brand"))
        found.update({(kind, key): named[key] for key in wanted[kind] if key in named})
    return found


def _attribute_choices(brands: bool) -> Choices:
    """The values of the brand's attribute, or of all others, these with the name of their attribute."""
    code = conf.get_settings().BRAND_ATTRIBUTE
    attributes = ProductAttribute._default_manager.filter(type__in=COUNTED_TYPES)
    attributes = attributes.filter(code=code) if brands else attributes.exclude(code=code)
    found: dict[int, str] = {}
    options: Any = AttributeOption._default_manager.filter(group__product_attributes__in=attributes)
    for key, name, attribute in options.values_list("pk", "option", "group__product_attributes__name")[:MAX_CHOICES]:
        found.setdefault(key, name if brands else f"{attribute}: {name}")
    texts = ProductAttributeValue._default_manager.filter(attribute__in=attributes, value_text__gt="")
    rows = texts.order_by().values_list("attribute__code", "attribute__name", "value_text").distinct()
    for own_code, attribute, text in rows[:MAX_CHOICES]:
        if text.strip() and len(text) <= MAX_VALUE_LENGTH:
            found.setdefault(text_key(own_code, text), text.strip() if brands else f"{attribute}: {text.strip()}")
    return sorted(found.items(), key=lambda pair: pair[1].casefold())
