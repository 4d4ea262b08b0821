"""Simulated experiments, few of them: `python -m benchmarks.experiments` runs two thousand of each kind."""

import numpy as np
import pytest

from benchmarks.experiments import (
    CONVERSION,
    UNEVEN,
    Scenario,
    false_alarm_scenarios,
    power_scenarios,
    run_scenario,
    simulate_weeks,
)
from personalization.measure.experiment_plan import PrimaryMetric

RUNS = 400
SCENARIOS = {one.name: one for one in [*false_alarm_scenarios(), *power_scenarios()]}


@pytest.mark.parametrize(
    "name", ["conversion, 50/50", "conversion, 10/90, uneven weeks", "capped revenue, 50/50", "capped revenue, 10/90"]
)
def test_two_equal_groups_seldom_have_a_verdict(name):
    assert 0.02 < run_scenario(SCENARIOS[name], RUNS, seed=5).decided < 0.08  # within three standard deviations of 5 %


def test_a_lift_is_found_as_often_as_the_plan_says_and_before_its_end():
    outcomes = run_scenario(SCENARIOS["a fifth more, 50/50, 10 % more visitors"], RUNS, seed=3)
    assert 0.74 < outcomes.better < 0.84
    assert outcomes.worse == 0
    assert outcomes.median_week in (5, 6)


def test_the_sums_of_the_weeks_are_those_of_the_shop():
    shop = Scenario("", metric=PrimaryMetric.REVENUE, share=0.9, visitors=50_000, lift=0.2, traffic=UNEVEN)
    counted = simulate_weeks(shop, 200, np.random.default_rng(2))
    assert counted.shape == (200, 2, 8, 4)
    assert (np.diff(counted, axis=2) >= 0).all()
    units, orders, money, squares = counted[:, :, -1].mean(axis=0).T
    assert units.tolist() == [5_000, 45_000]
    assert orders / units == pytest.approx([CONVERSION, CONVERSION * 1.2], rel=0.03)
    average = money / orders
    assert average == pytest.approx([30 * np.exp(0.9**2 / 2)] * 2, rel=0.05)
    assert (squares / orders > average**2 * 1.8).all()
