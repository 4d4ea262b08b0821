"""Products, customers, orders, and the even-and-odd shop: even customers buy even products, odd ones odd."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.order.models import Line, Order
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from personalization.models import Visitor
from tests.shops.saved_shops import open_shop

PRODUCTS = 40
CUSTOMERS = 24


def create_shop_product(title: str, category: Category | None = None, stock: int = 100, days_old: int = 400) -> Product:
    """A product that can be bought for 3.50."""
    created = create_product(title=title, price=Decimal("3.50"), num_in_stock=stock, product_class="Grocery")
    Product.objects.filter(pk=created.pk).update(date_created=now() - timedelta(days=days_old))
    if category is not None:
        created.categories.add(category)
    return created


def create_past_order(
    user: User | None, products: Iterable[Product], days_ago: float = 1, status: str = "Complete"
) -> Order:
    """An order of one piece of each product; without a user, a guest's."""
    products = list(products)
    placed = Order.objects.create(
        number=f"{Order.objects.count() + 1:06}",
        user=user,
        currency="USD",
        total_incl_tax=Decimal("3.50") * len(products),
        total_excl_tax=Decimal("3.50") * len(products),
        date_placed=now() - timedelta(days=days_ago),
        status=status,
    )
    records = {record.product_id: record for record in StockRecord.objects.filter(product__in=products)}
    Line.objects.bulk_create(_line(placed, product, records[product.pk]) for product in products)
    return placed


def _line(placed: Order, product: Product, record: StockRecord) -> Line:
    price = Decimal("3.50")
    return Line(
        order=placed,
        partner_id=record.partner_id,
        partner_sku=record.partner_sku,
        stockrecord=record,
        product=product,
        title=product.title,
        quantity=1,
        num_allocated=0,
        line_price_incl_tax=price,
        line_price_excl_tax=price,
        line_price_before_discounts_incl_tax=price,
        line_price_before_discounts_excl_tax=price,
    )


def grant_consent(*users: User) -> None:
    """Grants these customers' consent."""
    Visitor.objects.grant_all([user.pk for user in users], version="1", source="test", now=now())


def create_customer(name: str) -> User:
    """A customer with an account who gave consent."""
    user = User.objects.create_user(name, f"{name}@example.com", "x")
    grant_consent(user)
    return user


def even_and_odd(weeks: int = 6) -> tuple[list[User], Sequence[Product]]:
    """Forty products in two categories, 24 customers: even ones buy even products every week, odd ones odd ones.

    All gave consent. Every even customer buys the first two even products each week, and six of the other eighteen in
    turn; odd customers do likewise.
    """
    return open_shop(_build_even_and_odd, weeks)


def trained_even_and_odd() -> tuple[list[User], Sequence[Product]]:
    """The shop of `even_and_odd` after a training run; the fixture `trained`."""
    return open_shop(build_trained_even_and_odd)


def indexed_even_and_odd() -> tuple[list[User], Sequence[Product]]:
    """The trained shop whose products are in the search index, too; the fixture `trained_and_indexed`."""
    return open_shop(_index_even_and_odd, with_index=True)


def _build_even_and_odd(weeks: int = 6) -> tuple[list[User], Sequence[Product]]:
    shelves = [create_from_breadcrumbs("Grocery > Even"), create_from_breadcrumbs("Grocery > Odd")]
    products = [create_shop_product(f"Product {n}", shelves[n % 2]) for n in range(PRODUCTS)]
    users = [create_customer(f"customer{n}") for n in range(CUSTOMERS)]
    for week in range(weeks):
        for n, user in enumerate(users):
            mine = products[n % 2 :: 2]
            turn = [mine[2 + (n // 2 + 5 * week + step) % 18] for step in range(6)]
            create_past_order(user, {mine[0], mine[1], *turn}, days_ago=1 + 7 * (weeks - 1 - week))
    return users, products


def build_trained_even_and_odd() -> tuple[list[User], Sequence[Product]]:
    """The shop of `trained_even_and_odd`, always built: its keys are the next ones of the database."""
    built = _build_even_and_odd()
    call_command("personalization_train", verbosity=0)
    return built


def _index_even_and_odd() -> tuple[list[User], Sequence[Product]]:
    built = build_trained_even_and_odd()
    call_command("rebuild_index", interactive=False, verbosity=0)
    return built
