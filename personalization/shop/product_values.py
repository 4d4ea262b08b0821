"""Reads what segments name: values of the attributes of products, brands for instance, and what is in categories."""

import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from django.db.models import Q
from oscar.core.loading import get_model

AttributeOption = get_model("catalogue", "AttributeOption")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")

MAX_VALUE_LENGTH = 80
"""A longer text is a description, not a value that several products share."""
COUNTED_TYPES = (ProductAttribute.OPTION, ProductAttribute.MULTI_OPTION, ProductAttribute.TEXT)


def text_key(code: str, text: str) -> int:
    """A number of 63 bits for a text of an attribute, the same for all spellings that differ in case, accents or space
    only. It is above all keys of options."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = " ".join("".join(letter for letter in folded if not unicodedata.combining(letter)).split())
    digest = blake2b(f"{code}\0{plain}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 2 | 1 << 62


def attribute_values(product_ids: Iterable[int]) -> Iterator[tuple[int, str, int]]:
    """(product's key, code of an attribute, key of its value) of these products: the option's, or `text_key`."""
    rows = ProductAttributeValue.objects.filter(
        Q(value_option__isnull=False) | Q(value_multi_option__isnull=False) | Q(value_text__gt=""),
        product__in=list(product_ids),
        attribute__type__in=COUNTED_TYPES,
    ).order_by()
    columns = ("product_id", "attribute__code", "value_option_id", "value_multi_option__pk", "value_text")
    for product, code, option, one_of_several, text in rows.values_list(*columns):
        key = option or one_of_several
        if key is not None:
            yield product, code, key
        elif text and text.strip() and len(text) <= MAX_VALUE_LENGTH:
            yield product, code, text_key(code, text)


def leaf_category_names() -> dict[int, str]:
    """The names of all browsable categories without any below them, by key."""
    return dict(Category.objects.browsable().filter(numchild=0).values_list("pk", "name"))


def products_below(category_ids: Iterable[int]) -> frozenset[int]:
    """The keys of all products in these categories and below them; a child's parent."""
    paths = Category.objects.filter(pk__in=list(category_ids)).values_list("path", flat=True)
    below = Q(pk__in=[])
    for path in paths:
        below |= Q(category__path__startswith=path)
    return frozenset(ProductCategory.objects.filter(below).values_list("product_id", flat=True))
