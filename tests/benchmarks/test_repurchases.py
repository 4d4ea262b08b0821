"""When products are bought again, and the goals that are printed, on purchases whose rhythm is known."""

import numpy as np
import pytest

from benchmarks import value
from benchmarks.repurchases import forecast_repurchases, pairs_of_purchases
from tests.train.customer_value.made_shops import END, steady_shop


def purchases(customers=60, length=400):
    """Each customer buys item 0 every ten days and item 1 every forty, give or take a day."""
    chance = np.random.default_rng(4)
    rows = [
        (customer, item, END - length + day + int(chance.integers(0, 2)))
        for customer in range(customers)
        for item, pause in ((0, 10), (1, 40))
        for day in range(int(chance.integers(0, pause)), length - 2, pause)
    ]
    return pairs_of_purchases(*(np.array(column) for column in zip(*rows, strict=True)))


def test_what_is_bought_every_ten_days_comes_sooner_than_what_is_bought_every_forty():
    pairs = purchases()
    forecast = forecast_repurchases(pairs, END)
    item = pairs.item[forecast.pair]
    assert len(item) == 120
    assert forecast.within_week[item == 0].mean() > 2 * forecast.within_week[item == 1].mean()
    assert forecast.due[item == 0].max() <= 11 and forecast.due[item == 1].max() <= 41
    assert (np.diff(forecast.days, axis=1) > 0).all()


def test_nothing_is_said_without_a_window_to_learn_from_or_pairs_with_a_rhythm():
    assert forecast_repurchases(purchases(length=120), END) is None
    one = np.array([0])
    assert forecast_repurchases(pairs_of_purchases(one, one, np.array([END - 300])), END) is None


def test_slots_are_filled_by_score_and_each_customer_has_as_many():
    customer = np.array([0] * 6 + [1])
    score = np.array([6.0, 5, 4, 3, 2, 1, 1])
    bought = np.array([True, False, False, False, False, True, True])
    assert value.slot_hits(customer, score, bought) == pytest.approx(2 / 10)


def test_a_goal_is_met_or_missed(capsys):
    assert value.print_goal("orders MAE", value.AT_MOST, 4.0, [3.9, None])
    assert not value.print_goal("total", value.BETWEEN, (0.9, 1.1), [1.2])
    met, missed = capsys.readouterr().out.splitlines()
    assert " met " in met and met.endswith("-") and " MISSED " in missed


def test_an_enlarged_shop_has_copies_of_its_customers():
    days = steady_shop(200, 20)
    large = value.enlarged(days, 30)
    assert large.customers == 30
    assert np.array_equal(large.spend[large.customer == 25], days.spend[days.customer == 5])


def test_cost_is_measured_in_a_process_of_its_own():
    seconds, mib = value.measure_cost(steady_shop(200, 20, until=value.day_number(value.CUTS["A"])))
    assert seconds > 0 and mib >= 0
