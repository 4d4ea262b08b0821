"""Which products are worth scoring."""

import numpy as np
import pytest

from personalization.rank import candidates
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from tests.shops.habits import past
from tests.shops.handmade_snapshot import handmade_arrays, handmade_history

LINKS = {"bought_together__index": [[1, -1], [2, -1], [-1, -1], [0, -1]]}


def large(products=3_000):
    """A shop of so many products where each goes with the fifty that follow it."""
    index = (np.arange(products)[:, None] + np.arange(1, 51)) % products
    arrays = {"product.id": np.arange(products), "product.bestsellers": np.arange(1_000)}
    for name in ("bought_together", "co_purchased_by_customer", "ease"):
        arrays |= {f"{name}.index": index, f"{name}.weight": np.ones(index.shape)}
    return SnapshotArrays(arrays)


def buyer_of(count):
    return handmade_history(
        *[(2_999 - place, 1.0, 1, 9, 9) for place in range(count)], near=[(n, 1.0) for n in range(700, 900)]
    )


def test_own_products_come_first_then_those_of_similar_customers_then_what_goes_with_them_then_bestsellers():
    shop = handmade_arrays(product__bestsellers=[3, 2, 1, 0], **LINKS)
    who = handmade_history((0, 1.0, 1, 9, 9), near=[(2, 0.5)])
    assert candidates.visitor_candidates(who, shop).tolist() == [0, 2, 1, 3]


def test_what_is_new_holds_nothing_that_was_bought():
    shop = handmade_arrays(product__bestsellers=[3, 2, 1, 0], **LINKS)
    who = handmade_history((0, 1.0, 1, 9, 9), near=[(2, 0.5), (0, 0.5)])
    assert candidates.discovery_candidates(who, shop).tolist() == [2, 1, 3]


def test_what_completes_a_basket_does_not_lie_in_it():
    shop = handmade_arrays(product__bestsellers=[3, 2, 1, 0], **LINKS)
    assert candidates.basket_candidates(handmade_history((2, 1.0, 1, 9, 9)), shop, np.array([0, 3])).tolist() == [1, 2]


def test_a_stranger_is_offered_bestsellers_only():
    shop = handmade_arrays(product__bestsellers=[3, 1], **LINKS)
    assert candidates.visitor_candidates(VisitorHistory.empty(), shop).tolist() == [3, 1]
    assert candidates.discovery_candidates(VisitorHistory.empty(), shop).tolist() == [3, 1]
    assert candidates.basket_candidates(VisitorHistory.empty(), shop, np.empty(0, np.int64)).tolist() == [3, 1]


@pytest.mark.parametrize("products", [0, 1, 50, 500, 2_000])
def test_there_are_so_many_at_most_each_once_however_much_a_customer_bought(products):
    who, shop = buyer_of(products), large()
    basket = who.purchased[:100]
    for found in (
        candidates.visitor_candidates(who, shop),
        candidates.discovery_candidates(who, shop),
        candidates.basket_candidates(who, shop, basket),
    ):
        assert 100 <= len(found) <= candidates.MAX_CANDIDATES
        assert len(np.unique(found)) == len(found) and found.min() >= 0
    assert not np.isin(candidates.discovery_candidates(who, shop), who.purchased).any()
    assert not np.isin(candidates.basket_candidates(who, shop, basket), basket).any()


def test_all_that_a_customer_goes_on_to_buy_is_among_the_candidates():
    asked = past()
    for customer, who in asked.histories.items():
        bought = np.unique(asked.product[asked.customer == customer])
        assert np.isin(bought, candidates.visitor_candidates(who, asked.learned)).all()
