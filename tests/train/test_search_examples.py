"""Searches to learn from: pseudo-searches for what was bought, put to the shop's own engine."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.rank import tasks
from personalization.rank.training_quality import CURRENT_RANKER, SEARCH_ENGINE
from personalization.recommenders import DAY
from personalization.train.evaluate import evaluate_and_fit
from personalization.train.fit import fit_arrays
from personalization.train.ranking_examples import Backtest, ranking_examples
from personalization.train.run import no_progress
from personalization.train.search_examples import observe_searches
from personalization.train.search_vocabulary import CatalogueNames
from personalization.train.voices import Standing
from tests.shops.habits import CUT_WEEKS, rows, shop_of

HELD_BACK = CUT_WEEKS * 7 * DAY
FRUIT, DRINKS = "Fresh fruit", "Cold drinks"


def named(shop, engine):
    """The shop with titles and two categories, the products of which alternate; and a search engine."""
    count = shop.history.products
    leaf = np.arange(count, dtype=np.int32) % 2
    catalogue = replace(shop.history.catalogue, leaf_category=leaf)
    names = CatalogueNames(
        [f"{('Apple', 'Juice')[number % 2]} {number}" for number in range(count)], [FRUIT, DRINKS], [FRUIT, DRINKS]
    )
    return replace(shop, history=replace(shop.history, catalogue=catalogue), names=names, find_products=engine)


class Engine:
    """Finds by category or title, the oldest product first."""

    def __init__(self, ids):
        self.ids, self.queries = ids, []

    def __call__(self, query, limit):
        self.queries.append(query)
        odd = any(word in query for word in ("drinks", "juice"))
        return [int(key) for number, key in enumerate(self.ids) if number % 2 == odd][:limit]


@pytest.fixture
def shop():
    plain = shop_of(rows())
    return named(plain, Engine(plain.product_id))


def past_of(shop):
    before = shop.history.until(shop.history.now - HELD_BACK)
    return Backtest.cutoff(shop.history, before, fit_arrays(shop, before, no_progress))


def test_what_was_bought_is_searched_for_by_its_category_and_title(shop):
    searches = observe_searches(past_of(shop), shop, no_progress)
    assert {"fresh fruit", "fruit", "cold drinks", "drinks", "apple", "juice"} <= set(shop.find_products.queries)
    assert len(shop.find_products.queries) == len(set(shop.find_products.queries))
    for search in searches:
        assert np.isin(search.chosen, search.hits.product_indices).any()


def test_half_of_the_searches_are_asked_as_a_strangers_too(shop):
    past = past_of(shop)
    past = past.with_searches(observe_searches(past, shop, no_progress))
    examples = list(ranking_examples(past, tasks.SEARCH))
    strangers = [example for example in examples if not len(example.history.purchased)]
    assert len(strangers) == pytest.approx(len(past.searches) / 2, abs=1)


def test_the_order_that_is_learned_beats_the_engines(shop):
    found = evaluate_and_fit(shop, HELD_BACK, no_progress, [tasks.SEARCH])
    ways = found.results["search"]
    assert ways[CURRENT_RANKER].mean["MRR"] > ways[SEARCH_ENGINE].mean["MRR"] + 0.1


def test_an_engine_that_fails_costs_the_search_task_only(shop, caplog):
    def broken(query, limit):
        raise ConnectionError("no engine")

    found = evaluate_and_fit(replace(shop, find_products=broken), HELD_BACK, no_progress, [tasks.SEARCH, tasks.HOME])
    assert found.results["search"] == {} and found.results["home"]
    assert "did not answer" in caplog.text


def test_what_was_searched_for_and_chosen_is_an_example_itself(shop):
    past = past_of(shop)
    customer = next(iter(past.histories))
    at = past.train_history.now + DAY
    log = replace(
        shop.searches,
        visitor=np.array([customer, customer]),
        at=np.array([at, at + 60]),
        query=np.array([0, -1], np.int32),
        product=np.array([-1, 3], np.int32),
        weight=np.array([0.0, 1.0], np.float32),
        standing=np.full(2, Standing.BUYER, np.int8),
        texts=["something to drink"],
    )
    searches = observe_searches(past, replace(shop, searches=log), no_progress)
    logged = [search for search in searches if search.hits.query == "something to drink"]
    assert [(search.customer, search.chosen.tolist()) for search in logged] in ([], [(customer, [3])])
    assert "something to drink" in shop.find_products.queries
