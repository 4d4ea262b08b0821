"""The cost of one decision in milliseconds of CPU: candidates, features, scores.

    python benchmarks/decision.py [--customers 200]

Needs a trained shop, such as the demo (`python manage.py demo --no-server`). Takes the customers with the most products
in their genome, so that there are as many candidates as there ever are. No query is made while the clock runs.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import django

django.setup()

from personalization.decide import active_snapshot
from personalization.decide.scoring import visitor_history
from personalization.models import Genome
from personalization.rank import candidates, scorer, tasks
from personalization.rank.features import compute_features

ROUNDS = 5


def cpu(work: Callable[..., Any], *about: Any) -> tuple[float, Any]:
    """(the fewest milliseconds of CPU of some rounds, the result)."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        found = work(*about)
        spent.append(1000 * (time.process_time() - begun))
    return min(spent), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=200)
    options = parser.parse_args()
    learned = active_snapshot.get_active_snapshot()
    if learned is None:
        sys.exit("No snapshot serves: python manage.py demo --no-server, or personalization_train in your own shop.")
    genomes = sorted(Genome.objects.all(), key=lambda genome: -genome.distinct_products)[: options.customers]
    steps: dict[str, list[float]] = {"reading the genome": [], "gathering": [], "describing": [], "scoring": []}
    sizes = []
    for genome in genomes:
        read, person = cpu(visitor_history, genome, learned)
        gathered, places = cpu(candidates.visitor_candidates, person, learned)
        described, table = cpu(compute_features, person, learned, learned.trained_at, places)
        scored, _ = cpu(scorer.score_candidates, tasks.HOME, learned, table)
        for name, spent in zip(steps, (read, gathered, described, scored), strict=True):
            steps[name].append(spent)
        sizes.append(len(places))
    trees = "learned trees" if scorer.load_trees(tasks.HOME, learned) else "default weights"
    print(f"{len(genomes)} customers, {statistics.median(sizes):.0f} candidates each, {trees}; median ms of CPU")
    for name, spent in steps.items():
        print(f"  {name:20}{statistics.median(spent):6.2f}")
    print(f"  {'in all':20}{sum(statistics.median(spent) for spent in steps.values()):6.2f}")


if __name__ == "__main__":
    main()
