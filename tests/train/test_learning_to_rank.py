"""Learning how much to trust each feature, in a shop where it is known what can be trusted."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from personalization.rank import scorer, tasks
from personalization.rank.features import feature_names
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import GUEST
from personalization.train import learning_to_rank as learning
from personalization.train.learning_to_rank import feature_table, fit_ranker, is_evaluation_customer
from personalization.train.ranking_examples import RankingExample, ranking_examples
from tests.shops.habits import CUSTOMERS, past, past_of, rows, shop_of, shuffled
from tests.shops.handmade_snapshot import handmade_history


def trees_of(found, kind=tasks.HOME):
    return scorer.TreeEnsemble(
        *(found[kind.array_name(name)] for name in ("feature", "threshold", "left", "value", "calibration"))
    )


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def learned():
    return fit_ranker([past()], tasks.HOME)


def test_every_fifth_customer_judges_and_a_guest_never_does():
    share = sum(map(is_evaluation_customer, range(10_000))) / 10_000
    assert share == pytest.approx(0.2, abs=0.01)
    assert not is_evaluation_customer(GUEST)


def boosted(seed, bins=255):
    """A booster with its candidates: numbers of which some are rare, some equal, some negative."""
    chance = np.random.default_rng(seed)
    table = chance.normal(size=(4_000, 6)).astype(np.float32)
    table[:, 1] = np.round(table[:, 1], 1)
    table[:, 2] = chance.integers(0, 3, 4_000)
    table[:, 3] = np.where(chance.random(4_000) < 0.9, 0, 1_000)
    bought = (table[:, 0] + table[:, 1] * table[:, 2] + chance.normal(size=4_000)) > 1.5
    settings = {**learning.BOOSTER, "min_data_in_leaf": 5, "max_bin": bins}
    data = lightgbm.Dataset(table, bought.astype(np.int8), group=[40] * 100)
    return lightgbm.train(settings, data, 40), table


@pytest.mark.parametrize(("seed", "bins"), [(1, 255), (2, 7), (3, 63)])
def test_trees_as_arrays_score_as_lightgbm_does_even_where_a_value_is_the_threshold(seed, bins):
    booster, table = boosted(seed, bins)
    trees = scorer.TreeEnsemble(*learning._trees_to_arrays(booster.dump_model()["tree_info"]), np.zeros(2))
    edges = np.repeat(table[:1], trees.threshold.size, axis=0)
    edges[np.arange(trees.threshold.size), trees.feature.ravel()] = trees.threshold.ravel()
    above = np.nextafter(edges, np.float32(np.inf))
    asked = np.concatenate([table, edges, above])
    asked[np.abs(asked) <= 1e-34] = 0  # LightGBM takes numbers that are so small for nought before it compares them
    rounding = 40 * 0.5 * 10**-scorer.SCORE_DECIMALS
    assert np.abs(trees.scores(asked.T) - booster.predict(asked)).max() <= rounding + 1e-12
    assert np.unique(trees.scores(asked.T)).size > 500


def test_a_threshold_between_two_single_numbers_lies_at_the_lower():
    low, high = np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1))
    middle = (float(low) + float(high)) / 2
    assert [learning._single_precision(value) for value in (float(low), middle, float(high))] == [low, low, high]


def test_what_is_bought_every_week_and_what_is_still_to_come_is_learned(learned):
    arrays = {
        **past().learned.arrays,
        **learned,
        "ranker.fingerprint": np.array([scorer.feature_fingerprint(past().learned)]),
    }
    for question in ranking_examples(past(), tasks.HOME):
        scores = scorer.score_candidates(tasks.HOME, SnapshotArrays(arrays), feature_table(question, past()))
        first = question.candidates[np.lexsort((question.candidates, -scores))][: len(question.bought)]
        assert sorted(first.tolist()) == question.bought.tolist()


def test_the_arrays_are_of_the_kinds_that_a_snapshot_can_hold(learned):
    assert {name: array.dtype.name for name, array in learned.items()} == {
        "ranker.home_feature": "int32",
        "ranker.home_threshold": "float32",
        "ranker.home_left": "int32",
        "ranker.home_value": "float64",
        "ranker.home_calibration": "float64",
    }
    assert all(np.isfinite(array).all() for array in learned.values())
    assert learned["ranker.home_feature"].max() < len(feature_names(past().learned))


def test_the_same_history_teaches_the_same_to_the_last_bit_whatever_the_sequence_of_its_lines(learned):
    assert same(learned, fit_ranker([past_of(shuffled(shop_of(rows())))], tasks.HOME))


def of_whom(asked, product):
    """The same past in which these customers bought one product only."""
    return replace(past(), product=np.where(asked, product, past().product))


def test_from_judges_nothing_is_learned(learned):
    judged = np.array([is_evaluation_customer(customer) for customer in past().customer.tolist()])
    assert 0.1 < judged.mean() < 0.3
    assert same(learned, fit_ranker([of_whom(judged, 0)], tasks.HOME))
    assert not same(learned, fit_ranker([of_whom(~judged & (past().customer < 20), 0)], tasks.HOME))


def test_of_too_few_questions_nothing_is_learned(learned):
    teachers = [customer for customer in range(CUSTOMERS) if not is_evaluation_customer(customer)]
    for count, taught in ((learning.MIN_EXAMPLES, True), (learning.MIN_EXAMPLES - 1, False)):
        kept = np.isin(past().customer, teachers[:count])
        columns = {name: getattr(past(), name)[kept] for name in ("customer", "order", "product")}
        assert bool(fit_ranker([replace(past(), **columns)], tasks.HOME)) is taught


def test_a_question_that_no_candidate_answers_is_no_lesson():
    lessons = learning.TrainingSet(tasks.HOME)
    lessons.add(RankingExample(0, VisitorHistory.empty(), np.arange(40), np.array([77])), np.zeros((3, 40), np.float32))
    assert lessons.tables == []


def test_all_that_was_bought_is_looked_at_and_one_in_so_many_of_the_rest():
    lessons = learning.TrainingSet(replace(tasks.HOME, negative_sampling=4))
    for _ in range(200):
        example = RankingExample(0, VisitorHistory.empty(), np.arange(100), np.arange(5))
        lessons.add(example, np.zeros((3, 100), np.float32))
    assert [int(bought.sum()) for bought in lessons.bought] == [5] * 200
    assert sum(map(len, lessons.bought)) == pytest.approx(200 * (5 + 95 / 4), rel=0.05)


def test_what_is_new_to_a_customer_with_a_choice_of_their_own_counts_more():
    lessons = learning.TrainingSet(replace(tasks.SEARCH, negative_sampling=1))
    for history in (handmade_history((0, 1.0, 1, 9, 9)), VisitorHistory.empty()):
        example = RankingExample(0, history, np.arange(3), np.array([0, 1]))
        lessons.add(example, np.zeros((3, 3), np.float32))
    assert [grades.tolist() for grades in lessons.grades] == [[1, 3, 0], [1, 1, 0]]
    assert lessons.weights == [1.5, 1.0]


def test_log_odds_that_are_known_are_found_again():
    chance = np.random.default_rng(5)
    scores = chance.normal(size=50_000) * 2
    bought = chance.random(50_000) < 1 / (1 + np.exp(-(1.5 * scores - 3)))
    found = learning.fit_platt_scaling(scores, bought, np.ones(50_000))
    assert found == pytest.approx([1.5, -3], abs=0.1)


def test_what_was_passed_over_counts_in_the_chances():
    bought = np.arange(1_000) < 100
    slope, offset = learning.fit_platt_scaling(np.zeros(1_000), bought, np.where(bought, 1, 4))
    assert (slope, 1 / (1 + np.exp(-offset))) == (0, pytest.approx(100 / 3_700, abs=1e-3))


@pytest.mark.parametrize("where", [0.0, -40.0, 1_000.0])
def test_chances_stay_sensible_when_scores_tell_all_or_nothing_or_lie_far_from_zero(where):
    chance = np.random.default_rng(5)
    scores = np.sort(chance.normal(size=20_000)) * 10 + where
    for bought in (np.arange(20_000) >= 19_000, chance.random(20_000) < 0.05, np.ones(20_000, bool)):
        slope, offset = learning.fit_platt_scaling(scores, bought, np.ones(20_000))
        odds = 1 / (1 + np.exp(-np.clip(slope * scores + offset, -30, 30)))
        assert odds.mean() == pytest.approx(bought.mean(), abs=0.01)
        assert slope >= -0.01 and odds.max() < 1
