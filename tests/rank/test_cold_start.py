"""The order of a listing for somebody of whom nothing is known."""

import numpy as np
import pytest

from personalization.rank import cold_start
from personalization.rank.snapshot_arrays import DEVICES, SnapshotArrays, country_code_to_int
from tests.shops.handmade_snapshot import handmade_arrays

ALL = np.arange(4)


def lists(kind, **products):
    """Arrays of a snapshot that has these lists of places, each under the number of its name."""
    keys = {name: country_code_to_int(name) if kind == "country" else DEVICES.index(name) for name in products}
    names = sorted(products, key=keys.__getitem__)
    return {
        f"{kind}__code": np.array([keys[name] for name in names], np.int32),
        f"{kind}__start": np.cumsum([0, *(len(products[name]) for name in names)]),
        f"{kind}__product": np.array([place for name in names for place in products[name]], np.int32),
    }


def order(found, country="", device="", places=ALL):
    """The places, best first; of two that are alike the first first."""
    return places[np.argsort(-cold_start.cold_start_score(found, places, country, device), kind="stable")].tolist()


def test_a_stranger_sees_first_what_everybody_buys():
    assert order(handmade_arrays(popular__score=[0, 9, 5, 7])) == [1, 3, 2, 0]


def test_a_stranger_sees_first_what_their_country_buys_and_then_what_everybody_buys():
    found = handmade_arrays(popular__score=[9, 8, 6, 5], **lists("country", DE=[3, 2], FR=[1]))
    assert order(found, "DE") == [3, 2, 0, 1]
    assert order(found, "FR") == [1, 0, 2, 3]
    assert order(found, "IT") == order(found) == [0, 1, 2, 3]


def test_what_the_country_buys_least_comes_before_what_only_others_buy():
    """A small country's ten products, best first, in a shop where all others sell better."""
    found = SnapshotArrays(
        {"popular.score": np.arange(20.0)[::-1]}
        | {name.replace("__", "."): array for name, array in lists("country", LU=range(19, 9, -1)).items()}
    )
    assert order(found, "LU", places=np.arange(20))[:10] == list(range(19, 9, -1))


def test_among_products_that_sell_alike_a_phone_sees_first_what_phones_look_at():
    found = handmade_arrays(popular__score=[5, 5, 5, 9], **lists("device", phone=[2, 1], computer=[0]))
    assert order(found, device="phone") == [3, 2, 1, 0]
    assert order(found, device="computer") == [3, 0, 1, 2]
    assert order(found, device="tablet") == order(found, device="watch") == [3, 0, 1, 2]


def test_among_products_that_sell_alike_what_is_chosen_after_searches_comes_first():
    found = handmade_arrays(popular__score=[5, 5, 5, 0], search__choices=np.array([0.1, 0.3, 0, 0], np.float32))
    assert order(found) == [1, 0, 2, 3]


@pytest.mark.parametrize("alone", [{}, lists("country", DE=range(200))])
def test_what_anybody_can_do_carries_nothing_from_the_middle_of_a_list_to_its_top(alone):
    """The product in the middle of what sells is chosen and looked at more than any other."""
    count = 200
    chosen = np.zeros(count, np.float32)
    chosen[100] = 1e9
    arrays = {"popular__score": np.arange(count, 0, -1.0), "search__choices": chosen, **alone}
    arrays |= lists("device", phone=[100])
    found = SnapshotArrays({name.replace("__", "."): array for name, array in arrays.items()})
    assert order(found, "DE", "phone", np.arange(count)).index(100) > 20


def test_a_snapshot_of_an_earlier_release_has_an_order_too():
    found = handmade_arrays(popular__score=[0, 9, 5, 7])
    assert not {"search.choices", "device.code", "country.code"} & found.arrays.keys()
    assert order(found, "DE", "phone") == [1, 3, 2, 0]


def test_what_was_not_there_to_be_learned_of_has_no_score():
    found = handmade_arrays(popular__score=[9, 8, 7, 6], **lists("country", DE=[3]), **lists("device", phone=[3]))
    scores = cold_start.cold_start_score(found, np.array([-1, 3, -1, 0]), "DE", "phone")
    assert scores.tolist() == [0, 2.6, 0, 1]


@pytest.mark.parametrize("places", [[], [-1], [2]])
def test_there_is_one_score_for_each_product(places):
    assert cold_start.cold_start_score(handmade_arrays(), np.array(places, np.int64), "DE", "phone").shape == (
        len(places),
    )


def test_a_shop_without_products_has_an_order_too():
    assert cold_start.cold_start_score(
        SnapshotArrays({"popular.score": np.zeros(0)}), np.array([-1, -1]), "DE"
    ).tolist() == [0, 0]


def test_products_that_are_alike_have_one_score_however_they_are_asked_for():
    found = handmade_arrays(popular__score=[5, 5, 0, 0])
    assert cold_start.cold_start_score(found, np.array([3, 1, 0, 2])).tolist() == [0, 1, 1, 0]
