"""How many customers are in a segment, who for instance, and which segments a shop may begin with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import pgettext

from personalization.merchandising.segments import (
    CompiledSegment,
    Sensitive,
    compile_segment,
    parse_segment,
)
from personalization.models import CustomerTaste
from personalization.models.customer_facts import TasteKind
from personalization.shop import catalogue, customers, product_values

TIMEOUT_MS = 5000
QUERY_CANCELED = "57014"
SILENT_DAYS = 60
BEST_TIERS = (9, 10)


@dataclass(frozen=True)
class SegmentCount:
    """How many customers are in a segment."""

    members: int
    customers: int
    """All accounts that can sign in."""
    is_exact: bool
    """Whether the database knows all conditions; if not, these are all who may be in it while they shop."""

    @property
    def share(self) -> float:
        """The part of all customers that is in it, 0 to 1."""
        return self.members / self.customers if self.customers else 0.0


def count_customers(segment: CompiledSegment, now: float, timeout_ms: int = TIMEOUT_MS) -> SegmentCount | None:
    """The count; None where it took longer than this. On SQLite nothing ends it."""
    members = _or_none(lambda: segment.customers(now).count(), timeout_ms)
    if members is None:
        return None
    return SegmentCount(members, customers.count_customers(), segment.is_countable)


def count_audience(
    included: Sequence[CompiledSegment],
    excluded: Sequence[CompiledSegment],
    now: float,
    timeout_ms: int = TIMEOUT_MS,
) -> SegmentCount | None:
    """How many customers are in one of the first segments, or in any without them, and in none of the others; None
    where counting took longer than this."""
    found = customers.active_customers()
    if included:
        found = found.filter(reduce(or_, [segment.q(now) for segment in included]))
    for segment in excluded:
        inside = customers.active_customers().filter(segment.q(now, unknown=False), pk=OuterRef("pk"))
        found = found.filter(~Exists(inside))
    members = _or_none(found.count, timeout_ms)
    if members is None:
        return None
    is_exact = all(segment.is_countable for segment in (*included, *excluded))
    return SegmentCount(members, customers.count_customers(), is_exact)


def overlap(
    segment: CompiledSegment, others: Mapping[int, CompiledSegment], now: float, timeout_ms: int = TIMEOUT_MS
) -> dict[int, int | None]:
    """How many customers are in the segment and in each of the others, by their keys; None where it took too long."""
    return {
        key: _or_none(lambda other=other: segment.customers(now).filter(other.q(now)).count(), timeout_ms)
        for key, other in others.items()
    }


def sample_customers(segment: CompiledSegment, n: int, now: float, timeout_ms: int = TIMEOUT_MS) -> list[Any]:
    """The newest `n` accounts that are in it; none where it took too long."""
    return _or_none(lambda: list(segment.customers(now).order_by("-pk")[:n]), timeout_ms) or []


def value_quartiles(segment: CompiledSegment, now: float, timeout_ms: int = TIMEOUT_MS) -> tuple[Decimal, ...] | None:
    """(lower quartile, median, upper quartile) of what those in it spent and kept in a year, as far as anything is
    known of them; None where it took too long, or nobody is."""
    column = "personalization_facts__year_revenue"
    rows = segment.customers(now).filter(personalization_facts__isnull=False).order_by(column)

    def read_quartiles() -> tuple[Decimal, ...] | None:
        count = rows.count()
        places = [round(part * (count - 1) / 4) for part in (1, 2, 3)]
        return tuple(rows.values_list(column, flat=True)[place] for place in places) if count else None

    return _or_none(read_quartiles, timeout_ms)


def _or_none(query: Any, timeout_ms: int) -> Any:
    try:
        with _time_limit(timeout_ms):
            return query()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        return None


@contextmanager
def _time_limit(milliseconds: int) -> Iterator[None]:
    """On PostgreSQL a query in the block is cancelled when it takes longer. The limit ends with the block, also within
    a transaction that goes on."""
    with transaction.atomic():
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


@dataclass(frozen=True)
class SuggestedSegment:
    """A segment that the shop may begin with."""

    name: str
    document: dict[str, Any]
    count: SegmentCount | None


def suggest_segments(now: float) -> list[SuggestedSegment]:
    """Three segments of the shop's own data, with their counts."""
    sensitive = Sensitive(catalogue.sensitive_categories())
    found = []
    for name, conditions in _suggestions(sensitive):
        document = {"match": "all", "groups": [{"match": "all", "conditions": conditions}]}
        segment, errors = parse_segment(document, sensitive)
        if segment is None:
            raise AssertionError(errors)
        count = count_customers(compile_segment(segment, {}, sensitive), now)
        found.append(SuggestedSegment(name, document, count))
    return found


def _suggestions(sensitive: Sensitive) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(name, conditions) of each."""
    silent = {"field": "last_order", "op": "more_than", "value": SILENT_DAYS}
    twice = {"field": "orders", "op": "at_least", "value": 2}
    yield (
        pgettext("personalization", "Bought twice or more, silent for %(days)s days") % {"days": SILENT_DAYS},
        [twice, silent],
    )
    best = {"field": "value_tier", "op": "one_of", "value": list(BEST_TIERS)}
    yield pgettext("personalization", "The best fifth by kept revenue"), [best]
    if category := _common_category(sensitive):
        bought = {"field": "bought_category", "op": "one_of", "value": {"keys": [category[0]], "times": 2}}
        yield pgettext("personalization", "Regulars of %(category)s") % {"category": category[1]}, [bought]
        return
    never = {"field": "orders", "op": "at_most", "value": 0}
    yield pgettext("personalization", "Opened an account and never bought"), [never]


def _common_category(sensitive: Sensitive) -> tuple[int, str] | None:
    """(key, name) of the category that most customers bought from, of those without others below
    them: what everybody buys tells nobody apart."""
    names = product_values.leaf_category_names()
    common = [key for key in CustomerTaste.objects.most_common(TasteKind.CATEGORY) if key not in sensitive.categories]
    return next(((key, names[key]) for key in common if key in names), None)
