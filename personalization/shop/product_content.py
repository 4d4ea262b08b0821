"""Reads what the shop says of its products: prices and texts, for training."""

import html
import re
from collections.abc import Iterator

import numpy as np
from django.conf import settings
from django.db.models import Min
from django.db.models.functions import Coalesce
from numpy.typing import NDArray
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
StockRecord = get_model("partner", "StockRecord")

MAX_TEXT_LENGTH = 2_000
"""A longer description or attribute value is cut: bounds the memory of a training run."""
HTML_TAG = re.compile("<[^<>]*>")


def product_prices() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(keys of products, ascending; the lowest price of each or of its public children), in the currency that most
    products have a price in, which need not be OSCAR_DEFAULT_CURRENCY; those without one that is a number are left
    out."""
    rows = (
        StockRecord.objects.filter(price__isnull=False, product__is_public=True)
        .annotate(folded=Coalesce("product__parent_id", "product_id"))
        .order_by("price_currency", "folded")
        .values_list("price_currency", "folded")
        .annotate(Min("price"))
    )
    length = StockRecord._meta.get_field("price_currency").max_length
    table = np.fromiter(rows.iterator(chunk_size=20_000), np.dtype(f"U{length},i8,f4"))
    table = table[np.isfinite(table["f2"])]
    table = table[table["f0"] == _most_common_currency(table["f0"])]
    return table["f1"], table["f2"]


def _most_common_currency(currencies: NDArray[np.str_]) -> str:
    currency, count = np.unique(currencies, return_counts=True)
    counted = dict(zip(currency.tolist(), count.tolist(), strict=True))
    default = settings.OSCAR_DEFAULT_CURRENCY
    return max(counted, key=lambda code: (counted[code], code == default), default=default)


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
