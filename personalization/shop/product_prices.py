"""What products cost a stranger now, by the shop's own strategy."""

from collections.abc import Iterator
from decimal import Decimal

from oscar.core.loading import get_class, get_model

from personalization.batching import batched
from personalization.shop import catalogue

Product = get_model("catalogue", "Product")
Selector = get_class("partner.strategy", "Selector")
PRODUCTS_PER_BATCH = 500


def prices_of_all() -> Iterator[tuple[int, str, Decimal]]:
    """(product, currency, price) of all products that a stranger can buy; of a parent its cheapest variant's. A few
    queries for some hundred products."""
    strategy = Selector().strategy()
    keys = list(Product.objects.browsable().order_by("pk").values_list("pk", flat=True))
    for batch in batched(keys, PRODUCTS_PER_BATCH):
        for key, product in catalogue.products_for_availability(batch).items():
            offer = catalogue.get_offer(product, strategy)
            price = catalogue.get_price_amount(offer.info) if offer is not None else None
            if offer is not None and price is not None:
                yield key, offer.info.price.currency, price


def stranger_price(product_id: int) -> tuple[str, Decimal] | None:
    """(currency, price) of a product that a stranger can buy; None where they cannot."""
    product = catalogue.products_for_availability([product_id]).get(product_id)
    offer = catalogue.get_offer(product, Selector().strategy()) if product is not None else None
    price = catalogue.get_price_amount(offer.info) if offer is not None else None
    return None if offer is None or price is None else (offer.info.price.currency, price)
