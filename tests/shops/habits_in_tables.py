"""The shop of `tests.shops.habits` in Oscar's tables."""

import time
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Line, Order
from oscar.apps.partner.models import StockRecord

from personalization.models import Snapshot
from personalization.recommenders import DAY
from personalization.testing import REFERENCE_TIME
from personalization.train.run import run_training
from tests.shops import factories as shop
from tests.shops.habits import CUSTOMERS, PRODUCTS, WEEKLY, rows
from tests.shops.saved_shops import open_shop


def habits_shop(customers: int = CUSTOMERS) -> tuple[list[User], list[Product]]:
    """Customers and products, in the order of their numbers in `habits`."""
    return open_shop(_build, customers)


def trained() -> tuple[float, Snapshot]:
    """The time of a training run on this shop, as a timestamp, and its snapshot."""
    return open_shop(_train)


def _train() -> tuple[float, Snapshot]:
    _build(CUSTOMERS)
    now = time.time()
    return now, run_training(now)


def _build(customers: int) -> tuple[list[User], list[Product]]:
    shelves = [create_from_breadcrumbs(f"Shelf {number}") for number in range(PRODUCTS // WEEKLY)]
    products = [shop.create_shop_product(f"Product {n}", shelves[n // WEEKLY]) for n in range(PRODUCTS)]
    users = [User(username=f"customer{n}", email=f"customer{n}@example.com") for n in range(customers)]
    users = User.objects.bulk_create(users)
    shop.grant_consent(*users)
    lines = rows(customers)
    numbers = sorted({(order, customer, moment) for customer, order, _, moment in lines})
    orders = Order.objects.bulk_create(
        _order(users[customer], number, days_ago=(REFERENCE_TIME - moment) / DAY)
        for number, customer, moment in numbers
    )
    placed = dict(zip((number for number, _, _ in numbers), orders, strict=True))
    records = {record.product_id: record for record in StockRecord.objects.all()}
    Line.objects.bulk_create(
        shop._line(placed[number], products[what], records[products[what].pk]) for _, number, what, _ in lines
    )
    return users, products


def _order(user: User, number: int, days_ago: float) -> Order:
    paid = Decimal("3.50")
    placed = now() - timedelta(days=days_ago)
    return Order(
        number=f"{number:06}",
        user=user,
        currency="USD",
        total_incl_tax=paid,
        total_excl_tax=paid,
        date_placed=placed,
        status="Complete",
    )
