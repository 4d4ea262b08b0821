"""Customers who were drawn into an arm of a kind of message, and what they bought since."""

from django.contrib.auth.models import User
from django.utils import timezone
from oscar.apps.order.models import Line, Order

from personalization.models import MessageOutcome
from tests.measure.orders import DAY

NOW = timezone.now()


def people(count, first=0):
    names = [f"person{number}" for number in range(first, first + count)]
    return User.objects.bulk_create(User(username=name, email=f"{name}@example.com") for name in names)


def drawn(users, arm, days_ago=20, share=0.3, kind="basket_left"):
    """These customers were drawn into an arm."""
    for user in users:
        MessageOutcome.objects.record(kind, user.pk, arm, share, NOW - days_ago * DAY)


def buy(users, tea, price, days_ago=15):
    """An order of each, of one piece."""
    orders = Order.objects.bulk_create(
        Order(
            number=f"{user.pk}-{days_ago}",
            user=user,
            currency="USD",
            total_excl_tax=price,
            total_incl_tax=price,
            date_placed=NOW - days_ago * DAY,
            status="Pending",
        )
        for user in users
    )
    money = ("line_price_excl_tax", "line_price_incl_tax")
    before = tuple(f"line_price_before_discounts_{tax}_tax" for tax in ("excl", "incl"))
    Line.objects.bulk_create(
        Line(
            order=order,
            product=tea,
            title="Tea",
            quantity=1,
            num_allocated=0,
            partner_sku="x",
            **dict.fromkeys(money + before, price),
        )
        for order in orders
    )
    return orders
