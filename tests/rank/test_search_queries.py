"""Queries are understood by what was typed and chosen before: arrays written by hand."""

import time
import unicodedata

import numpy as np
import pytest

from personalization.decide import scoring
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import search_queries
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.testing import make_history
from personalization.train import search_choices
from personalization.train.voices import Standing
from tests.shops import handmade_snapshot

TEA, CUP, CAKE, JUG = range(4)
"""The places of the four products of `handmade_snapshot`, whose keys are 10, 20, 30 and 40."""


def known(*choices: tuple[str, int, int], words: str = "green tea cake cup black") -> SnapshotArrays:
    """What is learned when each choice (query, product's place, buyers) is made by so many."""
    rows = [(search_queries.normalize_query(query), place) for query, place, times in choices for _ in range(times)]
    texts = sorted({query for query, _ in rows})
    number = np.array([texts.index(query) for query, _ in rows], np.int32)
    nothing = np.full(len(rows), -1, np.int32)
    found = search_choices.SearchLog(
        visitor=np.tile(np.arange(len(rows)), 2),
        at=np.repeat([handmade_snapshot.NOW - 60, handmade_snapshot.NOW], len(rows)),
        query=np.concatenate([number, nothing]),
        product=np.concatenate([nothing, np.array([place for _, place in rows], np.int32)]),
        weight=np.repeat(np.array([search_choices.SEARCH, search_choices.VIEW_WEIGHT], np.float32), len(rows)),
        standing=np.full(2 * len(rows), Standing.BUYER, np.int8),
        texts=texts,
    )
    history = make_history([], handmade_snapshot.COUNT)
    history.catalogue.text[0] = words
    arrays = search_choices.search_arrays(found, history, 5)
    return SnapshotArrays({**handmade_snapshot.handmade_arrays().arrays, **arrays})


def chosen(query: str, learned: SnapshotArrays) -> dict[int, float]:
    places, weight = search_queries.products_chosen_after(query, learned)
    return dict(zip(places.tolist(), weight.round(3).tolist(), strict=True))


def best(query: str, learned: SnapshotArrays) -> list[int]:
    found = chosen(query, learned)
    return sorted(found, key=lambda place: -found[place])


SHOP = known(("green tea", TEA, 60), ("green tea", CUP, 20), ("cake", CAKE, 40), ("black tea", JUG, 10))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("  Crème   BRÛLÉE ", "creme brulee"),
        ("straße", "strasse"),
        ("T-Shirt,blau/weiß!", "t shirt blau weiss"),
        ("\uff46\uff55\uff4c\uff4c ﬁsh", "full fish"),
        ("a\0b\ud800c", "a b c"),
        ("C++ ☕", "c++ ☕"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी चाय", "हिन्दी चाय"),
        ("がく", unicodedata.normalize("NFD", "がく")),
        ("?!. ", ""),
        ("x" * 1_000, "x" * 256),
        ("ﷺ" * 256, ("صلى الله عليه وسلم" * 256)[:256].strip()),
    ],
)
def test_a_query_is_read_without_what_does_not_tell_queries_apart(typed, read):
    assert search_queries.normalize_query(typed) == read
    assert search_queries.normalize_query(search_queries.normalize_query(typed)) == read


def test_pieces_are_three_letters_of_a_word_with_its_ends():
    owner, piece = search_queries.trigrams(["tea tea", "a", "at"])
    as_text = ["".join(chr(number >> shift & 0x1FFFFF) for shift in (42, 21, 0)) for number in piece.tolist()]
    assert sorted(zip(owner.tolist(), as_text, strict=True)) == [
        (0, " te"),
        (0, "ea "),
        (0, "tea"),
        (1, " a "),
        (2, " at"),
        (2, "at "),
    ]


def test_what_was_chosen_after_a_query_comes_by_how_often():
    assert best("green tea", SHOP)[:2] == [TEA, CUP]
    found = chosen("green tea", SHOP)
    assert 0.7 < found[TEA] <= 0.75 and 0.23 < found[CUP] <= 0.25 and sum(found.values()) <= 1


@pytest.mark.parametrize(
    "typed", ["Green Tea", "tea green", "gren tea", "geren tea", "greentea", "green  téa!", "grün tea"]
)
def test_a_slip_another_order_and_another_writing_are_understood(typed):
    assert best(typed, SHOP)[0] == TEA


def test_queries_with_nothing_in_common_do_not_mix():
    assert set(chosen("cake", SHOP)) == {CAKE}
    assert chosen("xylophone", SHOP) == {}


def test_what_is_hardly_backed_asks_its_neighbours():
    shop = known(("green tea", TEA, 500), ("green teas", CUP, 5))
    assert best("green teas", shop)[0] == CUP and chosen("green teas", shop)[TEA] > 0.1
    shop = known(("green tea", TEA, 500), ("green teas", CUP, 500))
    assert chosen("green teas", shop).get(TEA, 0) < 0.01


def test_without_neighbours_the_pieces_speak():
    arrays = dict(SHOP.arrays)
    arrays["query.weight"] = np.zeros_like(arrays["query.weight"])
    found = chosen("green tea", SnapshotArrays(arrays))
    assert max(found, key=found.__getitem__) == TEA


def test_how_many_chose_a_product_after_this_very_query():
    assert search_queries.visitors_choosing("GREEN tea", SHOP) == {TEA: 60, CUP: 20}
    assert search_queries.visitors_choosing("gren tea", SHOP) == {} == search_queries.visitors_choosing("", SHOP)


def test_the_nearest_queries_come_first_and_the_query_itself_is_none():
    shop = known(
        ("green tea", TEA, 9),
        ("green teas", TEA, 9),
        ("black tea", TEA, 9),
        ("cake", CAKE, 9),
        words="green tea teas black cake",
    )
    assert search_queries.similar_queries("green tea", shop, 5) == ["green teas"]
    assert search_queries.similar_queries("gren teas", shop, 1) == ["green teas"]
    assert search_queries.similar_queries("cake", shop, 5) == search_queries.similar_queries("xylophone", shop, 5) == []


def test_only_queries_in_the_catalogues_own_words_are_shown():
    shop = known(("green tea", TEA, 9), ("green tea is bad", TEA, 99))
    assert search_queries.similar_queries("green te", shop, 5) == ["green tea"]


def test_what_is_shown_is_written_in_whole_letters():
    shop = known(("한국 차", TEA, 9), words="한국 차")
    assert search_queries.similar_queries("한국 차차", shop, 5) == ["한국 차"]


GARBAGE = [
    "",
    " ",
    "\0",
    "\ud800",
    "x" * 10_000,
    "tea " * 9_999,
    "🍵" * 300,
    "\u202eaet neerg\u202c",
    "שלום",
    "ﷺ" * 999,
    "\U0010ffff",
    "'); --",
]


@pytest.mark.parametrize("query", GARBAGE)
@pytest.mark.parametrize(
    "shop", [SHOP, handmade_snapshot.handmade_arrays(), known()], ids=["known", "earlier release", "no searches"]
)
def test_garbage_finds_little_and_never_fails(query, shop):
    places, weight = search_queries.products_chosen_after(query, shop)
    assert ((weight > 0) & (weight <= 1)).all() and places.dtype == np.int64
    assert len(search_queries.similar_queries(query, shop, 3)) <= 3
    scoring.score_search(Visit(handmade_snapshot.NOW, None, query=query, candidate_products=(30, 10)), shop)


def test_a_snapshot_of_an_earlier_release_keeps_the_engines_order():
    found = scoring.score_search(
        Visit(handmade_snapshot.NOW, None, query="green tea", candidate_products=(30, 99, 10)),
        handmade_snapshot.handmade_arrays(),
    )
    assert found.product_indices.tolist() == [CAKE, TEA]


# The list of a search.


def ranked(query, shop=SHOP, **named):
    scored = scoring.score_search(Visit(handmade_snapshot.NOW, None, query=query, **named), shop)
    return [candidate.item.id for candidate in scoring.sorted_candidates(scored)]


def test_what_others_chose_rises_and_the_rest_keeps_the_engines_order():
    assert ranked("green tea", candidate_products=(30, 40, 20, 10)) == [10, 20, 30, 40]
    assert ranked("xylophone", candidate_products=(30, 40, 20, 10)) == [30, 40, 20, 10]


def test_what_is_learned_joins_what_the_engine_found():
    assert ranked("green tea", candidate_products=(30,))[:2] == [10, 20]
    assert ranked("green tea", candidate_products=(99,))[0] == 10


def test_where_neither_knows_anything_what_is_chosen_after_any_search_stands_in():
    assert ranked("xylophone") == [10, 30, 20, 40]


def test_the_person_decides_between_near_ties_only():
    theirs = {"genome": Genome(products=[[40, 9.0, 9, handmade_snapshot.NOW - DAY, handmade_snapshot.NOW - 30 * DAY]])}
    even = known(("drink", CUP, 20), ("drink", JUG, 20))
    assert ranked("drink", even)[:2] == [20, 40] and ranked("drink", even, **theirs)[:2] == [40, 20]
    assert ranked("green tea", **theirs)[:2] == [10, 20]


def test_a_reason_says_that_it_was_chosen_where_that_is_true():
    scored = scoring.score_search(Visit(handmade_snapshot.NOW, None, query="green tea", candidate_products=(30,)), SHOP)
    said = {one.item.id: (one.reason.code, dict(one.reason.params)) for one in scoring.sorted_candidates(scored)}
    assert said[10] == ("chosen_after_search", {"visitors": 60}) and said[20][1] == {"visitors": 20}
    assert said[30] == ("in_range", {})


@pytest.mark.parametrize("shop", [SHOP, known()])
def test_a_listing_comes_back_complete_and_each_product_once(shop):
    assert sorted(ranked("green tea", shop, candidate_products=(40, 30, 30, 77, 10, 20))) == [10, 20, 30, 40]


def test_fifty_thousand_known_queries_are_asked_within_milliseconds():
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), 6)) for _ in range(3_000)]
    texts = sorted({f"{words[a]} {words[b]}" for a, b in rng.integers(0, 3_000, (50_000, 2))})
    shop = known(*((text, TEA, 5) for text in texts[:4_000]))
    begun = time.perf_counter()
    for text in texts[:200]:
        search_queries.products_chosen_after(text[1:], shop)
    assert (time.perf_counter() - begun) / 200 < 0.02
