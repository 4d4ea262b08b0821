"""The shop's own currency, and those of prices in others: amounts of two currencies are never added up."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.shop import catalogue


def own_currency() -> str:
    """The code of the shop's own currency."""
    return str(settings.OSCAR_DEFAULT_CURRENCY)


def format_amount(amount: float | Decimal) -> str:
    """An amount of the shop's own currency, as Oscar writes money in the language that is active."""
    return str(format_currency(Decimal(str(amount)), own_currency()))


def foreign_currency(info: Any) -> str | None:
    """The currency of a price, where that is not the shop's own; None where it is, and where there is no price.
    Parameters: `info`, of Oscar's strategy."""
    currency = getattr(info.price, "currency", None) if info is not None and info.price.exists else None
    return None if currency in (None, own_currency()) else str(currency)


def foreign_currencies(products: Iterable[Any], strategy: Any) -> dict[int, str]:
    """{product: currency} of those of these products of a list that this strategy prices in another currency than the
    shop's own. No query: of products whose stock records were not read with them nothing is said. Where all records of
    a page are in the shop's currency, the strategy is not asked."""
    found, own = {}, own_currency()
    for product in products:
        if any(record.price_currency != own for record in _records_read_before(product)):
            currency = foreign_currency(catalogue.purchase_info(product, strategy))
            if currency is not None:
                found[product.pk] = currency
    return found


def _records_read_before(product: Any) -> list[Any]:
    """The stock records of a product and of its children, as far as they were read with it."""
    products = [product, *product.__dict__.get("_prefetched_public_children", ())]
    caches = (one.__dict__.get("_prefetched_objects_cache", {}).get("stockrecords", ()) for one in products)
    return [record for records in caches for record in records]
