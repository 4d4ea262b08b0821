"""Misspelt searches, corrected by the words of the catalogue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.rank.search_words import SearchVocabulary
from personalization.rank.spelling import corrected_queries, edit_distances, has_unknown_word, may_find
from tests.shops.grocery_names import grocery_arrays

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


@given(st.sampled_from(["milk", "chocolate", "running", "shoes"]), st.integers(0, 2))
def test_a_word_with_two_letters_transposed_is_one_slip_away(word, at):
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    letters = np.array([[ord(letter) for letter in word]])
    found = edit_distances(np.array([ord(letter) for letter in swapped]), letters, np.array([len(word)]))
    assert found.tolist() == [int(swapped != word)]


@given(st.text(max_size=40))
def test_anything_can_be_typed(query):
    for text in corrected_queries(query, SHOP, 3):
        assert not has_unknown_word(text, SHOP)


def test_only_words_of_the_catalogue_come_back():
    vocabulary = SearchVocabulary(SHOP.arrays)
    for query in ("mlik shose", "egz", "dairyy", "kid shos"):
        for text in corrected_queries(query, SHOP, 3):
            assert all(vocabulary.with_root_of(word) for word in text.split())
