"""Weeks of products are the sums of their days, whatever is counted again, so that a report may take either."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from personalization.measure.credit import credit_recent_orders
from personalization.measure.outcomes import measure_outcomes
from personalization.measure.reports import Filters, Outcome, Period, _outcome, _totals, read_report
from personalization.models import DailyTotal, ProductWeek, Visitor
from personalization.models.product_weeks import week_of, week_span
from personalization.privacy.retention import apply_retention, roll_up_days
from tests.measure.orders import DAY, click, place_order, see
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LAST = NOW.date() - timedelta(days=1)


@pytest.fixture
def five_weeks(db):
    """Each day of five weeks tea is seen, clicked on and bought in two rows, coffee every third day, priced in EUR."""
    tea, coffee = shop.create_shop_product("Tea", stock=1_000), shop.create_shop_product("Coffee", stock=1_000)
    visitor = Visitor.objects.create(consent="granted", consented_at=NOW - 100 * DAY)
    for number in range(1, 36):
        at = NOW - number * DAY
        row = "bestsellers" if number % 2 else "trending"
        see(visitor, [tea, coffee], at, row=row)
        click(visitor, tea, at + timedelta(minutes=1), row=row, campaign="7:1" if number % 5 == 0 else None)
        place_order(visitor, [(tea, 1, f"{number}.00")], at + timedelta(minutes=2))
        if number % 3 == 0:
            click(visitor, coffee, at, row=row, currency="EUR")
    credit_recent_orders(NOW, 40 * DAY)
    measure_outcomes(NOW)
    roll_up_days(NOW)
    return tea, coffee


def by_days(period: Period, filters: Filters) -> dict[tuple[str, int], Outcome]:
    """{(currency, product): what came of it}, from the daily totals alone."""
    found: dict[tuple[str, int], Outcome] = {}
    for row in _totals("product", period, filters).sums_by("product_id"):
        key = row["currency"] or "USD", row["product_id"]
        found[key] = found.get(key, Outcome()) + _outcome(row)
    return found


def by_report(period: Period, filters: Filters) -> dict[tuple[str, int], Outcome]:
    report = read_report("product", period, filters, "USD")
    currencies = {"USD": report.lines, **report.foreign}
    return {(name, key): outcome for name, lines in currencies.items() for (key,), outcome in lines.items()}


FILTERS = [Filters(), Filters(row_code="trending"), Filters(campaign=7), Filters(surface="search")]


def test_a_report_with_weeks_says_what_the_days_say(five_weeks):
    for days, ago, filters in product([1, 6, 7, 8, 13, 14, 20, 28, 33], [0, 1, 3, 6], FILTERS):
        last = LAST - timedelta(days=ago)
        period = Period(last - timedelta(days=days - 1), last)
        assert by_report(period, filters) == by_days(period, filters), (period, filters)


def test_what_is_cancelled_later_is_taken_off_its_week(five_weeks):
    tea, _coffee = five_weeks
    period = Period(LAST - timedelta(days=34), LAST)
    before = by_report(period, Filters())["USD", tea.pk]
    order = tea.line_set.get(line_price_excl_tax=20).order
    type(order).objects.filter(pk=order.pk).update(status="Cancelled")
    measure_outcomes(NOW)
    after = by_report(period, Filters())["USD", tea.pk]
    assert (before.lost_amount, after.lost_amount, after.gross) == (0, 20, before.gross)
    assert by_report(period, Filters()) == by_days(period, Filters())


def test_counting_twice_is_counting_once(five_weeks):
    fields = ("week", "product_id", "row_code", "currency", "seen_cards", "clicked_cards", "order_lines", "gross")
    before = sorted(ProductWeek.objects.values_list(*fields))
    measure_outcomes(NOW)
    roll_up_days(NOW)
    assert sorted(ProductWeek.objects.values_list(*fields)) == before


def test_a_report_by_product_takes_one_query(five_weeks, django_assert_num_queries):
    with django_assert_num_queries(1):
        read_report("product", Period(LAST - timedelta(days=27), LAST), Filters(), "USD")


def test_weeks_go_with_their_days(five_weeks, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "TOTAL_RETENTION_DAYS": 10, "EVENT_RETENTION_DAYS": 7}
    apply_retention(NOW)
    assert min(DailyTotal.objects.values_list("date", flat=True)) == NOW.date() - timedelta(days=10)
    assert min(ProductWeek.objects.values_list("week", flat=True)) == week_of(NOW.date() - timedelta(days=10))


@pytest.mark.parametrize(
    ("first", "last", "weeks", "more", "fewer"),
    [
        ((11, 2), (11, 8), ((11, 2), (11, 9)), [], []),
        ((11, 3), (11, 15), ((11, 2), (11, 16)), [], [(11, 2)]),
        ((11, 6), (11, 17), ((11, 9), (11, 16)), [(11, 6), (11, 7), (11, 8), (11, 16), (11, 17)], []),
        ((11, 4), (11, 5), ((11, 2), (11, 9)), [], [(11, 2), (11, 3), (11, 6), (11, 7), (11, 8)]),
        ((11, 7), (11, 8), ((11, 9), (11, 9)), [(11, 7), (11, 8)], []),
        ((11, 7), (11, 10), ((11, 9), (11, 9)), [(11, 7), (11, 8), (11, 9), (11, 10)], []),
    ],
)
def test_a_period_is_made_of_weeks_and_few_days(first, last, weeks, more, fewer):
    def days(some):
        return [date(2026, *one) for one in some]

    assert week_span(*days([first, last])) == (*days(weeks), days(more), days(fewer))
