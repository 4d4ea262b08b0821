"""Gives credit for order lines: to a click within a week before the order, else to what was seen the day before.

Credit is a function of what is stored: it comes out the same in whatever order clicks, orders and cancellations are
heard of, and however often it is worked out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from personalization.batching import batched
from personalization.measure.block_credit import clicks_with_products
from personalization.models import Credit, Event, OrderVisitor
from personalization.models.credits import MONEY_COLUMNS, TOUCH_COLUMNS, Touch, new_order_mark, oldest_credited
from personalization.models.events import EventType
from personalization.models.shown_events import ShownEvent
from personalization.shop.currencies import own_currency
from personalization.shop.order_values import OrderLine, order_lines

CLICK_WINDOW = timedelta(days=7)
SEEN_WINDOW = timedelta(days=1)
LATE = timedelta(days=8)
"""Events may come seven days late: for so long an order is looked at again."""
ORDERS_PER_BATCH = 200


def credit_recent_orders(now: datetime, since: timedelta = LATE) -> int:
    """Gives credit for the orders that visitors placed lately; returns how many credits are new or changed."""
    placed = OrderVisitor.objects.placed_between(now - since, now)
    return sum(credit_orders(dict(batch)) for batch in batched(list(placed), ORDERS_PER_BATCH))


def credit_orders(visitors: Mapping[int, UUID]) -> int:
    """Gives credit for the lines of these orders, each with its visitor; returns how many are new or changed. What was
    given stays: it may come from an event that was deleted since."""
    lines = [line for line in order_lines(visitors) if line.product_id is not None]
    known = {one.line_id: one for one in Credit.objects.of_orders(visitors)}
    marks = {one.order_id: one.order_mark for one in known.values()}
    touches = _touches(lines, visitors)
    changed = []
    for line in lines:
        found = [*touches.get(line.id, ()), *([known[line.id]] if line.id in known else [])]
        if found:
            best = max(found, key=lambda one: one.strength)
            mark = marks.setdefault(line.order_id, new_order_mark())
            changed += _changed(_of_line(best, line, visitors[line.order_id], mark), known.get(line.id))
    Credit.objects.store(changed)
    return len(changed)


def update_losses(order_ids: Iterable[int]) -> int:
    """Corrects the credits of these orders by what was cancelled, returned or deleted since; returns how many."""
    known = list(Credit.objects.of_orders(order_ids))
    lines = {line.id: line for line in order_lines({one.order_id for one in known})} if known else {}
    changed = []
    for one in known:
        before = one.lost_quantity, one.lost_amount
        line = lines.get(one.line_id)
        one.lost_quantity = line.lost_quantity if line else one.quantity
        one.lost_amount = min(line.lost_amount, one.gross) if line else one.gross
        if (one.lost_quantity, one.lost_amount) != before:
            changed.append(one)
    Credit.objects.store_losses(changed)
    return len(changed)


def sweep_losses(now: datetime) -> int:
    """Compares all credits with the shop's orders, which may have been changed without a signal; returns how many were
    corrected."""
    orders = list(Credit.objects.filter(ordered_at__gte=oldest_credited(now)).order_ids())
    return sum(update_losses(batch) for batch in batched(orders, ORDERS_PER_BATCH))


def _touches(lines: list[OrderLine], visitors: Mapping[int, UUID]) -> dict[int, list[Credit]]:
    """{line: what its visitor clicked or saw before, as credits that are not stored}."""
    if not lines:
        return {}
    wanted: dict[tuple[UUID, int], list[OrderLine]] = defaultdict(list)
    for line in lines:
        wanted[visitors[line.order_id], line.product_id or 0].append(line)
    first, last = (choose(line.ordered_at for line in lines) for choose in (min, max))
    people = {visitors[line.order_id] for line in lines}
    found: dict[int, list[Credit]] = defaultdict(list)
    own = own_currency()
    for touch, event_type, window in (
        (Touch.CLICKED, EventType.CLICK, CLICK_WINDOW),
        (Touch.SEEN, EventType.IMPRESSION, SEEN_WINDOW),
    ):
        for event in Event.objects.shown_to(people, event_type, first - window, last):
            for shown in _products_of(event):
                for line in wanted.get((event.visitor_id, shown.product_id), ()):
                    in_time = line.ordered_at - window <= event.occurred_at < line.ordered_at
                    if shown.reason and in_time and (shown.currency or own) == line.currency:
                        found[line.id].append(_touch(event, touch, shown))
    _add_block_clicks(found, wanted, first - CLICK_WINDOW, last)
    return found


def _add_block_clicks(
    found: dict[int, list[Credit]], wanted: Mapping[tuple[UUID, int], list[OrderLine]], since: datetime, until: datetime
) -> None:
    """What a content block is about is owed to a click on it, in whatever currency: a block has no price. To what was
    only seen of it nothing is: it stands on pages that nearly everybody opens."""
    bought: dict[UUID, list[int]] = defaultdict(list)
    for visitor, product in wanted:
        bought[visitor].append(product)
    for click, products in clicks_with_products(bought.keys(), since, until):
        for product in products.intersection(bought[click.visitor_id]):
            for line in wanted[click.visitor_id, product]:
                if line.ordered_at - CLICK_WINDOW <= click.occurred_at < line.ordered_at:
                    shown = _ShownProduct(product, click.reason, None, None)
                    found[line.id].append(_touch(click, Touch.CLICKED, shown))


class _ShownProduct(NamedTuple):
    """What an event says of one product; it has no reason where the shop's own order showed it."""

    product_id: int
    reason: str | None
    campaign: str | None
    currency: str | None


def _products_of(event: ShownEvent) -> Iterator[_ShownProduct]:
    if event.product_id is not None:
        yield _ShownProduct(event.product_id, event.reason, event.campaign, event.currency)
    else:
        for product_id, _position, *rest in event.items:
            reason, campaign, _propensity, currency = (*rest, None, None, None, None)[:4]
            yield _ShownProduct(product_id, reason, campaign, currency)


def _touch(event: ShownEvent, touch: Touch, shown: _ShownProduct) -> Credit:
    return Credit(
        visitor_id=event.visitor_id,
        product_id=shown.product_id,
        surface=event.surface,
        row_key=event.row_key,
        campaign=shown.campaign or "",
        arm=event.arm or "",
        segments=list(event.segments or ()),
        device=event.device,
        touch=touch,
        touched_at=event.occurred_at,
    )


def _of_line(touch: Credit, line: OrderLine, visitor_id: UUID, mark: int) -> Credit:
    return Credit(
        **{name: getattr(touch, name) for name in TOUCH_COLUMNS}
        | {name: getattr(line, name) for name in MONEY_COLUMNS}
        | {"visitor_id": visitor_id, "is_customer": line.user_id is not None},
        order_id=line.order_id,
        line_id=line.id,
        order_mark=mark,
    )


def _changed(wanted: Credit, known: Credit | None) -> list[Credit]:
    columns = (*TOUCH_COLUMNS, *MONEY_COLUMNS)
    return [wanted] if known is None or _values(wanted, columns) != _values(known, columns) else []


def _values(one: Credit, columns: Iterable[str]) -> list[Any]:
    return [getattr(one, name) for name in columns]
