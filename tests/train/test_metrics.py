"""How good a list is, in numbers that can be worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from personalization.rank import tasks
from personalization.rank.visitor_history import VisitorHistory
from personalization.train.learning_to_rank import is_evaluation_customer
from personalization.train.metrics import (
    BESTSELLERS,
    CURRENT_RANKER,
    DEFAULT_WEIGHTS,
    MetricAccumulator,
    evaluate_ranker,
)
from personalization.train.ranking_examples import RankingExample
from tests.shops.habits import CUSTOMERS, past, past_of, rows, shop_of
from tests.shops.handmade_snapshot import handmade_arrays

LOG = 1 / np.log2(np.arange(2, 12))


def a_past(products=100, customers=1, of=64):
    """A past of 64 customers, so many of whom bought each product."""
    shop = handmade_arrays(
        all_time_popular__score=np.ones(products), all_time_popular__customers=np.full(products, customers)
    )
    return SimpleNamespace(learned=shop, customers_before=of, train_history=SimpleNamespace(products=products))


def verdict(*lists, wanted, about=None):
    """The verdict on lists of products, each in its order, when these were wanted."""
    about, tally = about or a_past(), MetricAccumulator()
    for listed in lists:
        question = RankingExample(0, VisitorHistory.empty(), np.array(listed, np.int64), np.array(wanted))
        tally.add(question, np.arange(len(listed), 0.0, -1), about)
    return tally.result(about)


def test_a_list_that_begins_with_all_that_was_wanted_is_perfect():
    mean = verdict([3, 1, 2, 9], wanted=[1, 2, 3]).mean
    assert (mean["NDCG@10"], mean["recall@10"], mean["MRR"], mean["hit rate"]) == (1, 1, 1, 1)


def test_each_place_counts_less_than_the_one_before_it():
    mean = verdict([9, 1, 8, 2], wanted=[1, 2, 3]).mean
    assert mean["NDCG@10"] == pytest.approx((LOG[1] + LOG[3]) / LOG[:3].sum(), abs=1e-4)
    assert (mean["recall@10"], mean["MRR"], mean["hit rate"]) == (pytest.approx(2 / 3, abs=1e-4), 0.5, 1)


def test_after_the_tenth_place_only_the_first_hit_counts():
    mean = verdict(range(20), wanted=[10]).mean
    assert (mean["NDCG@10"], mean["recall@10"], mean["hit rate"]) == (0, 0, 0)
    assert mean["MRR"] == pytest.approx(1 / 11, abs=1e-4)


def test_of_more_than_ten_wanted_products_ten_make_a_perfect_list():
    mean = verdict(range(12), wanted=list(range(12))).mean
    assert mean["NDCG@10"] == 1
    assert mean["recall@10"] == pytest.approx(10 / 12, abs=1e-4)


def test_novelty_is_the_surprise_of_what_is_shown_in_bits():
    assert verdict([1, 2], wanted=[1], about=a_past(customers=8)).mean["novelty"] == 3
    assert verdict([1, 2], wanted=[1], about=a_past(customers=64)).mean["novelty"] == 0


def test_coverage_is_the_share_of_products_in_the_first_ten_of_any_list():
    assert verdict(range(20), range(5, 25), wanted=[1]).coverage == 0.15


def test_the_interval_is_that_of_the_mean():
    found = verdict(*[[1]] * 50, *[[2]] * 50, wanted=[1])
    assert (found.examples, found.mean["hit rate"], found.interval["hit rate"]) == (100, 0.5, 0.098)


def test_what_the_scores_say_nothing_of_is_not_listed():
    tally = MetricAccumulator()
    question = RankingExample(0, VisitorHistory.empty(), np.array([1, 2, 3]), np.array([3]))
    tally.add(question, np.array([0.5, 0.0, 0.0]), a_past())
    assert tally.shown == {1}
    assert tally.result(a_past()).mean["MRR"] == 0


def test_a_list_of_nothing_is_worth_nothing():
    assert verdict([], wanted=[1]).mean == dict.fromkeys(("NDCG@10", "recall@10", "MRR", "hit rate", "novelty"), 0)


def test_only_judges_are_asked_and_each_way_to_rank_is_judged():
    found = evaluate_ranker([past()], tasks.HOME)
    count = sum(map(is_evaluation_customer, range(CUSTOMERS)))
    assert {found[way].examples for way in (CURRENT_RANKER, DEFAULT_WEIGHTS, BESTSELLERS, "own purchases")} == {count}
    assert found[CURRENT_RANKER] == found[DEFAULT_WEIGHTS]  # nothing was learned that could serve
    assert {"similar customers (user-kNN)", "all-time bestsellers", "ease, own purchases"} <= found.keys()
    assert found.keys().isdisjoint({"repurchase_interval", "repurchase_frequency", "repurchase_rate"})


def test_who_buys_the_same_every_week_is_served_perfectly_by_their_own_purchases():
    found = evaluate_ranker([past_of(shop_of(rows(novelties=False)))], tasks.HOME)
    for way in (DEFAULT_WEIGHTS, "own purchases", "repeat purchases"):
        assert (found[way].mean["NDCG@10"], found[way].interval["NDCG@10"]) == (1, 0)
    assert found[BESTSELLERS].mean["NDCG@10"] < 0.3
    assert found["own purchases"].coverage == 0.5  # the other half of the products was never sold


def test_without_judges_there_is_no_verdict():
    nobody = past_of(shop_of([row for row in rows() if not is_evaluation_customer(row[0])]))
    assert evaluate_ranker([nobody], tasks.HOME) == {}
