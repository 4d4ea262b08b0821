"""How well a product matches a search, by words."""

import numpy as np
import pytest

from personalization.rank.query_features import QUERY_FEATURES, EngineHits, compute_query_features
from personalization.rank.search_words import SearchVocabulary, word_root
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.train.search_vocabulary import CatalogueNames, vocabulary_arrays
from tests.shops.grocery_names import EGGS, ICE_CREAM, KIDS_SHOES, MENS_SHOES, MILK, NOG, grocery_arrays

SHOP = grocery_arrays()
EVERYTHING = np.arange(7)


def match(query, shop=SHOP, listed=()):
    """By feature, its value for each product."""
    table = compute_query_features(EngineHits(query, np.array(listed, np.int64)), shop, EVERYTHING)
    return {one.name.removeprefix("query."): table[row].tolist() for row, one in enumerate(QUERY_FEATURES)}


def test_eggs_are_eggs_and_egg_nog_is_not():
    found = match("eggs")
    assert found["title_share"][EGGS] == found["title_share"][NOG] == 1
    assert (found["title_exact"][EGGS], found["title_exact"][NOG]) == (1, 0)
    assert (found["title_head"][EGGS], found["title_head"][NOG]) == (1, 0)
    assert (found["category_coverage"][EGGS], found["category_coverage"][NOG]) == (1, 0)


def test_the_names_of_the_categories_above_tell_two_alike_apart():
    found = match("kids shoes")
    assert found["category_share"][KIDS_SHOES] == found["category_share"][MENS_SHOES] < 1
    assert found["path_share"][KIDS_SHOES] == 1 > found["path_share"][MENS_SHOES]


def test_the_rarer_word_counts_more():
    share = match("running milk")["title_share"]
    assert 0 < share[MILK] < 1
    assert share[MILK] + share[KIDS_SHOES] == pytest.approx(1)


def test_a_title_that_is_the_query_is_covered_whole():
    coverage = match("ice cream")["title_coverage"]
    assert 0.4 < coverage[ICE_CREAM] < 1 and coverage[EGGS] == 0
    assert match("ice cream 1 pint")["title_coverage"][ICE_CREAM] == pytest.approx(1)


def test_the_engines_order_falls_along_its_list():
    rank = match("milk", listed=[3, -1, 2])["engine_rank"]
    assert rank[3] == 1 and rank[3] > rank[2] > rank[0] == rank[1]


@pytest.mark.parametrize("query", ["", "???", "x" * 9_999, "unknown words only", "\ud800", "milk " * 500])
def test_any_query_has_numbers(query):
    for values in match(query).values():
        assert all(0 <= value <= 1 for value in values)


def test_a_snapshot_of_an_earlier_release_has_no_words():
    arrays = {"product.leaf_category": SHOP.arrays["product.leaf_category"], "product.id": EVERYTHING}
    assert not any(match("milk", SnapshotArrays(arrays))["title_share"])


@pytest.mark.parametrize(
    ("word", "root"), [("eggs", "egg"), ("berries", "berry"), ("dishes", "dish"), ("glass", "glass"), ("gas", "gas")]
)
def test_a_plural_has_the_root_of_its_singular(word, root):
    assert word_root(word) == root


def test_a_shop_without_categories_matches_titles():
    words = vocabulary_arrays(CatalogueNames(["Green tea"], [], []), np.array([-1], np.int32), np.array([3]))
    shop = SnapshotArrays({**words, "product.leaf_category": np.array([-1], np.int32), "product.id": np.array([7])})
    table = compute_query_features(EngineHits("tea"), shop, np.array([0]))
    said = dict(zip((one.name for one in QUERY_FEATURES), table[:, 0].tolist(), strict=True))
    assert (said["query.title_share"], said["query.title_head"], said["query.category_head"]) == (1, 1, 0)


def test_every_word_is_found_again():
    vocabulary = SearchVocabulary(SHOP.arrays)
    words = [vocabulary.text(number) for number in range(len(vocabulary))]
    assert words == sorted(words) and {"eggs", "kids", "frozen"} <= set(words)
    assert [vocabulary.find(word) for word in words] == list(range(len(words)))
    assert vocabulary.find("zebra") == -1
