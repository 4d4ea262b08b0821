"""What a customer is expected to order: which method a history allows, and that the arithmetic is right."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from personalization.train.customer_value import weibull
from personalization.train.customer_value.back_test import try_forecast
from personalization.train.customer_value.bgnbd import BetaGeometric, RepeatOrders
from personalization.train.customer_value.customer_reasons import leading_reasons, value_tiers
from personalization.train.customer_value.decayed_rate import expected_order_value
from personalization.train.customer_value.features import customer_feature_names, windowed_features
from personalization.train.customer_value.forecast import BASE, CORRECTED, YOUNG, forecast_customers, snapshot_cuts
from personalization.train.customer_value.order_days import HORIZON, fold_order_days, outcome_after
from personalization.train.customer_value.simple_ways import last_window_again, rfm_sums
from tests.train.customer_value.made_shops import END, orders_of, steady_shop


def test_orders_of_one_day_are_one_order_day():
    days = fold_order_days(
        np.array([1, 0, 1]), np.array([5, 5, 5]), np.array([2.0, 1.0, 3.0]), np.array([1, 1, 4]), customers=2
    )
    assert (days.customer.tolist(), days.day.tolist()) == ([0, 1], [5, 5])
    assert (days.spend.tolist(), days.lines.tolist()) == ([1.0, 5.0], [1.0, 5.0])


def test_the_outcome_is_what_happens_within_the_horizon():
    days = orders_of({1: 9.0, 10: 2.0, 12: 3.0}, {1: 9.0}, {1: 9.0, 10 + HORIZON: 7.0})
    truth = outcome_after(days, 10)
    assert truth.orders.tolist() == [2, 0, 0] and truth.spend.tolist() == [5, 0, 0]
    assert truth.days.tolist() == [1, HORIZON, HORIZON]


@pytest.mark.parametrize(("length", "customers", "method"), [(120, 400, YOUNG), (400, 60, BASE), (400, 500, CORRECTED)])
def test_the_history_says_which_method_it_is(length, customers, method):
    assert forecast_customers(steady_shop(length, customers), END).method == method


def test_snapshots_leave_enough_history_before_them():
    assert snapshot_cuts(orders_of({0: 1.0}), 149) == []
    assert snapshot_cuts(orders_of({0: 1.0}), 150) == [60]
    assert snapshot_cuts(orders_of({0: 1.0}), 275) == [185, 155, 125]


def test_nothing_after_the_cut_is_used():
    days = steady_shop()
    early = forecast_customers(days, END - HORIZON)
    blind = forecast_customers(days.before(END - HORIZON), END - HORIZON)
    for name in ("orders", "spend", "year_spend", "active", "days"):
        assert np.array_equal(getattr(early, name), getattr(blind, name)), name


@pytest.mark.parametrize(("length", "customers"), [(120, 400), (400, 60), (400, 500)])
def test_a_forecast_is_near_what_comes(length, customers):
    days = steady_shop(length + HORIZON, customers)
    cut = END - HORIZON
    forecast = forecast_customers(days, cut)
    truth = outcome_after(days, cut).select(forecast.customer)
    assert 0.75 < forecast.orders.sum() / truth.orders.sum() < 1.3
    assert 0.75 < forecast.spend.sum() / truth.spend.sum() < 1.3
    assert abs(forecast.active.mean() - truth.active.mean()) < 0.1
    assert np.corrcoef(forecast.spend, truth.spend)[0, 1] > 0.4
    assert (np.diff(forecast.days, axis=1) >= 0).all() and forecast.days.max() <= HORIZON
    assert (forecast.year_spend >= forecast.spend).all()


def test_features_are_of_the_last_days_only():
    """So a customer of ten years has the features of one of half a year who did the same lately."""
    lately = {END - 3: 5.0, END - 20: 6.0, END - 80: 7.0}
    days = orders_of(lately, {**lately, END - 3000: 50.0, END - 2900: 60.0})
    rows = windowed_features(days, END, 180, 6.0)
    assert rows.shape == (2, len(customer_feature_names(180)))
    assert np.array_equal(rows[0], rows[1])


def test_features_do_not_depend_on_the_currency():
    days = steady_shop(customers=20)
    dear = orders_of(*({day: 100.0} for day in range(END - 20, END)))
    assert np.allclose(
        windowed_features(dear, END, 90, 100.0),
        windowed_features(orders_of(*({day: 1.0} for day in range(END - 20, END))), END, 90, 1.0),
    )
    assert np.isfinite(windowed_features(days, END, 180, 40.0)).all()


def test_the_gradient_of_the_waiting_times_is_that_of_their_likelihood():
    chance = np.random.default_rng(3)
    columns = np.column_stack([np.ones(50), chance.normal(size=(50, 3))])
    arguments = (columns, chance.normal(3, 1, 50), chance.random(50) < 0.7, np.array([0, 2.0, 2.0, 2.0]))

    def value(at):
        return weibull._surprise(at, *arguments)[0]

    def gradient(at):
        return weibull._surprise(at, *arguments)[1]

    for _ in range(5):
        at = chance.normal(0, 0.5, 5)
        assert check_grad(value, gradient, at) < 1e-4 * np.linalg.norm(gradient(at))


def test_waiting_times_are_learned_with_those_that_did_not_end():
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(4000, 2))
    wait = np.exp(3 + rows @ [0.5, -0.3] + 0.6 * np.log(chance.exponential(size=4000)))
    model = weibull.WeibullWaits.learn(rows, np.minimum(wait, 30), wait < 30, ridge=0.01)
    assert np.allclose(model.coefficients, [3, 0.5, -0.3], atol=0.05) and abs(model.scale - 0.6) < 0.03
    assert abs((wait <= model.quantile(rows, 0.9)).mean() - 0.9) < 0.02
    assert np.allclose(model.ended_by(rows, model.quantile(rows, 0.4)), 0.4)


def test_bgnbd_finds_the_parameters_of_the_example_in_its_paper():
    """CDNOW's sample cannot lie in this tree: so the parameters are those of a shop that was drawn with them."""
    chance = np.random.default_rng(7)
    rate, leaves = chance.gamma(0.8, 1 / 20, 6000), chance.beta(1.2, 4.0, 6000)
    repeats, last = np.zeros(6000), np.zeros(6000)
    for customer in range(6000):
        moment = 0.0
        while (moment := moment + chance.exponential(1 / rate[customer])) <= 200:
            repeats[customer] += 1
            last[customer] = moment
            if chance.random() < leaves[customer]:
                break
    seen = RepeatOrders(repeats, last, np.full(6000, 200.0))
    model = BetaGeometric.learn(seen)
    assert (
        np.allclose([model.r, model.alpha], [0.8, 20], rtol=0.15) and abs(model.a / (model.a + model.b) - 0.23) < 0.05
    )
    chance_now = model.active_chance(seen, 1e-6) / (1e-6 * (model.r + repeats) / (model.alpha + 200))
    assert np.allclose(chance_now, model.alive_chance(seen), rtol=1e-3)
    soon = model.days_until(seen, 0.1)
    reached = soon < HORIZON
    assert np.allclose(model.active_chance(seen, soon[reached] - 1 if reached.all() else soon - 1)[reached], 0.1)


def test_the_worth_of_an_order_is_drawn_to_the_shops_where_few_orders_tell():
    everybody = [{END - 10 * n: 40.0 + customer for n in range(1, 9)} for customer in range(-10, 11)]
    values = expected_order_value(
        orders_of(*everybody, {END - 10: 200.0}, {END - 10 * n: 200.0 for n in range(1, 30)}), END
    )
    assert 40 < values[-2] < values[-1] <= 200 and values[-1] > 190


@pytest.mark.parametrize("length", [100, 400])
def test_a_shop_in_which_nobody_ever_returns_expects_next_to_nothing(length):
    chance = np.random.default_rng(0)
    days = orders_of(*({int(day): 30.0} for day in chance.integers(END - length, END, 300)))
    forecast = forecast_customers(days, END)
    assert forecast.orders.sum() < 15 and forecast.active.max() < 0.3
    assert np.isfinite(forecast.spend).all() and (forecast.days[:, 1] == HORIZON).all()


@pytest.mark.parametrize(
    "customers",
    [[{END - 1: 5.0}], [{END - 300: 5.0}], [{END - 300: 0.0, END - 1: 0.0}], [{END - 300: 0.0}, {END - 2: 0.0}]],
)
def test_a_shop_of_one_or_two_customers_breaks_nothing(customers):
    forecast = forecast_customers(orders_of(*customers), END)
    for values in (forecast.orders, forecast.spend, forecast.year_spend, forecast.active, forecast.days):
        assert np.isfinite(values).all()
    assert len(leading_reasons(forecast, orders_of(*customers), END)) == len(customers)


def test_tiers_are_a_tenth_a_fifth_and_the_others():
    assert np.bincount(value_tiers(np.arange(100.0))).tolist() == [0, 10, 20, 70]
    assert value_tiers(np.arange(10.0)).tolist() == [3] * 7 + [2, 2, 1]


def test_reasons_say_what_is_true_of_the_customer():
    often = {END - 10 * n: 20.0 for n in range(1, 30)}
    seldom = {END - 300: 20.0, END - 120: 20.0}
    dear = {END - 30 * n: 200.0 for n in range(1, 10)}
    days = orders_of(often, seldom, dear)
    forecast = forecast_customers(days, END)
    of_often, of_seldom, of_dear = ({code: rest for code, *rest in one} for one in leading_reasons(forecast, days, END))
    assert of_often["frequency"] == [9.0, 4.0]
    assert of_seldom["frequency"] == [0.0, 4.0]
    assert of_dear["order_value"][0] == 200.0


def test_simple_ways_are_what_their_names_say():
    days = orders_of({END - 100: 1.0, END - 5: 2.0, END - 4: 3.0}, {END - 200: 9.0}, {END + 1: 1.0})
    orders, spend = last_window_again(days, END)
    assert (orders.tolist(), spend.tolist()) == ([2, 0, 0], [5, 0, 0])
    assert rfm_sums(days, END).tolist() == [7.0, 5.0, 0.0]


def test_the_back_test_compares_with_simpler_ways_on_the_same_window():
    found = try_forecast(steady_shop(400, 500), END)
    assert found["cut"] == END - HORIZON and found["method"] == CORRECTED and len(found["tenths"]) == 10
    ways = found["ways"]
    assert ways["forecast"]["top_fifth"] > ways["rfm"]["top_fifth"]
    assert ways["forecast"]["orders_error"] < ways["last_window"]["orders_error"]
    assert ways["forecast"]["top_fifth"] <= ways["forecast"]["ideal_top_fifth"]


def test_there_is_no_back_test_without_a_window_and_a_history_before_it():
    assert try_forecast(steady_shop(110), END) is None
    assert try_forecast(orders_of({END - 300: 1.0}), END) is None
