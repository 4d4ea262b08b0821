"""How many add-ons a basket is shown, and how many of them were bought, beside a row of always four.

    python benchmarks/add_ons.py [--days 28] [--baskets 1500] [--percent 5,10,15,20,30]

Needs a shop with a year of orders, such as the demo (`python manage.py demo --no-server`). Learns what the shop would
have learned so many days before its last sale; of the orders since then it shows a part, and looks for what is offered
among the rest. Nothing is sold out here.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import django

django.setup()

import numpy as np

from personalization.decide import scoring
from personalization.decide.policy import Policy
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import scorer, tasks
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY
from personalization.rows import basket_complements
from personalization.rows.basket_complements import MAX_ADD_ONS
from personalization.train import dataset, ranking_examples, run
from personalization.train.ranking_examples import Backtest, RankingExample

ASKED = {"customers": tasks.BASKET, "strangers": tasks.GUEST_BASKET}


@dataclass
class Tally:
    """The results so far of one way to fill the row."""

    rows: list[tuple[int, int]] = field(default_factory=list)
    """For each basket, the number of products shown and the number of those bought."""

    def take(self, shown: Iterable[Candidate], wanted: set[int]) -> None:
        keys = [candidate.item.id for candidate in shown]
        self.rows.append((len(keys), len(wanted.intersection(keys))))

    def __str__(self) -> str:
        shown, bought = np.array(self.rows).T
        sizes = "".join(f"{share:6.0%}" for share in np.bincount(shown, minlength=MAX_ADD_ONS + 1) / len(shown))
        return f"{sizes}{shown.mean():8.2f}{bought.sum() / max(shown.sum(), 1):10.3f}{(bought > 0).mean():10.3f}"


def measure(past: Backtest, who: str, percents: list[int], most: int) -> None:
    """Prints a line for each way to fill the row."""
    task = ASKED[who]
    trees = "learned trees" if scorer.load_trees(task, past.learned) else "default weights"
    tallies = {"always four": Tally(), **{f"{percent} %": Tally() for percent in percents}}
    for question in islice(ranking_examples.basket_examples(past, task), most):
        visit = visit_of(question, past.learned)
        wanted = set(past.learned.ids[question.bought].tolist())
        tallies["always four"].take(
            islice(scoring.sorted_candidates(scoring.score_for_basket(visit, past.learned)), MAX_ADD_ONS), wanted
        )
        for percent in percents:
            strict = replace(visit, policy=Policy(add_on_min_probability=percent / 100))
            tallies[f"{percent} %"].take(
                islice(basket_complements.basket_complements(strict, past.learned), MAX_ADD_ONS), wanted
            )
    print(f"\n{len(tallies['always four'].rows):,} baskets of {who}, {trees}")
    print(
        f"{'':16}{''.join(f'{size:>6}' for size in range(MAX_ADD_ONS + 1))}{'shown':>8}{'precision':>10}{'any hit':>10}"
    )
    for name, tally in tallies.items():
        print(f"  {name:14}{tally}")


def visit_of(question: RankingExample, learned: SnapshotArrays) -> Visit:
    """The visit of the customer with this basket."""
    keys = learned.ids[question.basket].tolist()
    return Visit(
        timestamp=learned.trained_at, strategy=None, basket=frozenset(keys), genome=genome_of(question.history, learned)
    )


def genome_of(person: VisitorHistory, learned: SnapshotArrays) -> Genome:
    columns = (person.weight, person.days, person.last, person.first)
    own = zip(learned.ids[person.purchased].tolist(), *(column.tolist() for column in columns), strict=True)
    near = zip(learned.ids[person.neighbour_products].tolist(), person.neighbour_weight.tolist(), strict=True)
    return Genome(products=[list(row) for row in own], neighbour_products=[list(row) for row in near])


def without_trees(learned: SnapshotArrays) -> SnapshotArrays:
    """The snapshot with default weights instead of a fitted ranker."""
    return SnapshotArrays({name: array for name, array in learned.arrays.items() if not name.startswith("ranker.")})


def pasts(days: int) -> Iterator[Backtest]:
    """The shop some days before its last sale, and what was bought since; first fitted, then with default weights."""
    whole = dataset.read_dataset(run.training_cutoff(), run.no_progress).history
    cut = whole.now - days * DAY
    learned = run.start_of_day(cut)
    past = Backtest.cutoff(whole, whole.until(cut), learned)
    yield past
    yield past.with_learned(without_trees(learned))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--baskets", type=int, default=1_500)
    parser.add_argument("--percent", default="5,10,15,20,30")
    options = parser.parse_args()
    for past in pasts(options.days):
        for who in ASKED:
            measure(past, who, [int(percent) for percent in options.percent.split(",")], options.baskets)


if __name__ == "__main__":
    main()
