"""What goes with what, in baskets of which it is known."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.recommenders import CatalogueArrays, LearningLimits
from personalization.recommenders.complements import Complements
from personalization.testing import REFERENCE_TIME, make_history

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=50)
TOAST, BUTTER, SOAP, SPONGE, MILK, RARE = range(6)
BASKETS = ((TOAST, BUTTER, MILK), (SOAP, SPONGE, MILK), (MILK,))


def history(customers=8, categories=(0, 1, 2, 3, 4, 0), extra=()):
    """Each customer buys each of the baskets, and with that these others as (customer, products)."""
    baskets = [(customer, basket) for customer in range(customers) for basket in BASKETS] + list(extra)
    rows = [
        (customer, order, product, REFERENCE_TIME)
        for order, (customer, basket) in enumerate(baskets)
        for product in basket
    ]
    shop = make_history(rows, 6)
    return replace(shop, catalogue=replace(CatalogueArrays.empty(6), leaf_category=np.array(categories, np.int32)))


def complements(shop, product):
    near = Complements().fit(shop, LIMITS)
    return near.index[product][near.index[product] >= 0].tolist()


def test_toast_goes_with_butter_and_not_with_the_milk_that_is_in_every_basket():
    assert complements(history(), TOAST) == [BUTTER]
    assert complements(history(), SPONGE) == [SOAP]
    assert complements(history(), MILK) == []


def test_nothing_is_learned_from_four_customers():
    assert complements(history(customers=4), TOAST) == []


def test_a_product_that_too_few_bought_is_known_by_its_category():
    assert complements(history(), RARE) == [BUTTER]
    assert complements(history(categories=(0, 1, 2, 3, 4, -1)), RARE) == []


def test_products_of_one_category_go_together_only_where_their_own_baskets_say_so():
    alike = (0, 0, 2, 3, 4, 0)
    assert complements(history(categories=alike), TOAST) == [BUTTER]
    assert complements(history(categories=alike), RARE) == []


def test_a_basket_that_is_old_counts_less():
    shop = history(extra=[(customer, (TOAST, SPONGE)) for customer in range(8)])
    assert set(complements(shop, TOAST)) == {BUTTER, SPONGE}
    late = shop.order >= len(BASKETS) * 8
    old = replace(shop, ordered_at=np.where(late, shop.ordered_at - 600 * 86_400, shop.ordered_at))
    assert complements(old, TOAST)[0] == BUTTER
    assert SPONGE not in complements(old, TOAST)


@pytest.mark.parametrize("pairs_per_block", [1, 1_500, 10**9])
def test_the_size_of_a_block_changes_nothing(pairs_per_block):
    whole, blocks = (one.fit(history(), LIMITS) for one in (Complements(), Complements(pairs_per_block)))
    assert np.array_equal(whole.index, blocks.index) and np.array_equal(whole.weight, blocks.weight)
