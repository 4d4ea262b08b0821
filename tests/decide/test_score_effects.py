"""What spoke for a product is what its score would lose if it were ordinary in that one thing."""

import numpy as np

from personalization.decide.score_effects import FeatureEffect, explain_scores
from personalization.decide.slate import product_ref
from personalization.decide.trace import Scoring
from personalization.rank import scorer
from personalization.rank.tasks import HOME
from tests.shops.handmade_snapshot import handmade_arrays


def scoring_of(**features):
    """A run over the four handmade products; `features`: the values of each, by a name with __ for the dot."""
    snapshot = handmade_arrays()
    names = scorer.task_feature_names(HOME, snapshot)
    table = np.zeros((len(names), 4), np.float32)
    for name, values in features.items():
        table[names.index(name.replace("__", "."))] = values
    score = scorer.score_candidates(HOME, snapshot, table)
    return Scoring("home", snapshot, np.arange(4), tuple(names), table, score, score)


def test_the_one_feature_that_holds_a_product_up_is_named_with_the_rank_without_it():
    scoring = scoring_of(purchase__expected=[4, 2, 3, 1])
    first = explain_scores(scoring, [product_ref(10)])[product_ref(10)]
    assert (first.rank, first.candidates) == (1, 4)
    assert first.effects == (FeatureEffect("purchase.expected", 2),)


def test_what_moves_a_product_least_is_named_last():
    scoring = scoring_of(purchase__expected=[4, 2, 3, 1], user_knn__score=[9, 0, 0, 9])
    effects = explain_scores(scoring, [product_ref(10), product_ref(40)])
    assert effects[product_ref(10)].effects == (
        FeatureEffect("purchase.expected", 1),
        FeatureEffect("user_knn.score", 1),  # it is first with them and without either
    )
    assert effects[product_ref(40)].effects == (FeatureEffect("user_knn.score", 4),)


def test_a_feature_that_the_ranker_does_not_look_at_speaks_for_nothing():
    scoring = scoring_of(product__age_days=[500, 1, 1, 1])
    assert explain_scores(scoring, [product_ref(10)])[product_ref(10)].effects == ()


def test_what_was_no_candidate_has_no_score():
    assert explain_scores(scoring_of(), [product_ref(99)]) == {}
