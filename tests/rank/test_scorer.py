"""One score from many features."""

import numpy as np
import pytest

from personalization.rank import scorer, tasks
from personalization.rank.features import compute_features
from personalization.rank.scorer import (
    TreeEnsemble,
    default_score,
    feature_fingerprint,
    load_trees,
    purchase_probabilities,
    score_candidates,
    task_feature_names,
)
from personalization.rank.snapshot_arrays import SnapshotArrays
from tests.shops.habits import past
from tests.shops.handmade_snapshot import NOW, handmade_arrays, handmade_history

TESTS = scorer.MAX_LEAVES - 1


def tree(*tests, values):
    """A forest of one tree: its tests as (feature, threshold, leaves that lie left of it)."""
    feature, threshold = np.zeros((1, TESTS), np.int32), np.zeros((1, TESTS), np.float32)
    left, value = np.full((1, TESTS), 255, np.int32), np.zeros((1, scorer.MAX_LEAVES))
    for number, (row, limit, leaves) in enumerate(tests):
        feature[0, number], threshold[0, number] = row, limit
        left[0, number] = 255 - sum(1 << leaf for leaf in leaves)
    value[0, : len(values)] = values
    return TreeEnsemble(feature, threshold, left, value, np.array([2.0, -1.0]))


def table(*columns):
    return np.array(columns, np.float32).T


def with_trees(shop, trees, mark=None):
    """What a shop learned, with these trees for its home page."""
    mark = feature_fingerprint(shop) if mark is None else mark
    arrays = {tasks.HOME.array_name(name): array for name, array in vars(trees).items()}
    return SnapshotArrays({**shop.arrays, **arrays, "ranker.fingerprint": np.array([mark])})


def test_a_tree_leads_each_candidate_to_its_leaf():
    # feature 0 > 5 ? leaf 2 : (feature 1 > 1 ? leaf 1 : leaf 0)
    trees = tree((0, 5.0, [0, 1]), (1, 1.0, [0]), values=[10, 20, 30])
    assert trees.scores(table((0, 0), (0, 2), (6, 0), (6, 2))).tolist() == [10, 20, 30, 30]


def test_a_value_that_equals_the_threshold_is_not_above_it():
    above = np.nextafter(np.float32(5), np.float32(6))
    assert tree((0, 5.0, [0]), values=[1, 2]).scores(table((5.0,), (above,))).tolist() == [1, 2]


def test_a_tree_of_eight_leaves_finds_each_of_them():
    trees = tree(*[(0, float(leaf), range(leaf + 1)) for leaf in range(TESTS)], values=range(8))
    assert trees.scores(table(*[(leaf - 0.5,) for leaf in range(8)])).tolist() == list(range(8))


def test_the_trees_of_a_forest_add_up():
    one, other = tree((0, 1.0, [0]), values=[1, 2]), tree((0, 3.0, [0]), values=[10, 20])
    both = TreeEnsemble(
        *(np.concatenate([vars(one)[name], vars(other)[name]]) for name in vars(one) if name != "calibration"), None
    )
    assert both.scores(table((0,), (2,), (4,))).tolist() == [11, 12, 22]


def test_no_candidates_have_no_scores():
    assert tree((0, 1.0, [0]), values=[1, 2]).scores(np.zeros((3, 0), np.float32)).tolist() == []


def test_stated_weights_count_each_feature_as_a_share_of_its_highest():
    shop = handmade_arrays(popular__score=[0, 50, 0, 100], repurchase_rate__score=[0.5, 0, 0, 0])
    who = handmade_history((0, 3.0, 2, 9, 9), (1, 1.0, 1, 9, 9), near=[(2, 0.25), (3, 0.5)])
    found = default_score(tasks.HOME, shop, compute_features(who, shop, NOW, np.arange(4)))
    own, near, popular = (
        tasks.HOME.default_weights[name] for name in ("purchase.expected", "user_knn.score", "popular")
    )
    assert found.tolist() == pytest.approx([own, own / 4 + popular / 2, near / 2, near + popular])


@pytest.mark.parametrize("kind", tasks.RANKING_TASKS.values(), ids=tasks.RANKING_TASKS)
def test_every_stated_weight_is_that_of_a_feature(kind):
    asked = past()
    assert kind.default_weights.keys() <= set(task_feature_names(kind, asked.learned))


def test_learned_trees_decide_where_they_were_learned_and_stated_weights_elsewhere():
    shop = with_trees(handmade_arrays(popular__score=[0, 0, 9, 0]), tree((0, 1.0, [0]), values=[1, 2]))
    found = compute_features(handmade_history((1, 3.0, 2, 9, 9)), shop, NOW, np.arange(4))
    assert score_candidates(tasks.HOME, shop, found).tolist() == [1, 2, 1, 1]
    assert score_candidates(tasks.DISCOVERY, shop, found).argmax() == 2


def test_trees_that_were_learned_from_other_features_are_not_used():
    shop = with_trees(handmade_arrays(popular__score=[1, 2, 3, 4]), tree((0, 1.0, [0]), values=[5, 6]))
    added = SnapshotArrays({**shop.arrays, "another.score": np.zeros(4), "another.customers": np.zeros(4)})
    assert load_trees(tasks.HOME, shop) is not None
    assert load_trees(tasks.HOME, added) is None
    found = compute_features(handmade_history(), added, NOW, np.arange(4))
    assert np.array_equal(score_candidates(tasks.HOME, added, found), default_score(tasks.HOME, added, found))
    assert score_candidates(tasks.HOME, added, found).argmax() == 3


def test_the_fingerprint_of_the_features_changes_with_their_names_only():
    assert feature_fingerprint(handmade_arrays()) == feature_fingerprint(handmade_arrays(popular__score=[1, 2, 3, 4]))
    assert feature_fingerprint(handmade_arrays()) != feature_fingerprint(handmade_arrays(another__score=[0, 0, 0, 0]))


def test_chances_are_the_learned_log_odds_or_shares_of_the_stated_scores():
    shop = with_trees(handmade_arrays(), tree(values=[0]))
    assert purchase_probabilities(tasks.HOME, shop, np.array([0.5, 1.5])).tolist() == pytest.approx(
        [0.5, 1 / (1 + np.exp(-2))]
    )
    assert purchase_probabilities(tasks.DISCOVERY, shop, np.array([3.0, 1.0])).tolist() == [0.75, 0.25]
    assert purchase_probabilities(tasks.DISCOVERY, shop, np.zeros(2)).tolist() == [0, 0]


def test_scores_far_beyond_those_that_were_learned_from_are_still_chances():
    shop = with_trees(handmade_arrays(), tree(values=[0]))
    found = purchase_probabilities(tasks.HOME, shop, np.array([-1e6, 1e6]))
    assert (found >= 0).all() and (found <= 1).all()


def test_scores_are_rounded_so_that_ties_break_alike_everywhere():
    shop = handmade_arrays(popular__score=[1, 1, 1, 3])
    found = score_candidates(tasks.HOME, shop, compute_features(handmade_history(), shop, NOW, np.arange(4)))
    assert found.tolist() == [
        round(tasks.HOME.default_weights["popular"] * share, 6) for share in (1 / 3, 1 / 3, 1 / 3, 1)
    ]
