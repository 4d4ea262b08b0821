"""The scores of a forecast, on answers that can be worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_pinball_loss, roc_auc_score

from personalization.train.customer_value import scores

TRUTH = np.array([0.0, 10.0, 20.0, 70.0])


def test_the_ideal_sequence_has_gini_1_and_the_reverse_minus_1():
    assert scores.normalized_gini(TRUTH, TRUTH) == pytest.approx(1)
    assert scores.normalized_gini(TRUTH, -TRUTH) == pytest.approx(-1)


def test_the_top_quarter_brought_its_share():
    assert scores.top_share(TRUTH, TRUTH, 0.25) == 0.7
    assert scores.top_share(TRUTH, -TRUTH, 0.25) == 0.0


def test_they_agree_with_scikit_learn():
    chance = np.random.default_rng(1)
    truth, forecast = chance.random(200) < 0.3, chance.random(200).round(2)
    assert scores.area_under_curve(truth, forecast) == pytest.approx(roc_auc_score(truth, forecast))
    assert scores.mean_log_loss(truth, forecast) == pytest.approx(log_loss(truth, np.clip(forecast, 1e-9, 1 - 1e-9)))
    wait, expected = chance.random(200), chance.random(200)
    assert scores.pinball_loss(wait, expected, 0.9) == pytest.approx(mean_pinball_loss(wait, expected, alpha=0.9))


def test_equal_values_share_a_rank():
    assert scores.ranks(np.array([5.0, 1.0, 5.0])).tolist() == [2.5, 1.0, 2.5]
    assert scores.rank_correlation(TRUTH, np.ones(4)) == 0.0


def test_a_forecast_that_is_right_on_average_differs_in_no_tenth():
    truth = np.repeat([1.0, 3.0], 10)
    assert scores.group_difference(truth, truth) == 0
    assert scores.group_difference(truth, truth + 1) == 1
