"""What is learned from the catalogue alone."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.recommenders import CatalogueArrays, LearningLimits, content_similarity
from personalization.recommenders._word_weights import count_words
from personalization.recommenders.content_similarity import SAME_CATEGORY_WEIGHT, ContentSimilarity
from personalization.testing import make_history, views_and_texts

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=10)


def described(texts, kinds=None, prices=None):
    """A shop that nobody has bought in yet, with these texts, kinds and prices."""
    blank = CatalogueArrays.empty(len(texts))
    kind = blank.leaf_category if kinds is None else np.array(kinds, np.int32)
    price = blank.price if prices is None else np.array(prices, np.float32)
    return replace(make_history([], len(texts)), catalogue=replace(blank, text=texts, leaf_category=kind, price=price))


def similar(*shop):
    return content_similarity.recommender.fit(described(*shop), LIMITS)


def found(near, product):
    return near.index[product][near.index[product] >= 0].tolist()


def test_a_product_that_nobody_has_bought_has_neighbours():
    near = similar(["frozen pizza salami", "frozen pizza tuna", "red nail polish", "blue nail polish"])
    assert [found(near, product) for product in range(4)] == [[1], [0], [3], [2]]


def test_the_same_words_and_kind_weigh_one_and_the_kind_alone_a_fifth():
    near = similar(["oak table", "oak table", "steel lamp", "steel lamp"], [0, 0, 0, -1])
    assert found(near, 0) == [1, 2]
    assert near.weight[0, :2] == pytest.approx([1, SAME_CATEGORY_WEIGHT], abs=1e-6)
    assert found(near, 3) == [2] and near.weight[3, 0] == pytest.approx(1 - SAME_CATEGORY_WEIGHT, abs=1e-6)


def test_case_and_accents_make_no_difference():
    near = similar(["CRÈME brûlée", "creme BRULEE", "Öl", "ol", "wine", "wine"])
    assert [found(near, product) for product in range(4)] == [[1], [0], [3], [2]]
    assert near.weight[:4, 0] == pytest.approx([1 - SAME_CATEGORY_WEIGHT] * 4, abs=1e-6)


def test_a_rare_word_tells_more_than_a_common_one():
    near = similar(["acme drill", "acme saw", "zeta drill", "acme", "acme", "acme", "acme"])
    assert found(near, 0)[0] == 2


def test_a_word_that_more_than_a_few_per_cent_of_many_products_hold_tells_nothing():
    near = similar([f"bottle {number // 2:04}x" for number in range(400)])
    assert [found(near, product) for product in (0, 1, 398)] == [[1], [0], [399]]


def test_products_of_a_kind_too_large_to_compare_must_share_a_word_too(monkeypatch):
    monkeypatch.setattr("personalization.recommenders._tfidf.MAX_CATEGORY_SIZE", 4)
    near = similar(["oak table", "oak lamp", "x1", "x2", "x3", "oak"], [0, 0, 0, 0, 0, 1])
    assert [found(near, product) for product in (0, 2)] == [[1, 5], []]
    assert near.weight[0, 0] == pytest.approx(near.weight[1, 0]) and near.weight[0, 0] > SAME_CATEGORY_WEIGHT


def test_equally_close_products_come_by_number():
    assert found(similar(["same words"] * 6), 3) == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["", ""], ["a", "!"], ["one", "two"]])
def test_a_catalogue_in_which_no_word_is_shared_gives_no_neighbours(texts):
    assert not similar(texts).weight.any()


def test_what_was_bought_changes_nothing():
    history = views_and_texts()
    unsold = replace(make_history([], history.products), catalogue=history.catalogue)
    one, other = (ContentSimilarity().fit(shop, LIMITS) for shop in (history, unsold))
    assert np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


@pytest.mark.parametrize("pairs_per_block", [1, 7, 100, 10**9])
def test_the_size_of_a_block_changes_nothing(pairs_per_block):
    history = views_and_texts()
    whole, blocks = ContentSimilarity().fit(history, LIMITS), ContentSimilarity(pairs_per_block).fit(history, LIMITS)
    assert np.array_equal(whole.index, blocks.index) and np.array_equal(whole.weight, blocks.weight)


def test_no_word_is_held_by_more_products_than_can_be_compared():
    counted = count_words([f"common {number % 20} {number // 3}x" for number in range(3_000)])
    held = np.diff(counted.terms(counted.fresh_weights()).tocsc().indptr)
    assert held.max() <= 90 and held.min() >= 2
