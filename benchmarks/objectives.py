"""What the dials of `decide.objectives` cost a page: rows of candidates and lists, with five dials and with none.

Run: python benchmarks/objectives.py
"""

import os
import statistics
import time
from functools import partial

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
django.setup()

from personalization.decide.objectives import order_list, order_row
from personalization.decide.slate import Candidate, Reason, RowCandidate, product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import CompiledRules, ProductGroups
from personalization.merchandising.compiled_objectives import Dial, Objective, Objectives
from personalization.models import CustomerFacts
from personalization.rows.bestsellers import BESTSELLERS

PRODUCTS = 50_000
"""In the catalogue, each with all numbers."""
ROUNDS = 2_000


def main() -> None:
    """Prints the median of many rounds."""
    drawn = np.random.default_rng(1)
    keys = np.arange(1, PRODUCTS + 1)
    dials = tuple(Dial(one, 10, ProductGroups(keys, drawn.random(PRODUCTS))) for one in Objective)
    rules = CompiledRules(objectives=Objectives(1, 1, {"home": dials, "search": dials}))
    for name, some in (("five dials", rules), ("none", CompiledRules())):
        visit = Visit(timestamp=0.0, strategy=None, rules=some, facts=CustomerFacts(expected_tier=1))
        chosen = drawn.choice(keys, 200, replace=False).tolist()
        row = RowCandidate([Candidate(product_ref(key), 1.0, Reason("popular")) for key in chosen])
        of_row = _median(partial(order_row, row, BESTSELLERS, "home", visit))
        of_list = _median(partial(order_list, chosen, visit, "search"))
        print(f"{name}: a row {of_row:.4f} ms, a list of 200 {of_list:.4f} ms")


def _median(work) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
