"""What is expected of each customer: read from the shop's orders, learned, tried on its own last days, and stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, inf
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from personalization.batching import batched
from personalization.models import CustomerFacts, ValueRun, Visitor
from personalization.models.lost_connections import close_idle_connection, repeat_on_lost_connection, streamed_reads
from personalization.recommenders import DAY
from personalization.shop import customers
from personalization.shop.paid_orders import PaidOrder, paid_orders
from personalization.train.customer_value.back_test import try_forecast
from personalization.train.customer_value.customer_reasons import TIERS, leading_reasons, value_tiers
from personalization.train.customer_value.forecast import Forecast, forecast_customers
from personalization.train.customer_value.order_days import HORIZON, OrderDays, fold_order_days

FEWEST_DAYS = 150
FEWEST_ACTIVE = 50
"""In a shop with a shorter history, or fewer customers who ordered within the last window, nothing is stored."""
BATCH_SIZE = 500
CENT = Decimal("0.01")


@dataclass(frozen=True)
class PaidHistory:
    """The days on which customers ordered, and who they are."""

    users: list[Any]
    """The customers' keys, by the numbers that `days` has."""
    days: OrderDays
    end: int
    """The day that begins after the last one of the history, since 1970."""

    @property
    def length(self) -> int:
        """In days."""
        return self.end - self.days.first_day if self.users else 0

    @property
    def is_enough(self) -> bool:
        """Whether a forecast can be trusted."""
        active = np.unique(self.days.since(self.end - HORIZON).customer)
        return self.length >= FEWEST_DAYS and len(active) >= FEWEST_ACTIVE


def refresh_customer_values(now: float) -> ValueRun:
    """Works out what is expected of every customer, and stores it of those who consented; `now` in seconds since 1970.

    1. Reads the days on which customers ordered, of all who did not opt out: the shop's totals are theirs, too.
    2. Learns from them, and tries the same on the last window.
    3. Stores the run, and with the facts of those who consented what is expected of them.
    4. Empties what earlier runs expected of others.
    """
    history = read_paid_history(now)
    close_idle_connection()
    forecast = forecast_customers(history.days, history.end) if history.users else None
    run = repeat_on_lost_connection(ValueRun.objects.store)(_describe_run(history, forecast, now))
    if forecast is not None and run.has_enough_history:
        rows = _value_rows(history, forecast, now)
        for batch in batched(rows, BATCH_SIZE):
            _store_batch(batch, run)
    repeat_on_lost_connection(CustomerFacts.objects.forget_values_before)(run)
    return run


@repeat_on_lost_connection
def read_paid_history(now: float) -> PaidHistory:
    """The orders up to a moment, of customers who did not opt out."""
    with streamed_reads():
        opted_out_until = Visitor.objects.opted_out()
        used = (row for row in paid_orders() if opted_out_until.get(row[0], -inf) < row[1] <= now)
        return _to_history(used, ceil(now / DAY))


def _to_history(rows: Iterable[PaidOrder], end: int) -> PaidHistory:
    numbers: dict[Any, int] = {}
    table = np.fromiter(
        ((numbers.setdefault(user, len(numbers)), *rest) for user, *rest in rows), np.dtype("i8,i8,f8,i8")
    )
    users = sorted(numbers)  # by key, so that the sequence is the same after a dump and restore
    number = np.empty(len(users), np.int64)
    number[[numbers[user] for user in users]] = np.arange(len(users))
    day = table["f1"] // int(DAY)
    return PaidHistory(users, fold_order_days(number[table["f0"]], day, table["f2"], table["f3"], len(users)), end)


def _describe_run(history: PaidHistory, forecast: Forecast | None, now: float) -> ValueRun:
    return ValueRun(
        computed_at=datetime.fromtimestamp(now, UTC),
        method=forecast.method if forecast else "",
        currency=settings.OSCAR_DEFAULT_CURRENCY,
        has_enough_history=history.is_enough,
        customers=len(history.users),
        history_days=history.length,
        parameters=forecast.parameters if forecast else {},
        expected=_expected_by_tier(forecast) if forecast else {},
        back_test=try_forecast(history.days, history.end) if history.users else None,
    )


def _expected_by_tier(forecast: Forecast) -> dict[str, list[float]]:
    tier = value_tiers(forecast.spend)
    counts, spend = np.bincount(tier, minlength=5), np.bincount(tier, forecast.spend, 5)
    return {str(each): [int(counts[each]), round(float(spend[each]), 2)] for each in range(1, len(TIERS) + 2)}


def _value_rows(history: PaidHistory, forecast: Forecast, now: float) -> list[CustomerFacts]:
    """What is expected of each customer, as facts that hold nothing else."""
    order_days = history.days.count()[forecast.customer]
    first = _first_days(history.days)[forecast.customer]
    tiers, reasons = value_tiers(forecast.spend), leading_reasons(forecast, history.days, history.end)
    return [
        CustomerFacts(
            user_id=history.users[number],
            computed_at=datetime.fromtimestamp(now, UTC),
            expected_orders=round(float(forecast.orders[row]), 3),
            expected_spend=_amount(forecast.spend[row]),
            expected_year_spend=_amount(forecast.year_spend[row]),
            order_chance=round(float(forecast.active[row]), 4),
            order_days=[round(float(each), 1) for each in forecast.days[row]],
            expected_tier=int(tiers[row]),
            value_reasons=reasons[row],
            value_order_days=int(order_days[row]),
            value_history_days=int(history.end - first[row]),
        )
        for row, number in enumerate(forecast.customer.tolist())
    ]


def _first_days(days: OrderDays) -> NDArray[np.int64]:
    first = np.full(days.customers, np.iinfo(np.int64).max)
    np.minimum.at(first, days.customer, days.day)
    return first


def _amount(value: float) -> Decimal:
    return Decimal(float(value)).quantize(CENT)


@repeat_on_lost_connection
@transaction.atomic
def _store_batch(rows: list[CustomerFacts], run: ValueRun) -> None:
    """Of those who consent at this moment; who had everything erased since the orders were read has no value until
    the next run."""
    consented = customers.exclude_children(Visitor.objects.lock_consented([row.user_id for row in rows]))
    read_at = run.computed_at.timestamp()
    CustomerFacts.objects.store_values((row for row in rows if consented.get(row.user_id, inf) < read_at), run)
