"""Whether "Buy again" would be better sorted by the chance of a purchase in the next week (`repurchases.py`).

    python benchmarks/buy_again.py [--weeks 4]

In the example shop as `manage.py demo` made it; nothing is stored. Learns as of so many weeks before the last order,
asks the row for what it proposes to each customer, and compares with what they bought within the seven days after:
sorted as it is, by the chance of a purchase within seven days, and by a fading count. Products without a rhythm of
their own (bought on fewer than three days) stay behind the others, as the row has them.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import numpy as np

from benchmarks.repurchases import forecast_repurchases, pairs_of_purchases
from personalization import conf
from personalization.decide.policy import policy_from_settings
from personalization.decide.visit import Visit
from personalization.models import Visitor
from personalization.oscar import visits
from personalization.profile import batch
from personalization.recommenders import DAY, GUEST
from personalization.rows.purchase_history import propose_buy_again
from personalization.shop import orders, purchases
from personalization.train import run

LENGTHS = (4, 8)
"""Cards of the row: one line of it on most screens, and two."""
WEEK = 7 * DAY


def proposed_products(moment: float) -> dict[object, list[int]]:
    """By customer the products that the row would have shown then, in its order."""
    snapshot, genomes = run.start_of_day(moment), batch.computed_at(moment)(Visitor.objects.consented())
    strategies = visits.strategies_for_customers(genomes)
    policy = policy_from_settings(conf.get_settings())
    found = {}
    for user, genome in genomes.items():
        visit = Visit(
            timestamp=moment,
            strategy=strategies[user],
            user_id=user,
            genome=genome,
            tracking_allowed=True,
            policy=policy,
        )
        rows = list(propose_buy_again(visit, snapshot))
        found[user] = [candidate.item.id for row in rows for candidate in row.candidates]
    return found


def hits(products: list[int], bought: set[int], length: int) -> float:
    """The part of the first cards that was bought."""
    return len(bought.intersection(products[:length])) / length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=4)
    options = parser.parse_args()
    cut = int(orders.newest_order(time.time()) // DAY) + 1 - 7 * options.weeks
    moment = cut * DAY
    lines = orders.read_purchases(purchases.purchase_rows(), until=moment + WEEK)
    lines = lines.select(lines.customer != GUEST)
    day = (lines.ordered_at // DAY).astype(np.int64)
    pairs = pairs_of_purchases(lines.customer.astype(np.int64), lines.product, day)
    forecast = forecast_repurchases(pairs, cut)
    names = [(lines.users[pairs.customer[pair]], int(pairs.item[pair])) for pair in forecast.pair.tolist()]
    scores = {
        "chance of a week": dict(zip(names, forecast.within_week.tolist(), strict=True)),
        "fading count": dict(zip(names, forecast.faded_count.tolist(), strict=True)),
    }
    bought: dict[object, set[int]] = {}
    for row in np.flatnonzero(day >= cut).tolist():
        bought.setdefault(lines.users[lines.customer[row]], set()).add(int(lines.product[row]))
    found: dict[tuple[str, int], list[float]] = {}
    for user, products in proposed_products(moment).items():
        if len(products) < max(LENGTHS) or user not in bought:
            continue
        for way in ("as it is", *scores):
            own = scores.get(way, {})
            ordered = sorted(products, key=lambda product: -own.get((user, product), -1.0))
            for length in LENGTHS:
                found.setdefault((way, length), []).append(hits(ordered, bought[user], length))
    as_it_is = {length: np.array(found["as it is", length]) for length in LENGTHS}
    print(
        f"{len(as_it_is[LENGTHS[0]])} customers who bought something in the week, {options.weeks} weeks before the end"
    )
    for (way, length), values in found.items():
        beyond = np.array(values) - as_it_is[length]
        error = 1.96 * beyond.std() / len(beyond) ** 0.5
        print(f"  {way:18} first {length}: {np.mean(values):.4f}  ({beyond.mean():+.4f} ± {error:.4f})")


if __name__ == "__main__":
    main()
