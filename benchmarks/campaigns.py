"""The cost of merchants' campaigns for one decision, in milliseconds of CPU: with 200 live campaigns and 100 segments.

    python benchmarks/campaigns.py [--rounds 400]

Needs no shop: the campaigns are made here, and a decision makes no query. A row has 40 candidates, a list 200 products.
"here" is a page on which two campaigns act, as in a shop whose campaigns are for its categories and searches;
"nowhere" is one on which none does; "all" is the worst case, in which all 200 are for this very page, each for a
segment.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

from personalization.decide.audience import acting_campaigns
from personalization.decide.compose import apply_campaigns
from personalization.decide.list_campaigns import merchandise_list
from personalization.decide.slate import Candidate, Reason, RowCandidate, product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import (
    Action,
    Audience,
    Campaign,
    CompiledRules,
    Do,
    FixedTarget,
    Place,
)
from personalization.merchandising.search_words import WordList, WordMatch

CAMPAIGNS, SEGMENTS, PRODUCTS = 200, 100, 20_000
ROW, LIST, WIDE = 40, 200, 300
BUDGET = 0.2
NOW = 1_780_000_000.0


class Segment:
    """About what a compiled segment with three conditions asks."""

    def __init__(self, number: int) -> None:
        self.number = number

    def holds(self, subject: Visit, now: float) -> bool:
        return len(subject.basket) >= 0 and subject.timestamp <= now and self.number % 4 > 0


def make_rules(places: Callable[[int], Place], *, with_segments: bool = True) -> CompiledRules:
    """200 campaigns of four actions each, as `places` says where."""
    chance = random.Random(1)

    def some(count: int) -> FixedTarget:
        return FixedTarget(frozenset(chance.sample(range(1, PRODUCTS), count)))

    campaigns = [
        Campaign(
            number,
            1,
            f"Campaign {number}",
            (places(number),),
            (
                Action(Do.PIN, some(1), (chance.randrange(1, LIST),), place=1 + number % 6),
                Action(Do.SLOT, some(WIDE), place=4, last_place=5),
                Action(Do.BOOST, some(WIDE), strength=1 + number % 3),
                Action(Do.EXCLUDE, some(5)),
            ),
            Audience(in_segments=(number % SEGMENTS,)) if with_segments else Audience(),
        )
        for number in range(CAMPAIGNS)
    ]
    return CompiledRules(1, tuple(campaigns), {number: Segment(number) for number in range(SEGMENTS)})


def spread(number: int) -> Place:
    """Two of a hundred campaigns for each of fifty categories, the other hundred for as many searches."""
    if number % 2:
        return Place("category", categories=frozenset([number // 2 % 50]))
    return Place("search", searches=(WordList((f"word{number}", "milk"), WordMatch.ALL),))


CASES = {
    "none": (CompiledRules(), 4),
    "nowhere": (make_rules(spread), 77),
    "here": (make_rules(spread, with_segments=False), 4),
    "here, for segments": (make_rules(spread), 4),
    "all": (make_rules(lambda number: Place("category")), 4),
}


def cpu(work: Callable[[], object], rounds: int) -> float:
    """The fewest milliseconds of CPU of one call, of five runs of so many."""
    runs = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(rounds):
            work()
        runs.append(1000 * (time.process_time() - begun) / rounds)
    return min(runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    keys = tuple(range(1, LIST + 1))
    row = RowCandidate([Candidate(product_ref(key), 1.0, Reason("in_range")) for key in keys[:ROW]])
    print(f"{'campaigns':20}{'act':>5}{'row':>10}{'list':>10}   ms of CPU a decision, a new visit each time")
    for name, (rules, category) in CASES.items():
        visit = Visit(timestamp=NOW, strategy=None, category=category, rules=rules)
        acting = len(acting_campaigns(visit, "category"))

        def decide_row(visit: Visit = visit) -> object:
            return apply_campaigns(row, "bestsellers", "category", replace(visit))

        def decide_list(visit: Visit = visit) -> object:
            return merchandise_list(replace(visit), keys, places=20)

        fewer = max(10, rounds // 20) if name == "all" else rounds
        of_row, of_list = cpu(decide_row, fewer), cpu(decide_list, fewer)
        print(f"{name:20}{acting:5}{of_row:10.4f}{of_list:10.4f}")
        if name != "all" and max(of_row, of_list) > BUDGET:
            sys.exit(f"{name}: more than the budget of {BUDGET} ms")


if __name__ == "__main__":
    main()
