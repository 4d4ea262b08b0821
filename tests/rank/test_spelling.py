"""Misspelt searches, corrected by the words of the catalogue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.rank.search_words import SearchVocabulary
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.spelling import (
    OTHER_LETTER_COST,
    SLIP_COST,
    corrected_queries,
    may_be_misspelt,
    may_find,
    slip_costs,
)
from personalization.train.search_vocabulary import CatalogueNames, vocabulary_arrays
from tests.shops.grocery_names import TITLES, grocery_arrays

SHOP = grocery_arrays()


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("mlik", "milk"),
        ("mik", "milk"),
        ("millk", "milk"),
        ("choclate", "chocolate"),
        ("chocolaet mlik", "chocolate milk"),
        ("icecream", "ice cream"),
        ("runing shoes", "running shoes"),
        ("choco", "chocolate"),
        ("MLIK!", "milk"),
    ],
)
def test_a_slip_is_corrected(typo, meant):
    assert corrected_queries(typo, SHOP, 3)[0] == meant


@pytest.mark.parametrize(
    "query", ["milk", "egg", "eggs", "Running  shoe", "", "12", "xqzzt", "w" * 500, "a b c d e f g"]
)
def test_a_clean_query_and_one_that_nothing_is_like_are_left_alone(query):
    assert corrected_queries(query, SHOP, 3) == []


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("milk", True),
        ("chocolate eggs", True),
        ("mlik", True),
        ("purple milk", True),
        ("7", True),
        ("xqzzt zz", False),
        ("", False),
    ],
)
def test_a_search_can_lead_somewhere_by_its_words_or_by_what_they_meant(query, finds):
    assert may_find(query, SHOP) is finds


def test_of_two_words_as_near_the_commoner_is_meant():
    assert corrected_queries("milt", grocery_arrays(), 1) == ["milk"]
    pairs = grocery_arrays(customers=(0, 0, 0, 0, 0, 0, 0)), grocery_arrays(customers=(900, 0, 0, 0, 0, 0, 0))
    assert [corrected_queries("nogg", shop, 1) for shop in pairs] == [["nog"], ["nog"]]


def cost_of_slips(typo, word):
    letters = np.array([[ord(letter) for letter in word]])
    return float(slip_costs(np.array([ord(letter) for letter in typo]), letters, np.array([len(word)]))[0])


@given(st.sampled_from(["milk", "chocolate", "running", "shoes"]), st.integers(0, 2))
def test_a_word_with_two_letters_transposed_is_one_slip_away(word, at):
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    assert cost_of_slips(swapped, word) == SLIP_COST * (swapped != word)


@pytest.mark.parametrize(
    ("typo", "slips", "other_letters"),
    [
        ("milk", 0, 0),
        ("mik", 1, 0),
        ("millk", 1, 0),
        ("mmilk", 1, 0),
        ("imlk", 1, 0),
        ("mimk", 0, 1),
        ("mielk", 0, 1),
        ("imk", 2, 0),
        ("mil", 1, 0),
        ("mxlkk", 1, 1),
        ("xy", 2, 2),
    ],
)
def test_a_letter_that_belongs_to_no_slip_of_the_word_costs_more(typo, slips, other_letters):
    assert cost_of_slips(typo, "milk") == slips * SLIP_COST + other_letters * OTHER_LETTER_COST


@pytest.mark.parametrize(
    ("typo", "meant"), [("imk", ["milk"]), ("mllk", ["milk"]), ("mxlz", []), ("mxlzk", []), ("shxes", ["shoes"])]
)
def test_the_shorter_a_word_the_less_may_be_wrong_with_it(typo, meant):
    assert corrected_queries(typo, SHOP, 1) == meant


def shop_of(*titles, customers=None):
    words = vocabulary_arrays(
        CatalogueNames(titles), np.full(len(titles), -1), np.array(customers or [0] * len(titles))
    )
    return SnapshotArrays(words)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("entree", "entrée"),
        ("entrees", "entrée"),
        ("netre", "entrée"),
        ("soose", "soße"),
        ("kase", "käse"),
        ("brülee", "brulee"),
    ],
)
def test_a_word_is_searched_for_as_the_catalogue_writes_it(typo, meant):
    shop = shop_of("Frozen entrée, 9 oz", "Rote Soße", "Käse", "Crème brulee")
    assert corrected_queries(typo, shop, 1) == [meant]


@pytest.mark.parametrize("query", ["Entrée", "frozen  ENTRE\u0301E", "crème", "CRÈME brulee", "3 Käse", "rote soße"])
def test_what_is_typed_as_the_catalogue_writes_it_is_left_alone(query):
    shop = shop_of("Frozen entrée, 9 oz", "Rote Soße", "Käse", "Crème brulee")
    assert not may_be_misspelt(query, shop)
    assert corrected_queries(query, shop, 3) == []


def test_how_a_word_is_written_most_often_counts():
    assert corrected_queries("sofe", shop_of("Café", "Cafe", "Café", "Söfa"), 1) == ["söfa"]
    assert corrected_queries("caffe", shop_of("Café", "Cafe", "Café"), 1) == ["café"]


def test_a_smaller_slip_in_a_rarer_word_is_likelier_than_two_in_a_common_one():
    shop = shop_of("Bran cereal", "Bananas (own brand)", customers=[99, 9])
    assert corrected_queries("brawnd", shop, 1) == ["brand"]


def test_a_snapshot_of_an_earlier_release_has_words_without_accents():
    arrays = {name: some for name, some in shop_of("Entrée").arrays.items() if not name.startswith("word.written")}
    assert corrected_queries("entre", SnapshotArrays(arrays), 1) == ["entree"]


@pytest.mark.parametrize(
    "titles",
    [
        TITLES,
        ["Crème fraîche \u2013 20% fett", "Nut & seed-bar №5 ½ lb", "\uff21\uff11 saucē", "été \u00b4x\u00b4 \ufb01sh"],
    ],
)
def test_no_word_of_the_catalogue_is_ever_changed(titles):
    shop = shop_of(*titles)
    vocabulary = SearchVocabulary(shop.arrays)
    for number in range(len(vocabulary)):
        assert not may_be_misspelt(vocabulary.written(number), shop)
    for title in titles:
        assert not may_be_misspelt(title, shop), title


@given(st.text(max_size=40))
def test_anything_can_be_typed(query):
    for text in corrected_queries(query, SHOP, 3):
        assert not may_be_misspelt(text, SHOP)


def test_only_words_of_the_catalogue_come_back():
    vocabulary = SearchVocabulary(SHOP.arrays)
    for query in ("mlik shose", "egz", "dairyy", "kid shos"):
        for text in corrected_queries(query, SHOP, 3):
            assert all(vocabulary.with_root_of(word) for word in text.split())
