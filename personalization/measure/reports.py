"""Reports: what became of rows and campaigns, from daily totals. No query here grows with events."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef
from django.utils.timezone import get_default_timezone

from personalization.models import DailyTotal, OrderVisitor, ProductWeek
from personalization.models.credits import BLOCK_ROW, BLOCK_SURFACE
from personalization.models.product_weeks import WEEK, week_of, week_span
from personalization.shop import orders

MIN_SEEN = 100
"""No share is said of fewer cards that were seen."""
MIN_LINES = 3
"""No amount is said of fewer order lines."""
COMPARED_DAYS = 7
"""Before and after the beginning of a campaign."""
MAX_COMPARED_PRODUCTS = 1_000
MAX_DAYS = 400
MIN_SEGMENT_PEOPLE = 5
"""Nothing is said of a segment in which never as many visitors saw the same row on the same day."""
MAX_PRODUCT_DAYS = 92
"""A report by product adds up many more totals."""
ONE_DAY = timedelta(days=1)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "row": ("surface", "row_code"),
    "surface": ("surface",),
    "campaign": ("campaign",),
    "day": ("date",),
    "product": ("product_id",),
    "segment": ("segment_id",),
}
"""By what a report may be split, and the columns that say it."""


@dataclass(frozen=True)
class Period:
    """Whole days of the shop's time zone, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def before(self) -> "Period":
        """As many days before it."""
        return Period(self.first - timedelta(days=self.days), self.first - ONE_DAY)

    def moments(self) -> tuple[datetime, datetime]:
        """Its first moment and the one after its last."""
        zone = get_default_timezone()
        return (
            datetime.combine(self.first, time.min, zone),
            datetime.combine(self.last + ONE_DAY, time.min, zone),
        )


@dataclass(frozen=True)
class Filters:
    """Which totals a report is about; empty for all."""

    surface: str = ""
    row_code: str = ""
    campaign: int | None = None
    """The key of its definition: all versions."""
    device: str = ""
    is_customer: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of what was seen. Money is of one currency, without tax and shipping."""

    seen: int = 0
    """Cards."""
    clicks: int = 0
    added: int = 0
    """Put into a basket on the day of a click, or the day after."""
    lines: int = 0
    """Order lines that followed a click."""
    pieces: int = 0
    gross: Decimal = Decimal(0)
    lost_amount: Decimal = Decimal(0)
    seen_only: Decimal = Decimal(0)
    """What was kept of purchases of what was only seen; in none of the other numbers."""

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.seen + other.seen,
            self.clicks + other.clicks,
            self.added + other.added,
            self.lines + other.lines,
            self.pieces + other.pieces,
            self.gross + other.gross,
            self.lost_amount + other.lost_amount,
            self.seen_only + other.seen_only,
        )

    @property
    def kept_amount(self) -> Decimal:
        """What the shop kept of the purchases after clicks."""
        return self.gross - self.lost_amount

    @property
    def click_share(self) -> float | None:
        """Percent of the cards seen; None where too few were."""
        return 100 * self.clicks / self.seen if self.seen >= MIN_SEEN else None

    @property
    def added_share(self) -> float | None:
        """Of a thousand cards seen."""
        return 1000 * self.added / self.seen if self.seen >= MIN_SEEN else None

    @property
    def kept_per_thousand(self) -> Decimal | None:
        """Money for a thousand cards seen."""
        enough = self.seen >= MIN_SEEN and self.has_amounts
        return 1000 * self.kept_amount / self.seen if enough else None

    @property
    def has_amounts(self) -> bool:
        """Whether enough was bought to say for how much."""
        return self.lines >= MIN_LINES


Key = tuple[Any, ...]


@dataclass(frozen=True)
class Report:
    """The lines of a report, and their sum, in the shop's own currency."""

    lines: Mapping[Key, Outcome]
    """By the columns of `GROUPS`."""
    total: Outcome
    """Of segments it is no sum: who was in several stands in the line of each."""
    foreign: Mapping[str, Mapping[Key, Outcome]] = field(default_factory=dict)
    """The lines of what was shown and bought in other currencies, by currency: nothing is converted."""
    too_few: int = 0
    """How many segments have too few visitors to be a line."""

    @property
    def foreign_totals(self) -> dict[str, Outcome]:
        """By currency, what came of what was shown and bought in it."""
        return {currency: sum(lines.values(), Outcome()) for currency, lines in self.foreign.items()}


def read_report(group: str, period: Period, filters: Filters, currency: str) -> Report:
    """One query."""
    by_currency: dict[str, dict[Key, Outcome]] = {}
    people: dict[Key, int] = {}
    for row in _sums(group, period, filters):
        key, lines = _key(group, row), by_currency.setdefault(row["currency"] or currency, {})
        outcome = _outcome(row)
        lines[key] = lines[key] + outcome if key in lines else outcome
        people[key] = max(people.get(key, 0), row["most_visitors"])
    hidden = {key for key, most in people.items() if group == "segment" and most < MIN_SEGMENT_PEOPLE}
    shown = {
        name: {key: outcome for key, outcome in lines.items() if key not in hidden}
        for name, lines in sorted(by_currency.items())
    }
    own = shown.pop(currency, {})
    foreign = {name: lines for name, lines in shown.items() if lines}
    return Report(own, sum(own.values(), Outcome()), foreign, len(hidden))


def read_block_outcomes(period: Period, currency: str) -> dict[int, Outcome]:
    """What came of each content block, by the key of its definition. One query."""
    lines = read_report("row", period, Filters(surface=BLOCK_SURFACE), currency).lines
    return {int(code.removeprefix(BLOCK_ROW)): outcome for (_surface, code), outcome in lines.items()}


def _sums(group: str, period: Period, filters: Filters) -> Iterator[dict[str, Any]]:
    if group != "product":
        yield from _totals(group, period, filters).sums_by(*GROUPS[group])
        return
    span = week_span(period.first, period.last)
    weeks = _filtered(ProductWeek.objects.filter(week__gte=span.start, week__lt=span.end), filters)
    days = _totals(group, Period(week_of(period.first), week_of(period.last) + WEEK), filters)
    several = [
        days.filter(date__in=some).by_column(sign)
        for sign, some in ((1, span.more_days), (-1, span.fewer_days))
        if some
    ]
    yield from weeks.sums_with_days(*several)


def _totals(group: str, period: Period, filters: Filters) -> Any:
    if group == "segment":
        rows = DailyTotal.objects.of_segments(period.first, period.last)
    else:
        rows = DailyTotal.objects.of_our_rows(period.first, period.last)
        rows = rows.filter(product_id__gt=0) if group == "product" else rows.filter(product_id=0)
    rows = _filtered(rows, filters)
    if filters.campaign is None and group == "campaign":
        rows = rows.exclude(campaign="").exclude(surface=BLOCK_SURFACE)  # whose key stands there
    if filters.device:
        rows = rows.filter(device=filters.device)
    return rows if filters.is_customer is None else rows.filter(is_customer=filters.is_customer)


def _filtered(rows: Any, filters: Filters) -> Any:
    """Those of the page, the row and the campaign that are asked for."""
    equal = {"surface": filters.surface, "row_code": filters.row_code}
    rows = rows.filter(**{name: value for name, value in equal.items() if value})
    return rows if filters.campaign is None else rows.filter(campaign__startswith=f"{filters.campaign}:")


def _key(group: str, row: Mapping[str, Any]) -> Key:
    if group == "campaign":
        return (int(row["campaign"].partition(":")[0]),)
    return tuple(row[name] for name in GROUPS[group])


def _outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(
        seen=row["seen"],
        clicks=row["clicks"],
        added=row["added"],
        lines=row["lines"],
        pieces=row["pieces"],
        gross=row["gross_sum"],
        lost_amount=row["lost_sum"],
        seen_only=row["seen_gross"] - row["seen_lost"],
    )


@dataclass(frozen=True)
class Coverage:
    """How many of the orders of a period were placed by visitors who allowed measuring."""

    orders: int
    measured: int

    @property
    def percent(self) -> int | None:
        """None without an order."""
        return round(100 * self.measured / self.orders) if self.orders else None


def read_coverage(period: Period) -> Coverage:
    """One query, over the orders of the period."""
    since, until = period.moments()
    placed = orders.orders_of_our_sites().filter(date_placed__gte=since, date_placed__lt=until)
    measured = Exists(OrderVisitor.objects.filter(order_id=OuterRef("pk")))
    counts = placed.aggregate(placed=Count("pk"), measured=Count("pk", filter=measured))
    return Coverage(counts["placed"], counts["measured"])


def periods_around(start: date, last: date) -> tuple[Period, Period] | None:
    """As many full days before something began as after it, at most seven; None before the first one is over.

    Parameters: `start`, the day on which it began, which is in neither; `last`, the last full day there is, or that it
    acted on.
    """
    days = min(COMPARED_DAYS, (last - start).days)
    if days < 1:
        return None
    return (
        Period(start - timedelta(days=days), start - ONE_DAY),
        Period(start + ONE_DAY, start + timedelta(days=days)),
    )


def read_products(product_ids: Collection[int], periods: Collection[Period], currency: str) -> list[Outcome]:
    """What came of these products in all rows and lists, in each of these periods. One query."""
    first, last = min(one.first for one in periods), max(one.last for one in periods)
    totals = DailyTotal.objects.of_our_rows(first, last).filter(product_id__in=product_ids)
    days = [(row["date"], _outcome(row)) for row in totals.sums_by("date") if row["currency"] in ("", currency)]
    return [sum((outcome for day, outcome in days if one.first <= day <= one.last), Outcome()) for one in periods]


def best_first(lines: Mapping[Key, Outcome]) -> list[tuple[Key, Outcome]]:
    """The lines, those with most kept first, then those clicked on most."""
    return sorted(lines.items(), key=lambda line: (-line[1].kept_amount, -line[1].clicks, -line[1].seen, line[0]))


def rows_by_added(lines: Iterable[tuple[Key, Outcome]], best: int, worst: int) -> tuple[list[Any], list[Any]]:
    """The rows of which most, and fewest, is put into baskets for a thousand cards seen, of those seen often enough."""
    share: Callable[[tuple[Key, Outcome]], float] = lambda line: line[1].added_share or 0.0  # noqa: E731
    rows = (line for line in lines if line[0][0] != BLOCK_SURFACE)  # which nobody puts into a basket
    ranked = sorted((line for line in rows if line[1].added_share is not None), key=share, reverse=True)
    top = ranked[:best]
    return top, ranked[max(len(top), len(ranked) - worst) :][::-1]
