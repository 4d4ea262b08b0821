"""How well it is known what customers order and spend: the goals on The Complete Journey, and how far they are met.

    python benchmarks/value.py [--draws 12]

Both cuts of a year of groceries, small shops drawn from it, a shop of two months, a shop in which almost nobody comes
back, and the processor time and memory of it all. Beside it "as in the last 90 days", points for recency, frequency and
money, and BG/NBD, in the same run. An order is a day on which a customer ordered. Nothing after the cut is used.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd

from benchmarks.bench import journey
from benchmarks.repurchases import Pairs, forecast_repurchases, pairs_of_purchases
from personalization.train.customer_value.back_test import WAY_LABELS, compare_ways
from personalization.train.customer_value.forecast import forecast_customers, forecast_young_shop
from personalization.train.customer_value.order_days import HORIZON, OrderDays, fold_order_days, outcome_after
from personalization.train.customer_value.scores import SCORE_LABELS, area_under_curve, score_forecast

CUTS = {"A": "2017-10-03", "B": "2017-07-05"}
DAY = pd.Timedelta(days=1)
AT_MOST, AT_LEAST, BETWEEN = "<=", ">=", "in"
GOALS = {
    "orders_error": (AT_MOST, 3.90, 4.20),
    "spend_error": (AT_MOST, 159.5, 157.5),
    "rank_correlation": (AT_LEAST, 0.825, 0.826),
    "gini": (AT_LEAST, 0.861, 0.868),
    "top_tenth": (AT_LEAST, 0.320, 0.325),
    "top_fifth": (AT_LEAST, 0.502, 0.507),
    "total_ratio": (BETWEEN, (0.93, 1.07), (0.92, 1.10)),
    "calibration": (AT_MOST, 0.05, 0.09),
    "active_auc": (AT_LEAST, 0.890, 0.898),
    "active_log_loss": (AT_MOST, 0.162, 0.158),
    "active_calibration": (AT_MOST, 0.015, 0.02),
    "days_error": (AT_MOST, 11.15, 11.65),
    "days_pinball": (AT_MOST, 3.51, 3.57),
    "days_coverage": (BETWEEN, (0.80, 0.90), (0.80, 0.90)),
}
"""By score (how it is compared, the bar of cut A, that of cut B)."""
SMALL_GOALS = {"spend_error": (AT_MOST, 166.5, 162.0), "active_auc": (AT_LEAST, 0.885, 0.895)}
"""Of shops of 100 customers."""
SMALL_SHOPS = (100, 300, 1000)
AGAIN_GOALS = {
    "due": ("days off, median of those bought", AT_MOST, 15.0, 13.6),
    "auc": ("AUC of a purchase within 7 days", AT_LEAST, 0.742, 0.708),
    "top5": ("part of five slots bought within 7 days", AT_LEAST, 0.184, 0.190),
}
DATE_GOALS = {
    "held": ("said dates: 80 % interval holds", AT_LEAST, 0.80),
    "off": ("said dates: days off, median", AT_MOST, 3.0),
    "households": ("said dates: customers with one", AT_LEAST, 0.08),
}
"""Of a product's next purchase, where the interval is at most 21 days; none in a shop of less than 200 days."""
WIDEST_DATE, FEWEST_DAYS_FOR_DATES = 21, 200
SLOTS = 5
MOST_SECONDS, MOST_MIB = 3.0, 150.0
LARGE_SHOP = 23_570
MOST_SECONDS_LARGE, MOST_MIB_LARGE = 30.0, 300.0


def order_days(lines: pd.DataFrame) -> OrderDays:
    """The days on which the source's customers ordered."""
    number, users = pd.factorize(lines["user"], sort=True)
    day = ((lines["ts"] - pd.Timestamp(0)) // DAY).to_numpy()
    spend = (lines["qty"] * lines["price"]).to_numpy()
    return fold_order_days(number, day, spend, np.ones(len(lines)), len(users))


def day_number(date: str) -> int:
    return (pd.Timestamp(date) - pd.Timestamp(0)) // DAY


def is_met(how: str, bar: object, value: float) -> bool:
    if how == BETWEEN:
        low, high = bar
        return low <= value <= high
    return value <= bar if how == AT_MOST else value >= bar


def print_goal(label: str, how: str, bar: object, values: list[float | None]) -> bool:
    """One line: the bar, whether it is met, and the value of the forecast and of the other ways."""
    met = is_met(how, bar, values[0])
    shown = f"{bar[0]}-{bar[1]}" if how == BETWEEN else f"{how} {bar}"
    cells = "".join(f"{'-' if value is None else format(value, '.4f'):>20}" for value in values)
    print(f"  {label:38}{shown:>12} {'met' if met else 'MISSED':8}{cells}")
    return met


def print_cut(name: str, days: OrderDays) -> int:
    """The goals of a cut; how many are missed."""
    cut = day_number(CUTS[name])
    forecast = forecast_customers(days, cut)
    truth = outcome_after(days, cut).select(forecast.customer)
    ways = compare_ways(days.before(cut), cut, forecast, truth)
    customers = f"{len(truth.orders):,} customers, {truth.active.mean():.1%} of them come back"
    print(f"\nCut {name}, {CUTS[name]}: {customers}, {truth.orders.mean():.2f} orders, {truth.spend.mean():.1f} spent")
    print(f"  {'':38}{'bar':>12} {'':8}" + "".join(f"{label:>20}" for label in WAY_LABELS.values()))
    column = 1 + list(CUTS).index(name)
    return sum(
        not print_goal(SCORE_LABELS[metric], goal[0], goal[column], [ways[way].get(metric) for way in WAY_LABELS])
        for metric, goal in GOALS.items()
    )


def drawn_scores(days: OrderDays, cut: int, size: int, draws: int) -> tuple[dict[str, float], dict[str, float]]:
    """The mean scores of the forecast and of BG/NBD in shops of so many customers, drawn with seeds from 0."""
    customers = np.flatnonzero(days.before(cut).count())
    found: list[list[dict[str, float]]] = [[], []]
    for seed in range(draws):
        own = days.of_customers(np.sort(np.random.default_rng(seed).choice(customers, size, replace=False)))
        for scores, way in zip(found, (forecast_customers, forecast_young_shop), strict=True):
            forecast = way(own, cut)
            scores.append(asdict(score_forecast(forecast, outcome_after(own, cut).select(forecast.customer))))
    return tuple(pd.DataFrame(scores).mean().to_dict() for scores in found)


def print_small_shops(name: str, days: OrderDays, draws: int) -> int:
    """Shops of few customers, everything learned of them alone; how many goals are missed."""
    missed, column = 0, 1 + list(CUTS).index(name)
    for size in SMALL_SHOPS:
        forecast, other = drawn_scores(days, day_number(CUTS[name]), size, draws)
        print(f"\nCut {name}, {size} customers (mean of {draws} draws; the second number is BG/NBD's)")
        for metric, goal in SMALL_GOALS.items():
            values = [forecast[metric], other[metric]]
            if size == min(SMALL_SHOPS):
                missed += not print_goal(SCORE_LABELS[metric], goal[0], goal[column], values)
            else:
                print(f"  {SCORE_LABELS[metric]:38}{'':21}{values[0]:>20.4f}{values[1]:>20.4f}")
        for metric in ("orders_error", "days_pinball"):
            print(f"  {SCORE_LABELS[metric]:38}{'':21}{forecast[metric]:>20.4f}{other[metric]:>20.4f}")
    return missed


def print_young_shop(days: OrderDays, since: str, length: int) -> None:
    """A shop whose history began a short time ago, against the rate of that time."""
    first = day_number(since)
    young, cut = days.since(first), first + length
    forecast = forecast_customers(young, cut)
    truth = outcome_after(young, cut).select(forecast.customer)
    scores = score_forecast(forecast, truth)
    past = young.before(cut)
    rate = (past.count() * HORIZON / length)[forecast.customer]
    spent = (past.add_up(past.spend) * HORIZON / length)[forecast.customer]
    print(
        f"\nA shop of {length} days ({forecast.method}): orders MAE {scores.orders_error:.3f} "
        f"(rate of these days {np.abs(rate - truth.orders).mean():.3f}), spend MAE {scores.spend_error:.1f} "
        f"({np.abs(spent - truth.spend).mean():.1f}), AUC active {scores.active_auc:.3f}"
    )


def one_time_buyers(days: OrderDays) -> OrderDays:
    """A shop in which most never come back: of 85 % of the customers one order is left, of the others every sixth order
    from a random one on."""
    chance = np.random.default_rng(0)
    start, end = days.bounds()
    first = chance.integers(start, np.maximum(end, start + 1))
    position = np.arange(len(days.day))
    returning = (chance.random(days.customers) < 0.15)[days.customer]
    later = returning & (position > first[days.customer]) & (chance.random(len(position)) < 1 / 6)
    kept = later | (position == first[days.customer])
    return fold_order_days(days.customer[kept], days.day[kept], days.spend[kept], days.lines[kept], days.customers)


def print_one_time_buyers(days: OrderDays) -> None:
    """The forecast of such a shop, beside BG/NBD."""
    cut, shop = day_number(CUTS["A"]), one_time_buyers(days)
    forecast = forecast_customers(shop, cut)
    truth = outcome_after(shop, cut).select(forecast.customer)
    scores, young = score_forecast(forecast, truth), score_forecast(forecast_young_shop(shop, cut), truth)
    print(
        f"\nA shop of one-time buyers ({forecast.method}), {truth.active.mean():.1%} come back; BG/NBD in parentheses"
    )
    for metric in ("orders_error", "spend_error", "gini", "top_tenth", "total_ratio", "active_auc", "active_log_loss"):
        print(f"  {SCORE_LABELS[metric]:38}{getattr(scores, metric):>10.4f} ({getattr(young, metric):.4f})")


def enlarged(days: OrderDays, customers: int) -> OrderDays:
    """The days of copies of the customers, as many as there are to be."""
    copies = -(-customers // days.customers)
    number = np.concatenate([days.customer + copy * days.customers for copy in range(copies)])
    columns = (np.tile(column, copies) for column in (days.day, days.spend, days.lines))
    whole = fold_order_days(number, *columns, copies * days.customers)
    return whole.of_customers(np.arange(customers))


def measure_cost(days: OrderDays) -> tuple[float, float]:
    """(processor seconds, MiB) of learning and forecasting: in a process of its own, which holds nothing else."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        columns = {name: getattr(days, name) for name in ("customer", "day", "spend", "lines", "customers")}
        np.savez(file, **columns)
        file.flush()
        command = [sys.executable, __file__, "--cost-of", file.name]
        seconds, mib = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(mib)


def resident_mib(line: str) -> float:
    """The memory of this process (VmRSS) or the most that it had since it was started (VmHWM), as Linux tells it."""
    found = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(line))
    return int(found.split()[1]) / 1024


def print_own_cost(file: str) -> None:
    """What `measure_cost` reads."""
    with np.load(file) as columns:
        days = OrderDays(**{name: columns[name] for name in columns.files} | {"customers": int(columns["customers"])})
    before, begun = resident_mib("VmRSS"), time.process_time()
    forecast_customers(days, day_number(CUTS["A"]))
    print(time.process_time() - begun, resident_mib("VmHWM") - before)


def print_cost(days: OrderDays, label: str, most_seconds: float, most_mib: float) -> int:
    """How many goals of cost are missed."""
    seconds, mib = measure_cost(days)
    missed = not print_goal(f"{label}, CPU seconds", AT_MOST, most_seconds, [seconds])
    return missed + (not print_goal(f"{label}, MiB above the start", AT_MOST, most_mib, [mib]))


def slot_hits(customer: np.ndarray, score: np.ndarray, bought: np.ndarray) -> float:
    """The part of five slots of each customer that hold what they buy, filled by score."""
    order = np.lexsort((-score, customer))
    sorted_customer = customer[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_customer, sorted_customer)
    return float(bought[order][rank < SLOTS].sum() / (SLOTS * len(np.unique(customer))))


def print_repurchases(name: str, pairs: Pairs) -> int:
    """When products are bought again; how many goals are missed."""
    cut = day_number(CUTS[name])
    begun = time.process_time()
    forecast = forecast_repurchases(pairs, cut)
    seconds = time.process_time() - begun
    truth = outcome_after(pairs.days, cut).select(forecast.pair)
    soon, customer = truth.days <= 7, pairs.customer[forecast.pair]
    print(f"\nCut {name}, {len(soon):,} pairs of customer and product ({seconds:.1f} CPU s; second: fading count)")
    found = {
        "due": [float(np.median(np.abs(truth.days - forecast.due)[truth.active]))],
        "auc": [area_under_curve(soon, score) for score in (forecast.within_week, forecast.faded_count)],
        "top5": [slot_hits(customer, score, soon) for score in (forecast.within_week, forecast.faded_count)],
    }
    column = 2 + list(CUTS).index(name)
    missed = sum(not print_goal(goal[0], goal[1], goal[column], found[key]) for key, goal in AGAIN_GOALS.items())
    if cut - pairs.days.first_day < FEWEST_DAYS_FOR_DATES:
        print("  Too young a shop for dates.")
        return missed
    low, middle, high = forecast.days.T
    dated = (high - low <= WIDEST_DATE) & (high < HORIZON)
    dates = {
        "held": float(((truth.days >= low) & (truth.days <= high))[dated].mean()),
        "off": float(np.median(np.abs(truth.days - middle)[dated])),
        "households": len(np.unique(customer[dated])) / int((np.bincount(pairs.customer[forecast.pair]) > 0).sum()),
    }
    return missed + sum(not print_goal(*goal, [dates[key]]) for key, goal in DATE_GOALS.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=12, help="of shops of 100 customers")
    parser.add_argument("--cost-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cost_of:
        print_own_cost(options.cost_of)
        return
    lines, _ = journey()
    days = order_days(lines)
    print("What learning and forecasting costs")
    missed = print_cost(days, "2,500 customers", MOST_SECONDS, MOST_MIB)
    missed += print_cost(enlarged(days, LARGE_SHOP), "23,570 customers", MOST_SECONDS_LARGE, MOST_MIB_LARGE)
    for name in CUTS:
        missed += print_cut(name, days)
    for name in CUTS:
        missed += print_small_shops(name, days, options.draws)
    item = pd.factorize(lines["item"], sort=True)[0]
    bought = ((lines["ts"] - pd.Timestamp(0)) // DAY).to_numpy()
    pairs = pairs_of_purchases(pd.factorize(lines["user"], sort=True)[0], item, bought)
    for name in CUTS:
        missed += print_repurchases(name, pairs)
    print_young_shop(days, "2017-01-01", 60)
    print_young_shop(days, "2017-07-05", 90)
    print_one_time_buyers(days)
    print(f"\n{missed} goals missed.")


if __name__ == "__main__":
    main()
