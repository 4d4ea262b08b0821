"""A shop for product pages: similar teas of one price, finer teas that the same customers buy, and cakes that are
bought with the first tea.
"""

from decimal import Decimal

from django.core.management import call_command
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord

from personalization.decide import active_snapshot
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop

TEAS = [f"Green tea in bags {number}" for number in range(1, 6)]
FINER = [f"Green tea of the first harvest {number}" for number in range(1, 4)]
DEAR = "Green tea from an old garden"
"""1.9 times the price of a tea: too dear for an upsell."""
CAKES = [f"Cake with {what}" for what in ("nuts", "apples", "cherries", "honey")]
PRICES = {**dict.fromkeys(TEAS, "3.00"), **dict.fromkeys(FINER, "4.50"), DEAR: "5.70", **dict.fromkeys(CAKES, "2.00")}
CUSTOMERS = 8


def create_products() -> dict[str, Product]:
    """The products by name, before any order."""
    tea, cake = create_from_breadcrumbs("Drinks > Tea"), create_from_breadcrumbs("Food > Cake")
    products = {name: shop.create_shop_product(name, cake if name in CAKES else tea) for name in PRICES}
    for name, price in PRICES.items():
        StockRecord.objects.filter(product=products[name]).update(price=Decimal(price))
    return products


def create_orders(products: dict[str, Product]) -> None:
    """Eight customers buy the first tea with all cakes, and ten days later all finer teas."""
    for number in range(CUSTOMERS):
        buyer = shop.create_customer(f"buyer{number}")
        shop.create_past_order(buyer, [products[name] for name in (TEAS[0], *CAKES)], days_ago=20)
        shop.create_past_order(buyer, [products[name] for name in (*FINER, DEAR)], days_ago=10)


def train() -> None:
    """Trains on the orders so far."""
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()


def trained() -> dict[str, Product]:
    """The products by name, after these orders and a training run."""
    return open_shop(_build)


def _build() -> dict[str, Product]:
    products = create_products()
    create_orders(products)
    train()
    return products


def sell_out(product: Product) -> None:
    """Sets the stock of a product to 0."""
    StockRecord.objects.filter(product=product).update(num_in_stock=0)
