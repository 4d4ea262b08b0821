"""The facts of one customer or of many, by one function: sums of their orders, dates, and what else the shop holds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from json import dumps
from math import ceil
from statistics import median
from typing import Any

from django.conf import settings

from personalization.models import CustomerFacts
from personalization.models.customer_facts import MAX_TASTES, Taste, TasteKind
from personalization.shop import catalogue, customer_records
from personalization.shop.orders import OrderSums
from personalization.shop.purchases import purchase_sums

YEAR = timedelta(days=365)
CENT = Decimal("0.01")
FEWEST_ORDER_DAYS = 3
"""With fewer there is no rhythm."""
FEWEST_FOR_SILENCE = 5
"""With fewer nobody knows what a long pause is."""


@dataclass
class _OrderSums:
    """The orders of a customer so far."""

    orders: int = 0
    units: int = 0
    revenue: Decimal = Decimal(0)
    year_revenue: Decimal = Decimal(0)
    paid_orders: int = 0
    """Those in the shop's currency."""
    store_orders: int = 0
    """Those that are receipts of stores."""
    dates: list[datetime] = field(default_factory=list)

    def add(self, order: OrderSums, pieces: int, paid: Decimal, now: datetime) -> None:
        """Adds so much of an order."""
        self.orders += 1
        self.store_orders += order.in_store
        self.units += pieces
        self.dates.append(order.placed_at)
        if order.currency == settings.OSCAR_DEFAULT_CURRENCY:
            self.paid_orders += 1
            self.revenue += paid
            self.year_revenue += paid if order.placed_at >= now - YEAR else 0


def build_facts(since: Mapping[Any, float], tastes: Mapping[Any, list[Taste]], now: float) -> list[CustomerFacts]:
    """The facts of these customers; nothing is stored.

    Parameters
    ----------
    since : for each customer the moment before which nothing of theirs is used, in seconds since 1970.
    tastes : what they bought, without sensitive products.
    now : seconds since 1970.
    """
    users, moment = list(since), datetime.fromtimestamp(now, UTC)
    ordered, kept = _sum_orders(since, moment)
    accounts, chosen = customer_records.accounts(users), _chosen_tastes(since, moment)
    reviews, countries = customer_records.review_counts(users), customer_records.last_countries(users)
    rows = []
    for user in users:
        if user not in accounts:
            continue
        own = [*tastes.get(user, ()), *chosen.get(user, ())]
        counts = Counter(taste.kind for taste in own)
        country, sent = countries.get(user, ("", moment))
        rows.append(
            CustomerFacts(
                user_id=user,
                **_order_facts(ordered.get(user, _OrderSums()), kept.get(user, _OrderSums())),
                wish_items=counts[TasteKind.WISH],
                alerts=counts[TasteKind.ALERT],
                reviews=reviews[user],
                country=country if since[user] < sent.timestamp() <= now else "",
                joined=accounts[user].joined,
                is_staff=accounts[user].is_staff,
                tastes=dumps(_limited(own), separators=(",", ":")),
                computed_at=moment,
            )
        )
    return rows


def _sum_orders(since: Mapping[Any, float], now: datetime) -> tuple[dict[Any, _OrderSums], dict[Any, _OrderSums]]:
    """(all orders, what was kept of them) by customer"""
    ordered: dict[Any, _OrderSums] = {}
    kept: dict[Any, _OrderSums] = {}
    for order in purchase_sums(since):
        if since[order.user_id] < order.placed_at.timestamp() <= now.timestamp():
            ordered.setdefault(order.user_id, _OrderSums()).add(order, order.pieces, order.paid, now)
            if order.kept_pieces:
                kept.setdefault(order.user_id, _OrderSums()).add(order, order.kept_pieces, order.kept_paid, now)
    return ordered, kept


def _order_facts(ordered: _OrderSums, kept: _OrderSums) -> dict[str, Any]:
    last = max(kept.dates, default=None)
    pauses = _pauses(kept.dates)
    return {
        "orders": ordered.orders,
        "kept_orders": kept.orders,
        "units": kept.units,
        "revenue": ordered.revenue.quantize(CENT),
        "kept_revenue": kept.revenue.quantize(CENT),
        "year_revenue": kept.year_revenue.quantize(CENT),
        "currency": settings.OSCAR_DEFAULT_CURRENCY,
        "aov": (kept.revenue / kept.paid_orders).quantize(CENT) if kept.paid_orders else None,
        "returns_share": round(1 - kept.units / ordered.units, 4) if ordered.units else None,
        "store_share": round(kept.store_orders / kept.orders, 4) if kept.orders else None,
        "first_order": min(kept.dates, default=None),
        "last_order": last,
        "next_due": last + timedelta(days=median(pauses)) if last and len(pauses) >= FEWEST_ORDER_DAYS - 1 else None,
        "silent_from": last + _long_pause(pauses) if last and len(pauses) >= FEWEST_FOR_SILENCE - 1 else None,
    }


def _pauses(dates: Iterable[datetime]) -> list[int]:
    """The days between the days of orders, the shortest pause first."""
    days = sorted({placed.astimezone(UTC).date() for placed in dates})
    return sorted((later - earlier).days for earlier, later in pairwise(days))


def _long_pause(pauses: list[int]) -> timedelta:
    """The pause that nine of ten did not exceed."""
    return timedelta(days=pauses[ceil(0.9 * len(pauses)) - 1])


def _chosen_tastes(since: Mapping[Any, float], now: datetime) -> dict[Any, list[Taste]]:
    """What they wish for, wait for and used, and their groups: of products, none that is sensitive."""
    users = list(since)
    wished, awaited = list(customer_records.wished_products(users)), list(customer_records.awaited_products(users))
    sensitive = catalogue.sensitive_products({product for _, product in (*wished, *awaited)})
    found: dict[Any, list[Taste]] = {}
    for kind, pairs in ((TasteKind.WISH, wished), (TasteKind.ALERT, awaited)):
        for user, product in pairs:
            if product not in sensitive:
                found.setdefault(user, []).append(Taste(str(kind), product))
    for kind, uses in (
        (TasteKind.VOUCHER, customer_records.used_vouchers(users)),
        (TasteKind.OFFER, customer_records.used_offers(users)),
    ):
        for user, taste in _last_uses(kind, uses, since, now.timestamp()):
            found.setdefault(user, []).append(taste)
    for user, group in customer_records.groups(users):
        found.setdefault(user, []).append(Taste(str(TasteKind.GROUP), group))
    return found


def current_choices(user_ids: Iterable[Any]) -> set[tuple[Any, str, int]]:
    """(customer's key, kind, key) of what these customers wish and wait for and the groups that they are in now, as far
    as facts hold it: what changes without any order."""
    users = list(user_ids)
    pairs = {
        TasteKind.WISH: list(customer_records.wished_products(users)),
        TasteKind.ALERT: list(customer_records.awaited_products(users)),
        TasteKind.GROUP: list(customer_records.groups(users)),
    }
    of_products = {key for kind in (TasteKind.WISH, TasteKind.ALERT) for _, key in pairs[kind]}
    sensitive = catalogue.sensitive_products(of_products)
    found: dict[Any, list[Taste]] = {}
    for kind, rows in pairs.items():
        for user, key in rows:
            if kind == TasteKind.GROUP or key not in sensitive:
                found.setdefault(user, []).append(Taste(str(kind), key))
    return {(user, taste.kind, taste.key) for user, tastes in found.items() for taste in _limited(tastes)}


def _last_uses(
    kind: TasteKind, uses: Iterable[tuple[Any, int, float]], since: Mapping[Any, float], now: float
) -> Iterator[tuple[Any, Taste]]:
    """(customer's key, taste) of each voucher or offer that they used, the last used first."""
    last: dict[tuple[Any, int], float] = {}
    for user, key, placed in uses:
        if since[user] < placed <= now:
            last[user, key] = max(placed, last.get((user, key), placed))
    for (user, key), placed in sorted(last.items(), key=lambda use: (-use[1], use[0][1])):
        yield user, Taste(str(kind), key, last_at=placed)


def _limited(tastes: Iterable[Taste]) -> list[Taste]:
    counts: Counter[str] = Counter()
    kept = []
    for taste in tastes:
        counts[taste.kind] += 1
        if counts[taste.kind] <= MAX_TASTES:
            kept.append(taste)
    return kept
