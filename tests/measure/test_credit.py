"""Credit: which order lines are owed to which row, and what the shop kept of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from oscar.apps.order.models import Order

from personalization.measure import credit
from personalization.measure.outcomes import MeasureResult, count_purchases, measure_outcomes
from personalization.models import Consent, Credit, DailyTotal, Event, OrderVisitor, Visitor
from personalization.privacy import identity
from tests.measure.orders import DAY, click, pay_back, place_order, return_pieces, see
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONDAY = NOW - timedelta(days=4)


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea")


@pytest.fixture
def coffee(db):
    return shop.create_shop_product("Coffee")


@pytest.fixture
def anna(db):
    user = User.objects.create_user("anna", "anna@example.com", "x")
    shop.grant_consent(user)
    return Visitor.objects.get(user=user)


def credits() -> list[tuple]:
    """(row, touch, kept) of each line that has credit."""
    rows = Credit.objects.order_by("line_id", "pk")
    return [(one.row_key, one.touch, one.kept_amount) for one in rows]


def test_a_click_on_monday_is_credited_with_the_purchase_on_wednesday(anna, tea):
    click(anna, tea, MONDAY)
    place_order(anna, [(tea, 1, "3.50")], MONDAY + 2 * DAY)
    assert measure_outcomes(NOW).credited == 1
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]


def test_the_last_click_wins(anna, tea):
    click(anna, tea, MONDAY)
    click(anna, tea, MONDAY + DAY, row="bestsellers", campaign="5:2", device="phone", arm="holdout-1=rest")
    place_order(anna, [(tea, 1, "3.50")], MONDAY + 2 * DAY)
    measure_outcomes(NOW)
    found = Credit.objects.get()
    assert (found.row_key, found.campaign, found.device, found.arm) == (
        "bestsellers",
        "5:2",
        "phone",
        "holdout-1=rest",
    )
    assert found.is_customer


def test_who_clicked_on_one_product_and_bought_another_owes_nothing(anna, tea, coffee):
    click(anna, tea, MONDAY)
    place_order(anna, [(coffee, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == []


def test_what_was_only_seen_stands_beside_the_clicks(anna, tea, coffee):
    see(anna, [coffee, tea], MONDAY)
    place_order(anna, [(tea, 1, "3.50")], MONDAY + timedelta(hours=3))
    measure_outcomes(NOW)
    assert credits() == [("for_you", "seen", Decimal("3.50"))]
    counted = DailyTotal.objects.filter(product_id=0, type__startswith="purchase")
    assert list(counted.values_list("type", "gross")) == [("purchase_seen", Decimal("3.50"))]


def test_a_click_counts_before_what_was_seen_later(anna, tea):
    click(anna, tea, MONDAY)
    see(anna, [tea], MONDAY + timedelta(hours=5), row="bestsellers")
    place_order(anna, [(tea, 1, "3.50")], MONDAY + timedelta(hours=6))
    measure_outcomes(NOW)
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]


@pytest.mark.parametrize(
    ("touch", "before", "expected"),
    [
        (click, timedelta(days=8), 0),
        (click, timedelta(days=7), 1),
        (click, timedelta(seconds=-1), 0),
        (click, timedelta(0), 0),
        (click, timedelta(seconds=1), 1),
        (see, timedelta(hours=25), 0),
        (see, timedelta(hours=24), 1),
        (see, timedelta(seconds=-1), 0),
    ],
)
def test_a_touch_counts_for_seven_days_or_one_and_never_after_the_order(anna, tea, touch, before, expected):
    ordered = MONDAY + DAY
    touch(anna, tea if touch is click else [tea], ordered - before)
    place_order(anna, [(tea, 1, "3.50")], ordered)
    measure_outcomes(NOW)
    assert len(credits()) == expected


def test_two_lines_of_one_product_are_two_credits(anna, tea):
    click(anna, tea, MONDAY)
    place_order(anna, [(tea, 1, "3.50"), (tea, 2, "7.00")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == [("for_you", "clicked", Decimal("3.50")), ("for_you", "clicked", Decimal("7.00"))]
    total = DailyTotal.objects.get(type="purchase", product_id=0)
    assert (total.event_count, total.visitor_count, total.units, total.gross) == (2, 1, 3, Decimal("10.50"))


def test_an_order_that_is_cancelled_after_20_days_is_lost_on_its_own_day(
    anna, tea, settings, django_capture_on_commit_callbacks
):
    click(anna, tea, MONDAY)
    order = place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    with django_capture_on_commit_callbacks(execute=True):
        order.status = "Cancelled"
        order.save()
    assert Credit.objects.get().lost_amount == Decimal("3.50")
    assert measure_outcomes(NOW + 20 * DAY).days == 1
    total = DailyTotal.objects.get(type="purchase", product_id=0)
    assert (total.date, total.gross, total.lost_amount) == ((MONDAY + DAY).date(), Decimal("3.50"), Decimal("3.50"))


def test_a_status_that_was_set_without_a_signal_is_found_by_the_sweep_and_may_be_taken_back(anna, tea):
    click(anna, tea, MONDAY)
    order = place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    Order.objects.filter(pk=order.pk).update(status="Cancelled")
    assert measure_outcomes(NOW, thorough=False).corrected == 0
    assert measure_outcomes(NOW + 20 * DAY).corrected == 1
    assert credits() == [("for_you", "clicked", Decimal(0))]
    Order.objects.filter(pk=order.pk).update(status="Pending")
    measure_outcomes(NOW + 21 * DAY)
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]


@pytest.mark.parametrize(("pieces", "kept"), [(1, "6.67"), (2, "3.33"), (3, "0.00")])
def test_of_three_pieces_some_come_back(anna, tea, pieces, kept, django_capture_on_commit_callbacks):
    click(anna, tea, MONDAY)
    order = place_order(anna, [(tea, 3, "10.00")], MONDAY + DAY)
    measure_outcomes(NOW)
    with django_capture_on_commit_callbacks(execute=True):
        return_pieces(order.lines.get(), pieces)
    assert credits() == [("for_you", "clicked", Decimal(kept))]
    assert Credit.objects.get().lost_quantity == pieces


@pytest.mark.parametrize(
    ("paid_back", "lost"),
    [
        ("0.03", ["0.01", "0.01", "0.01"]),
        ("1.20", ["0.33", "0.34", "0.33"]),
        ("36.00", ["10.00", "10.00", "10.00"]),
        ("99.00", ["10.00", "10.00", "10.00"]),
    ],
)
def test_a_refund_that_names_no_line_is_spread_by_worth(anna, tea, paid_back, lost, django_capture_on_commit_callbacks):
    click(anna, tea, MONDAY)
    order = place_order(anna, [(tea, 1, "10.00")] * 3, MONDAY + DAY)
    measure_outcomes(NOW)
    with django_capture_on_commit_callbacks(execute=True):
        pay_back(order, paid_back)
    assert [str(one.lost_amount) for one in Credit.objects.order_by("line_id")] == lost


def test_what_was_paid_back_for_pieces_that_came_back_is_not_lost_twice(anna, tea, coffee):
    for product in (tea, coffee):
        click(anna, product, MONDAY)
    order = place_order(anna, [(tea, 1, "10.00"), (coffee, 1, "5.00")], MONDAY + DAY)
    return_pieces(order.lines.get(product=tea), 1)
    pay_back(order, "12.00")
    measure_outcomes(NOW)
    assert [one.lost_amount for one in Credit.objects.order_by("line_id")] == [Decimal("10.00"), Decimal(0)]


def test_a_line_that_the_shop_deletes_is_lost(anna, tea, coffee, django_capture_on_commit_callbacks):
    for product in (tea, coffee):
        click(anna, product, MONDAY)
    order = place_order(anna, [(tea, 1, "10.00"), (coffee, 1, "5.00")], MONDAY + DAY)
    measure_outcomes(NOW)
    with django_capture_on_commit_callbacks(execute=True):
        order.lines.get(product=tea).delete()
    assert [one.kept_amount for one in Credit.objects.order_by("line_id")] == [Decimal(0), Decimal("5.00")]
    with django_capture_on_commit_callbacks(execute=True):
        order.delete()
    assert [one.kept_amount for one in Credit.objects.all()] == [Decimal(0), Decimal(0)]


def test_a_guest_who_clicked_and_ordered_as_a_guest(tea):
    guest = Visitor.objects.create(consent=Consent.GRANTED, consented_at=MONDAY)
    click(guest, tea, MONDAY)
    place_order(guest, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]
    assert not Credit.objects.get().is_customer


def test_who_withdrew_and_then_bought_owes_nothing(anna, tea):
    click(anna, tea, MONDAY)
    Visitor.objects.filter(pk=anna.pk).delete_activity()
    place_order(None, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == []


def test_a_child_product_is_its_parent(anna):
    parent = shop.create_shop_product("Shirt")
    child = shop.create_shop_product("Shirt, blue")
    type(child).objects.filter(pk=child.pk).update(structure="child", parent=parent)
    click(anna, parent, MONDAY)
    place_order(anna, [(child, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert Credit.objects.get().product_id == parent.pk


def test_no_credit_for_what_the_shops_own_order_showed_nor_for_bots_nor_without_a_slate(anna, tea):
    click(anna, tea, MONDAY, reason="")
    click(anna, tea, MONDAY, is_suspected_bot=True)
    click(anna, tea, MONDAY, slate_id=None)
    place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == []


def test_a_click_that_is_heard_of_late_still_gets_its_credit(anna, tea):
    see(anna, [tea], MONDAY + timedelta(hours=20), row="bestsellers")
    place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    assert credits() == [("bestsellers", "seen", Decimal("3.50"))]
    click(anna, tea, MONDAY)
    measure_outcomes(NOW)
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]


def test_when_the_events_are_gone_the_credit_stays(anna, tea):
    click(anna, tea, MONDAY)
    place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    Event.objects.all().delete()
    assert measure_outcomes(NOW) == MeasureResult(0, 0, 0)
    assert credits() == [("for_you", "clicked", Decimal("3.50"))]


def test_when_a_person_is_erased_the_sums_stay_and_the_person_is_nowhere(anna, tea):
    click(anna, tea, MONDAY)
    order = place_order(anna, [(tea, 1, "3.50")], MONDAY + DAY)
    measure_outcomes(NOW)
    before = list(DailyTotal.objects.order_by("pk").values_list("type", "product_id", "gross", "visitor_count"))
    identity.erase_customer(anna.user_id, NOW)
    left = Credit.objects.get()
    assert (left.visitor_id, left.order_id, left.line_id, left.kept_amount) == (None, None, None, Decimal("3.50"))
    Credit.objects.update(is_counted=False)
    measure_outcomes(NOW)
    after = list(DailyTotal.objects.order_by("pk").values_list("type", "product_id", "gross", "visitor_count"))
    assert after == before
    assert order.pk not in Credit.objects.values_list("order_id", flat=True)


def test_a_browser_that_signs_in_takes_the_credit_of_this_visit_along(tea, anna):
    guest = Visitor.objects.create(consent=Consent.GRANTED, consented_at=MONDAY)
    old = place_order(guest, [(tea, 1, "3.50")], MONDAY)
    click(guest, tea, MONDAY - DAY)
    measure_outcomes(NOW)
    Credit.objects.release(guest)
    Visitor.objects.delete_with_rows([guest.pk])
    assert Credit.objects.get().order_id == old.pk, "a late cancellation has to be heard"
    Order.objects.filter(pk=old.pk).update(status="Cancelled")
    measure_outcomes(NOW)
    assert credits() == [("for_you", "clicked", Decimal(0))]


def test_it_costs_a_fixed_number_of_queries(anna, tea, django_assert_max_num_queries):
    for number in range(30):
        click(anna, tea, MONDAY + number * timedelta(minutes=1))
        place_order(anna, [(tea, 1, "3.50")], MONDAY + number * timedelta(minutes=2))
    with django_assert_max_num_queries(50):  # 18 of them for experiments, rows, searches, campaigns and new products
        measure_outcomes(NOW)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["click", "see", "order", "cancel", "return"]),
        st.integers(0, 2),
        st.integers(0, 10 * 24),
    ),
    min_size=1,
    max_size=8,
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, chance=st.randoms(use_true_random=False))
def test_credit_is_the_same_in_whatever_order_things_are_heard_of(steps, chance, anna, tea, coffee):
    """Each thing has its moment; the run between two of them must not matter."""
    products = (tea, coffee, shop.create_shop_product("Cocoa"))

    def happen(order_of_hearing, measured_between):
        Credit.objects.all().delete()
        Event.objects.all().delete()
        OrderVisitor.objects.all().delete()
        Order.objects.all().delete()
        orders, late = {}, []
        for index in order_of_hearing:
            name, product, hour = steps[index]
            at = NOW - timedelta(days=12) + timedelta(hours=hour, seconds=index)
            if name == "click":
                click(anna, products[product], at, row=f"row_{index}")
            elif name == "see":
                see(anna, [products[product]], at, row=f"row_{index}")
            elif name == "order":
                orders[index] = place_order(anna, [(products[product], 3, "10.00")], at)
            else:
                late.append((name, product))
            if measured_between:
                credit.credit_recent_orders(NOW, timedelta(days=20))
        for index, order in orders.items():
            for name, product in late:
                if product == steps[index][1]:
                    if name == "cancel":
                        Order.objects.filter(pk=order.pk).update(status="Cancelled")
                    else:
                        return_pieces(order.lines.get(), 1)
        credit.credit_recent_orders(NOW, timedelta(days=20))
        credit.sweep_losses(NOW)
        by_order = {order.pk: index for index, order in orders.items()}
        rows = Credit.objects.all()
        return sorted((by_order[one.order_id], one.row_key, one.touch, one.kept_amount) for one in rows)

    forwards = list(range(len(steps)))
    shuffled = forwards[:]
    chance.shuffle(shuffled)
    first = happen(forwards, measured_between=False)
    assert happen(shuffled, measured_between=True) == first
    ordered = {index for index, (name, _, _) in enumerate(steps) if name == "order"}
    assert {row[0] for row in first} <= ordered and len(first) == len({row[0] for row in first})
    DailyTotal.objects.all().delete()
    count_purchases()
    money = DailyTotal.objects.filter(product_id=0, type__startswith="purchase").values_list("gross", "lost_amount")
    assert sum(gross - lost for gross, lost in money) == sum((row[3] for row in first), Decimal(0))


def test_the_order_of_equal_touches_is_settled():
    touches = [Credit(touch="clicked", touched_at=NOW, surface="home", row_key=row) for row in "abc"]
    assert {max(some, key=lambda one: one.strength).row_key for some in permutations(touches)} == {"c"}
