"""What rows are worth, from daily totals: counts that fade, draws that repeat, and the comparison with the control."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command

from personalization.measure.outcomes import measure_outcomes
from personalization.measure.row_order import (
    MAX_AGE_DAYS,
    OrderComparison,
    RowCounts,
    compare_row_orders,
    count_cards,
    draw_rate,
    draw_row_order,
)
from personalization.merchandising.compile import compile_rules
from personalization.models import Consent, DailyTotal, RowDraw, RulesState, Visitor
from personalization.models.row_draws import RowAudience
from personalization.models.shown_events import ClickSums
from personalization.privacy.retention import roll_up_days
from tests.collect.stored_events import store_dated_event

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
STRANGERS = RowAudience("home", is_customer=False, is_phone=False)


def count(code, seen, added, days_ago=2, **more):
    """Stores the totals of one row on one day."""
    values = {"surface": "home", "device": "computer", "is_customer": False, **more}
    for event_type, cards in (("view_item_list", seen), ("add_to_cart", added)):
        DailyTotal.objects.create(
            date=TODAY - timedelta(days=days_ago),
            type=event_type,
            row_code=code,
            event_count=cards,
            visitor_count=1,
            **values,
        )


def row_counts():
    last = TODAY - timedelta(days=2)
    return count_cards(DailyTotal.objects.cards_by_row(last - timedelta(days=MAX_AGE_DAYS), last), last)


def drawn():
    return {one.row_code: one.drawn_rate for one in RowDraw.objects.filter(**STRANGERS._asdict())}


@pytest.mark.django_db
def test_a_day_counts_half_after_four_weeks_and_not_at_all_before_it_is_a_day_old():
    count("bestsellers", 1_000, 20, days_ago=0)
    count("bestsellers", 1_000, 20, days_ago=1)
    count("bestsellers", 1_000, 20, days_ago=2)
    count("bestsellers", 1_000, 20, days_ago=30)
    counts = row_counts()
    assert counts[STRANGERS]["bestsellers"] == RowCounts(1_500.0, 30.0)
    draw_row_order(NOW)
    assert not RowDraw.objects.exists()  # one row alone has no order


@pytest.mark.django_db
def test_audiences_are_customers_or_not_and_phones_or_not():
    count("trending", 10, 1, device="phone")
    count("trending", 20, 2, device="tablet")
    count("trending", 30, 3, device="", is_customer=True)
    counts = row_counts()
    assert {(key.is_customer, key.is_phone): rows["trending"].seen for key, rows in counts.items()} == {
        (False, True): 10,
        (False, False): 20,
        (True, False): 30,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(("seen", "is_enough"), [(499, False), (500, True)])
def test_nothing_is_drawn_before_an_audience_has_seen_enough(seen, is_enough):
    count("bestsellers", 500, 5)
    count("trending", seen, 5)
    assert draw_row_order(NOW) == (2 if is_enough else 0)
    assert RowDraw.objects.exists() == is_enough


@pytest.mark.django_db
def test_a_repeated_run_draws_the_same_and_the_next_day_draws_anew():
    count("bestsellers", 5_000, 50)
    count("trending", 5_000, 50)
    assert draw_row_order(NOW) == 2
    first, number = drawn(), RulesState.objects.number()
    count("trending", 5_000, 500, days_ago=3)  # came late
    assert draw_row_order(NOW + timedelta(hours=3)) == 0
    assert (drawn(), RulesState.objects.number()) == (first, number)
    draw_row_order(NOW + timedelta(days=1))
    assert drawn() != first and RulesState.objects.number() == number + 1
    assert compile_rules().row_rates == {STRANGERS: drawn()}


def test_a_draw_is_a_function_of_the_day_and_the_counts_and_gets_surer_with_them():
    assert draw_rate(RowCounts(100, 3), 0.01, "a") == draw_rate(RowCounts(100, 3), 0.01, "a")
    assert draw_rate(RowCounts(100, 3), 0.01, "a") != draw_rate(RowCounts(100, 3), 0.01, "b")
    few = [draw_rate(RowCounts(0, 0), 0.01, str(day)) for day in range(2_000)]
    many = [draw_rate(RowCounts(100_000, 3_000), 0.01, str(day)) for day in range(2_000)]
    assert sum(few) / len(few) == pytest.approx(0.01, rel=0.1)
    assert max(few) > 0.05 and min(few) < 0.0001
    assert 0.027 < min(many) < max(many) < 0.033


def test_more_adds_than_cards_seen_are_no_error():
    assert 0 < draw_rate(RowCounts(2, 5), 0.5, "a") <= 1


@pytest.mark.django_db
def test_two_orders_are_compared_by_the_clicks_of_visitors_and_not_below_a_floor():
    def click(visitor, times, arm, days_ago=1):
        shown = {"slate_id": uuid4(), "surface": "home", "row_key": "trending", "arm": arm, "product_id": 7}
        for _ in range(times):
            store_dated_event(visitor, "select_item", days_ago, **shown)

    anna, ben, eva, left = (Visitor.objects.create() for _ in range(4))
    click(anna, 50, "row-order=shop")
    click(ben, 49, "holdout-1=personalized,row-order=shop")
    click(eva, 30, "row-order=drawn", days_ago=27)
    assert "too few yet" in str(compare_row_orders(NOW))
    click(ben, 1, "row-order=shop", days_ago=27)
    click(ben, 9, "row-order=shop", days_ago=29)
    click(eva, 9, None)
    Visitor.objects.filter(pk=left.pk).update(consent=Consent.WITHDRAWN)
    click(left, 9, "row-order=drawn")
    found = compare_row_orders(NOW)
    assert [found.drawn[:2], found.shop[:2]] == [(30, 900), (100, 5_000)]


def test_the_comparison_says_what_chance_may_do():
    assert str(OrderComparison(ClickSums(10_800, 40_000), ClickSums(1_000, 4_000))) == (
        "+20% clicks (± 15% by chance) with rows in the drawn order, compared with the tenth of the visitors who saw "
        "the shop's order"
    )


@pytest.mark.django_db
def test_the_nightly_run_counts_events_and_draws_from_them_and_the_hourly_one_does_not(settings):
    visitor = Visitor.objects.create()
    days_ago = 2
    for row in ("bestsellers", "trending"):
        items = [[number, number, row] for number in range(1, 501)]
        store_dated_event(visitor, "view_item_list", days_ago, items=items, surface="home", row_key=row)
    shown = {"surface": "home", "row_key": "trending", "reason": "trending"}
    store_dated_event(visitor, "select_item", days_ago, product_id=7, **shown)
    store_dated_event(visitor, "add_to_cart", days_ago - 0.01, product_id=7)
    store_dated_event(visitor, "add_to_cart", days_ago - 0.01, product_id=7, is_suspected_bot=True)
    roll_up_days(NOW)
    assert measure_outcomes(NOW, thorough=False).row_orders is None and not RowDraw.objects.exists()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_ORDER_MAX_SHIFT": 0}
    assert measure_outcomes(NOW).row_orders is None and not RowDraw.objects.exists()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_ORDER_MAX_SHIFT": 2}
    assert "too few yet" in str(measure_outcomes(NOW))
    assert {(one.row_code, one.seen, one.added) for one in RowDraw.objects.all()} == {
        ("bestsellers", 500.0, 0.0),
        ("trending", 500.0, 1.0),
    }
    assert {one.date for one in RowDraw.objects.all()} == {date(2026, 11, 20)}


@pytest.mark.django_db
def test_a_shop_that_measures_nothing_draws_nothing(capsys):
    call_command("personalization_measure", "--all")
    assert capsys.readouterr().out == "Done: 0 order lines credited; 0 corrected; 0 days counted.\n"
    assert RulesState.objects.number() == 0
