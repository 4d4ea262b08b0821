"""Orders with lines of any worth, and what shoppers did before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from oscar.apps.order.models import Line, Order, ShippingEvent, ShippingEventQuantity, ShippingEventType
from oscar.apps.partner.models import StockRecord
from oscar.apps.payment.models import Source, SourceType

from personalization.models import Event, OrderVisitor, Visitor

DAY = timedelta(days=1)


def place_order(
    visitor: Visitor | None, lines: Sequence[tuple[Any, int, str]], at: datetime, status: str = "Pending"
) -> Order:
    """An order of (product, pieces, price of the line without tax), with 20 % of tax, that this visitor placed."""
    total = sum((Decimal(price) for _, _, price in lines), Decimal(0))
    order = Order.objects.create(
        number=uuid4().hex[:12],
        user_id=visitor.user_id if visitor else None,
        currency="USD",
        total_excl_tax=total,
        total_incl_tax=total * Decimal("1.2"),
        date_placed=at,
        status=status,
    )
    for product, pieces, price in lines:
        record = StockRecord.objects.filter(product=product).first()
        Line.objects.create(
            order=order,
            partner_sku=record.partner_sku,
            stockrecord=record,
            product=product,
            title=product.title,
            quantity=pieces,
            num_allocated=0,
            line_price_excl_tax=Decimal(price),
            line_price_incl_tax=Decimal(price) * Decimal("1.2"),
            line_price_before_discounts_excl_tax=Decimal(price) + 1,
            line_price_before_discounts_incl_tax=Decimal(price) + 1,
        )
    if visitor is not None:
        OrderVisitor.objects.create(order_id=order.pk, visitor=visitor, placed_at=at)
    return order


def click(visitor: Visitor, product: Any, at: datetime, row: str = "for_you", **fields: Any) -> Event:
    """A click on a product's card in a row of the home page."""
    shown = {"surface": "home", "row_key": row, "reason": row, "slate_id": uuid4(), **fields}
    return _store(visitor, "select_item", at, product_id=product.pk, **shown)


def see(visitor: Visitor, products: Sequence[Any], at: datetime, row: str = "for_you", **fields: Any) -> Event:
    """A row of the home page that was really seen."""
    items = [[product.pk, place, row] for place, product in enumerate(products)]
    shown = {"surface": "home", "row_key": row, "slate_id": uuid4(), **fields}
    return _store(visitor, "view_item_list", at, items=items, **shown)


def return_pieces(line: Line, pieces: int) -> None:
    """Says that so many pieces of a line came back."""
    kind = ShippingEventType.objects.get_or_create(name="Returned", code="returned")[0]
    event = ShippingEvent.objects.create(order=line.order, event_type=kind)
    ShippingEventQuantity.objects.create(event=event, line=line, quantity=pieces)


def pay_back(order: Order, amount: str) -> None:
    """Pays so much of an order back, with tax."""
    kind = SourceType.objects.get_or_create(name="Card", code="card")[0]
    source = Source.objects.create(order=order, source_type=kind, amount_allocated=order.total_incl_tax)
    source.refund(Decimal(amount))


def _store(visitor: Visitor, name: str, at: datetime, **fields: Any) -> Event:
    return Event.objects.create(event_id=uuid4(), visitor=visitor, type=name, occurred_at=at, received_at=at, **fields)
