"""How often experiments are wrong, and how often they find what is there: simulated weeks, judged as in the dashboard.

    python -m benchmarks.experiments

False alarms, where two groups do not differ, and what is found of a lift of 20 %, with the visitors that the plan asks
for, at eight weekly looks. Takes about a minute.
"""

import argparse
import os
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

from personalization.measure.experiment_plan import (
    ArmReading,
    ExperimentPlan,
    ExperimentReading,
    PlannedArm,
    PrimaryMetric,
)
from personalization.measure.sample_size import BASKET_SIGMA, share_variance, visitors_needed
from personalization.measure.sums import MetricSums, StrataSums
from personalization.measure.verdict import VerdictState, judge_experiment

STARTED = date(2026, 3, 2)
CONVERSION = 0.03
CAP_DEVIATIONS = 2.5758
"""The 99.5th percentile of what buyers spend, in standard deviations of its logarithm."""
EVEN, UNEVEN = (1.0,) * 8, (2.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.5)
"""The traffic of each week, relative."""


@dataclass(frozen=True)
class Scenario:
    """A shop and its experiment."""

    name: str
    metric: PrimaryMetric = PrimaryMetric.CONVERSION
    share: float = 0.5
    """Of the new version."""
    visitors: int = 25_379
    lift: float = 0.0
    """The true one, of the share of visitors who buy."""
    traffic: tuple[float, ...] = EVEN
    floor: int | None = None

    @property
    def plan(self) -> ExperimentPlan:
        """What the experiment sets out to do."""
        arms = (PlannedArm("control", "", 1 - self.share), PlannedArm("new", "", self.share))
        return ExperimentPlan(
            arms, self.metric, STARTED, weeks=len(self.traffic), visitors=self.visitors, floor=self.floor
        )


@dataclass(frozen=True)
class Outcomes:
    """Of many runs of a scenario."""

    better: float
    """The share of runs whose first verdict was that."""
    worse: float
    median_week: float | None
    """Of those that were decided."""

    @property
    def decided(self) -> float:
        """The share with either verdict; of two equal groups, false alarms."""
        return self.better + self.worse


def simulate_weeks(scenario: Scenario, runs: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """By run, arm, week: units, orders, the sum of the metric and of its squares, all since the beginning."""
    weights = np.cumsum(scenario.traffic) / sum(scenario.traffic)
    shares = np.array([1 - scenario.share, scenario.share])
    units = np.rint(scenario.visitors * shares[:, None] * weights).astype(int)
    new_units = np.diff(units, axis=1, prepend=0)
    rates = CONVERSION * np.array([1, 1 + scenario.lift])
    orders = chance.binomial(new_units, rates[:, None], (runs, *new_units.shape))
    metric, squares = orders, orders
    if scenario.metric != PrimaryMetric.CONVERSION:
        baskets = np.exp(np.minimum(chance.normal(0, 1, orders.sum()), CAP_DEVIATIONS) * BASKET_SIGMA) * 30
        ends = np.cumsum(orders)
        sums = [np.diff(np.append(0, np.cumsum(one))[ends], prepend=0) for one in (baskets, baskets**2)]
        metric, squares = (one.reshape(orders.shape) for one in sums)
    return np.stack(
        [np.broadcast_to(units, orders.shape), *(np.cumsum(one, axis=2) for one in (orders, metric, squares))], axis=-1
    ).astype(float)


def run_scenario(scenario: Scenario, runs: int = 2_000, seed: int = 1) -> Outcomes:
    """What became of so many experiments, each read every week until its first verdict."""
    counted = simulate_weeks(scenario, runs, np.random.default_rng(seed))
    verdicts = [_first_verdict(scenario.plan, run) for run in counted]
    weeks = [week for _, week in verdicts if week]
    return Outcomes(
        sum(state == VerdictState.BETTER for state, _ in verdicts) / runs,
        sum(state == VerdictState.WORSE for state, _ in verdicts) / runs,
        float(np.median(weeks)) if weeks else None,
    )


def _first_verdict(plan: ExperimentPlan, run: NDArray[np.float64]) -> tuple[VerdictState | None, int]:
    visitors = tuple(run[:, :, 0].sum(axis=0).astype(int).tolist())
    for week in range(1, plan.weeks + 1):
        arms = tuple(
            ArmReading(int(orders), StrataSums(without_past=MetricSums(units, metric, squares)))
            for units, orders, metric, squares in run[:, week - 1].tolist()
        )
        reading = ExperimentReading(arms, visitors[:week])
        state = judge_experiment(plan, reading, STARTED + timedelta(weeks=week))[0].state
        if state in (VerdictState.BETTER, VerdictState.WORSE):
            return state, week
    return None, 0


def false_alarm_scenarios() -> list[Scenario]:
    """Two groups that do not differ."""
    revenue = {"metric": PrimaryMetric.REVENUE, "visitors": 100_000}
    return [
        Scenario("conversion, 50/50"),
        Scenario("conversion, 10/90", share=0.9, visitors=70_495),
        Scenario("conversion, 10/90, uneven weeks", share=0.9, visitors=70_495, traffic=UNEVEN),
        Scenario("capped revenue, 50/50", **revenue),
        Scenario("capped revenue, 10/90", share=0.9, **revenue),
        Scenario("capped revenue, 90/10", share=0.1, **revenue),
        Scenario("capped revenue, 10/90, floor of 30", share=0.9, floor=30, **revenue),
    ]


def power_scenarios() -> list[Scenario]:
    """A lift of 20 %, with the visitors of one reading, and a tenth more."""
    scenarios = []
    for name, share in (("50/50", 0.5), ("10/90", 0.9)):
        needed = visitors_needed(CONVERSION, share_variance(CONVERSION), lift=0.2, share=share)
        planned = Scenario(f"a fifth more, {name}", share=share, visitors=needed, lift=0.2)
        more = replace(planned, name=f"{planned.name}, 10 % more visitors", visitors=round(needed * 1.1))
        scenarios += [planned, more, replace(more, name=f"{more.name}, uneven weeks", traffic=UNEVEN)]
    return scenarios


def main() -> None:
    """Prints a line for each scenario."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for title, scenarios in (("false alarms", false_alarm_scenarios()), ("found", power_scenarios())):
        for scenario in scenarios:
            outcomes = run_scenario(scenario, options.runs, options.seed)
            week = "-" if outcomes.median_week is None else f"{outcomes.median_week:g}"
            print(
                f"{title}: {scenario.name} ({scenario.visitors:,} visitors): {outcomes.decided:.1%} "
                f"({outcomes.better:.1%} better, {outcomes.worse:.1%} worse), in week {week}"
            )


if __name__ == "__main__":
    main()
