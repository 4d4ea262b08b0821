"""Holding back the last weeks, in shops whose customers keep their habits, and in shops of which little can be said."""

import json
from functools import cache

import numpy as np
import pytest

from personalization.models.snapshot_files import DTYPES
from personalization.rank import tasks
from personalization.rank.training_quality import BESTSELLERS, CURRENT_RANKER
from personalization.recommenders import DAY, GUEST
from personalization.testing import REFERENCE_TIME
from personalization.train.evaluate import FITTED, NO_BETTER, TOO_SHORT, evaluate_and_fit
from personalization.train.metrics import DEFAULT_WEIGHTS
from personalization.train.run import no_progress
from tests.shops.habits import rows, shop_of, shuffled, weekly

HELD_BACK = 28 * DAY


@cache
def evaluation():
    return evaluate_and_fit(shop_of(rows()), HELD_BACK, no_progress)


def bought(*lines, products=3):
    """A shop of lines as (customer, product, days ago), each an order of its own."""
    return shop_of(
        [(who, order, what, REFERENCE_TIME - ago * DAY) for order, (who, what, ago) in enumerate(lines)], products
    )


def test_what_stated_weights_cannot_know_is_learned_and_used():
    found = evaluation()
    assert found.weights == dict.fromkeys(tasks.RANKING_TASKS, FITTED)
    home = found.results[tasks.HOME.name]
    assert home[CURRENT_RANKER].mean["NDCG@10"] == 1
    assert (
        home[CURRENT_RANKER].mean["NDCG@10"] > home[DEFAULT_WEIGHTS].mean["NDCG@10"] > home[BESTSELLERS].mean["NDCG@10"]
    )
    assert {f"ranker.{name}_value" for name in tasks.RANKING_TASKS} < found.arrays.keys()


def test_learned_weights_that_do_no_better_are_not_used():
    found = evaluate_and_fit(shop_of(rows(novelties=False)), HELD_BACK, no_progress, [tasks.HOME])
    assert found.weights == {tasks.HOME.name: NO_BETTER}
    assert list(found.arrays) == ["ranker.fingerprint", "ranker.fitted_at", "ranker.window_seconds"]
    home = found.results[tasks.HOME.name]
    assert home[CURRENT_RANKER] == home[DEFAULT_WEIGHTS] and home[DEFAULT_WEIGHTS].mean["NDCG@10"] == 1


def test_too_few_customers_teach_nothing_and_the_stated_weights_are_judged():
    found = evaluate_and_fit(shop_of(rows(customers=60)), HELD_BACK, no_progress, [tasks.HOME])
    assert found.weights == {tasks.HOME.name: "default weights: fewer than 200 examples to learn from"}
    assert list(found.arrays) == ["ranker.fingerprint", "ranker.fitted_at", "ranker.window_seconds"]
    assert found.results[tasks.HOME.name][CURRENT_RANKER] == found.results[tasks.HOME.name][DEFAULT_WEIGHTS]


def test_a_history_that_is_no_twice_as_long_as_what_is_held_back_teaches_nothing():
    short = evaluate_and_fit(
        shop_of([row for row in rows() if row[3] > REFERENCE_TIME - 55 * DAY]), HELD_BACK, no_progress, [tasks.HOME]
    )
    assert (short.weights, short.results, short.arrays) == ({tasks.HOME.name: TOO_SHORT}, {}, {})
    long = evaluate_and_fit(
        shop_of([row for row in rows() if row[3] > REFERENCE_TIME - 58 * DAY]), HELD_BACK, no_progress, [tasks.HOME]
    )
    assert long.results[tasks.HOME.name]


def test_the_same_history_teaches_the_same_bytes_whatever_the_sequence_of_its_lines():
    again = evaluate_and_fit(shuffled(shop_of(rows())), HELD_BACK, no_progress, [tasks.HOME, tasks.GUEST_BASKET])
    assert again.results == {kind: evaluation().results[kind] for kind in again.results}
    assert {name.rsplit("_", 1)[0] for name in again.arrays} == {
        "ranker.fingerprint",
        "ranker.fitted",
        "ranker.window",
        "ranker.home",
        "ranker.guest_basket",
    }
    assert all(array.tobytes() == evaluation().arrays[name].tobytes() for name, array in again.arrays.items())


def test_what_was_learned_fits_into_a_snapshot_and_the_verdicts_into_json():
    assert {array.dtype.name for array in evaluation().arrays.values()} <= set(DTYPES)
    assert json.loads(json.dumps(evaluation().as_data(), allow_nan=False)) == evaluation().as_data()


EVERYONE = range(300)
LITTLE = {
    "nobody": bought(),
    "no products": bought(products=0),
    "one customer": bought(*[(0, ago % 3, ago) for ago in range(0, 90, 3)]),
    "one product": bought(*[(who, 0, ago) for who in EVERYONE for ago in (1, 8, 40, 80)], products=1),
    "all customers alike": bought(*[(who, what, ago) for who in EVERYONE for what in (0, 1) for ago in (1, 40, 80)]),
    "a product that everyone buys": bought(
        *[(who, what, ago) for who in EVERYONE for what in (60, *weekly(who)[:2]) for ago in (1, 40, 80)], products=61
    ),
    "guests only": bought(*[(GUEST, line % 3, line / 10) for line in range(900)]),
    "bought once, long ago": bought(*[(who, who % 3, 4_000) for who in EVERYONE], (0, 0, 1)),
    "only lately known": bought(*[(who, who % 3, who % 20) for who in EVERYONE], (0, 0, 80)),
}


@pytest.mark.parametrize("shop", LITTLE.values(), ids=LITTLE.keys())
def test_of_a_shop_that_says_little_something_finite_is_learned(shop):
    found = evaluate_and_fit(shop, HELD_BACK, no_progress)
    assert found.weights.keys() == set(tasks.RANKING_TASKS)
    assert all(np.isfinite(array).all() for array in found.arrays.values())
    json.dumps(found.as_data(), allow_nan=False)


@pytest.mark.parametrize("name", ["one product", "all customers alike", "a product that everyone buys"])
def test_where_all_is_bought_again_the_stated_weights_are_perfect(name):
    found = evaluate_and_fit(LITTLE[name], HELD_BACK, no_progress, [tasks.HOME])
    assert found.results[tasks.HOME.name][CURRENT_RANKER].mean["NDCG@10"] == 1
    assert found.weights == {tasks.HOME.name: NO_BETTER}


def test_an_evaluation_of_one_kind_finds_what_that_of_all_finds():
    alone = evaluate_and_fit(shop_of(rows()), HELD_BACK, no_progress, [tasks.DISCOVERY])
    assert alone.results == {tasks.DISCOVERY.name: evaluation().results[tasks.DISCOVERY.name]}
