"""What the lines of orders were worth, and what of it the shop did not keep: cancelled, returned or refunded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.db.models import F, Sum
from django.db.models.functions import Coalesce, Lower
from oscar.core.loading import get_model

from personalization.shop.order_statuses import is_unbought, unbought_statuses

Line = get_model("order", "Line")
Order = get_model("order", "Order")
ShippingEventQuantity = get_model("order", "ShippingEventQuantity")
Source = get_model("payment", "Source")
CENT = Decimal("0.01")


@dataclass(frozen=True)
class OrderLine:
    """A line of an order. Money is after discounts, without tax and shipping."""

    id: int
    order_id: int
    product_id: int | None
    """A child's parent; None where the shop deleted the product."""
    user_id: Any
    """None for a guest's order."""
    ordered_at: datetime
    currency: str
    quantity: int
    gross: Decimal
    lost_quantity: int
    lost_amount: Decimal
    """At most `gross`."""


@dataclass
class _Loss:
    """What is known of one line while the losses of its order are added up."""

    pieces: int
    gross: Decimal
    taxed: Decimal
    """With tax."""
    lost_pieces: int = 0

    @property
    def share(self) -> Decimal:
        """The part that did not stay bought, by its pieces."""
        return Decimal(self.lost_pieces) / self.pieces


def order_lines(order_ids: Iterable[int]) -> list[OrderLine]:
    """The lines of these orders, by order and line, in three queries.

    A line is lost with the status that it or its order has (`shop.order_statuses`), and the pieces that a shipping
    event says came back. What was refunded on top of that is spread over what is left, by its worth.
    """
    keys = list(order_ids)
    rows = (
        Line.objects.filter(order_id__in=keys, quantity__gte=1)
        .order_by("order_id", "pk")
        .values_list(
            "pk",
            "order_id",
            Coalesce("product__parent_id", "product_id"),
            "order__user_id",
            "order__date_placed",
            "order__currency",
            "quantity",
            "line_price_excl_tax",
            "line_price_incl_tax",
            "order__status",
            "status",
        )
    )
    by_order: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_order[row[1]].append(row)
    returned, refunded = _returned_pieces(keys), _refunded(keys)
    return [line for key, some in by_order.items() for line in _lines_of_order(some, returned, refunded.get(key))]


@dataclass(frozen=True)
class OrderWorth:
    """An order as a whole."""

    order_id: int
    placed_at: datetime
    gross: Decimal
    lost_amount: Decimal
    kept_pieces: int


def order_worths(order_ids: Iterable[int]) -> list[OrderWorth]:
    """What these orders were worth, those in the shop's own currency: amounts of two currencies cannot be added up.
    Three queries."""
    by_order: dict[int, list[OrderLine]] = defaultdict(list)
    for line in order_lines(order_ids):
        if line.currency == settings.OSCAR_DEFAULT_CURRENCY:
            by_order[line.order_id].append(line)
    return [
        OrderWorth(
            key,
            lines[0].ordered_at,
            sum((line.gross for line in lines), Decimal(0)),
            sum((line.lost_amount for line in lines), Decimal(0)),
            sum(line.quantity - line.lost_quantity for line in lines),
        )
        for key, lines in by_order.items()
    ]


def orders_of_customers(user_ids: Iterable[Any], since: datetime, until: datetime) -> list[tuple[int, Any]]:
    """(order's key, customer's key) of what these customers ordered in this time."""
    placed = Order.objects.filter(user_id__in=list(user_ids), date_placed__gte=since, date_placed__lt=until)
    return list(placed.values_list("pk", "user_id"))


def buyers_revenue(since: datetime, until: datetime) -> list[float]:
    """What each buyer spent in this time, in the shop's own currency, without tax and shipping; each guest's e-mail
    address is one. One query."""
    rows = Order.objects.filter(date_placed__gte=since, date_placed__lt=until, currency=settings.OSCAR_DEFAULT_CURRENCY)
    amount = Sum(F("total_excl_tax") - F("shipping_excl_tax"))
    return [float(one) for *_, one in rows.order_by().values_list("user_id", "guest_email").annotate(amount=amount)]


def _lines_of_order(
    rows: list[tuple[Any, ...]], returned: Mapping[int, int], refunded: Decimal | None
) -> Iterator[OrderLine]:
    losses = {}
    for pk, *_, pieces, gross, taxed, order_status, status in rows:
        lost = pieces if is_unbought(order_status) or is_unbought(status) else min(pieces, returned.get(pk, 0))
        losses[pk] = _Loss(pieces, gross, taxed, lost)
    amounts = _lost_amounts(losses, refunded or Decimal(0))
    for pk, order_id, product_id, user_id, placed, currency, pieces, gross, *_ in rows:
        yield OrderLine(
            pk, order_id, product_id, user_id, placed, currency, pieces, gross, losses[pk].lost_pieces, amounts[pk]
        )


def _lost_amounts(losses: Mapping[int, _Loss], refunded: Decimal) -> dict[int, Decimal]:
    """The money lost of each line. Rounded so that the cents of an evenly spread refund add up to it."""
    amounts = {pk: _cents(one.gross * one.share) for pk, one in losses.items()}
    taxed_left = sum((one.taxed * (1 - one.share) for one in losses.values()), Decimal(0))
    beyond = refunded - sum((one.taxed * one.share for one in losses.values()), Decimal(0))
    if beyond < CENT or taxed_left <= 0:
        return amounts
    part = min(beyond / taxed_left, Decimal(1))
    spread = rounded = Decimal(0)
    for pk, one in losses.items():
        spread += (one.gross - amounts[pk]) * part
        amounts[pk] += _cents(spread) - rounded
        rounded = _cents(spread)
    return {pk: min(amount, losses[pk].gross) for pk, amount in amounts.items()}


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _returned_pieces(order_ids: list[int]) -> dict[int, int]:
    """{line: how many pieces shipping events say came back}. A piece may be returned and then refunded: the kind of
    event that names most pieces counts."""
    rows = ShippingEventQuantity.objects.annotate(code=Lower("event__event_type__code")).filter(
        line__order_id__in=order_ids, code__in=unbought_statuses()
    )
    pieces: dict[int, int] = {}
    for line, _code, count in rows.order_by().values_list("line_id", "code").annotate(Sum("quantity")):
        pieces[line] = max(count, pieces.get(line, 0))
    return pieces


def _refunded(order_ids: list[int]) -> dict[int, Decimal]:
    """{order: what its payment sources paid back}, with tax."""
    rows = Source.objects.filter(order_id__in=order_ids, amount_refunded__gt=0)
    return dict(rows.order_by().values_list("order_id").annotate(Sum("amount_refunded")))
