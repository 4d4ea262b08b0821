"""Rankers learn from clicks where clicks tell what will be bought, and only there."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.rank.tasks import DISCOVERY
from personalization.rank.training_quality import METRIC
from personalization.recommenders import DAY, ShownArrays
from personalization.shop.catalogue import CategoryMemberships
from personalization.testing import REFERENCE_TIME, make_history
from personalization.train.dataset import TrainingDataset
from personalization.train.evaluate import evaluate_and_fit
from personalization.train.run import no_progress
from personalization.train.signal_worth import measure_signals

CUSTOMERS, PRODUCTS, WEEKS, WINDOW = 500, 1_500, 24, 4
PLACE_RATES = np.array([0.2, 0.1, 0.05, 0.02])


def shop_of_fashions(*, clicks_tell):
    """Every four weeks other products are liked. Buyers click on cards by place and, where clicks tell, by what will be
    liked in the weeks after; each buys something two times in three weeks."""
    chance = np.random.default_rng(5)
    liked = chance.lognormal(0, 1.2, (WEEKS // WINDOW + 1, PRODUCTS))
    rows, shown, order = [], [], 0
    for week in range(WEEKS):
        begin = REFERENCE_TIME - (WEEKS - week) * 7 * DAY
        weight = liked[week // WINDOW]
        for customer in np.flatnonzero(chance.random(CUSTOMERS) < 0.7).tolist():
            moment, order = begin + chance.random() * 7 * DAY, order + 1
            bought = chance.choice(PRODUCTS, 2, replace=False, p=weight / weight.sum())
            rows += [(customer, order, product, moment) for product in bought.tolist()]
        cards = chance.multinomial(300, [0.25] * 4, PRODUCTS)
        coming = liked[week // WINDOW + 1] if clicks_tell else np.ones(PRODUCTS)
        taste = coming / coming.mean()
        expected = cards @ PLACE_RATES
        clicks = chance.poisson(expected * np.minimum(taste, 4))
        shown += [
            (product, begin + 7 * DAY, 300, 100, clicks[product], expected[product]) for product in range(PRODUCTS)
        ]
    history = replace(make_history(rows, PRODUCTS), shown=ShownArrays.from_rows(shown))
    empty = np.empty(0, np.int64)
    members = CategoryMemberships(empty, empty, {}, {})
    return TrainingDataset(history, np.arange(1, PRODUCTS + 1), np.zeros(PRODUCTS), members)


def worth(shop):
    seconds = WINDOW * 7 * DAY
    evaluation = evaluate_and_fit(shop, seconds, no_progress, [DISCOVERY])
    found = measure_signals(shop, evaluation, seconds, no_progress)
    return found.without_clicks["discovery"].mean[METRIC], found.with_signals["discovery"].mean[METRIC]


@pytest.mark.django_db
def test_clicks_that_tell_what_will_be_bought_make_lists_better():
    without, with_clicks = worth(shop_of_fashions(clicks_tell=True))
    assert with_clicks > 1.1 * without


@pytest.mark.django_db
def test_clicks_that_tell_nothing_cost_next_to_nothing():
    without, with_clicks = worth(shop_of_fashions(clicks_tell=False))
    assert with_clicks > 0.9 * without
