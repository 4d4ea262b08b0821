"""Four sock puppets and a victim make no five: what newcomers do counts at most as much as what others do."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.plugins import registered_recommenders
from personalization.recommenders import (
    DAY,
    GUEST,
    CatalogueArrays,
    LearningLimits,
    ProductScores,
    ViewArrays,
    bounded_sum,
)
from personalization.testing import REFERENCE_TIME, make_history

LIMITS = LearningLimits(min_customers=5)
NAMES_PAIRS = (
    "bought_together",
    "co_purchased_by_customer",
    "complements",
    "ease",
    "upsell",
    "view_to_purchase",
    "viewed_together",
)
ONE, OTHER, PRODUCTS = 10, 11, 12
USUAL_CUSTOMERS = 12


def shop_with(established, newcomers, guests=0, *, months=4):
    """A shop of so many months, in whose last days these customers viewed and bought the products ONE and OTHER
    together; before, a guest bought them once. The established ones have bought something else at the beginning."""
    begin = REFERENCE_TIME - months * 28 * DAY
    rows = [
        (customer, order, product, begin + order * DAY)
        for customer in range(USUAL_CUSTOMERS)
        for order in (2 * customer, 2 * customer + 1)
        for product in range(customer % 2, 10, 2)
    ]
    rows += [(GUEST, 100, product, REFERENCE_TIME - 10 * DAY) for product in (ONE, OTHER)]
    known = range(USUAL_CUSTOMERS, USUAL_CUSTOMERS + established)
    others = range(known.stop, known.stop + newcomers)
    rows += [(customer, 200 + customer, 0, begin) for customer in known]
    buyers = [*known, *others, *[GUEST] * guests]
    rows += [
        (customer, 1_000 + number, product, REFERENCE_TIME - 2 * DAY)
        for number, customer in enumerate(buyers)
        for product in (ONE, OTHER)
    ]
    history = make_history(rows, PRODUCTS)
    views = history.ordered_at == REFERENCE_TIME - 2 * DAY
    category = np.array([0] * 10 + [1, 1], np.int32)
    price = np.array([1.0] * 10 + [2.0, 3.0], np.float32)
    return replace(
        history,
        catalogue=CatalogueArrays(category, price, np.full(PRODUCTS, begin), [""] * PRODUCTS),
        views=ViewArrays(history.customer[views], history.product[views], history.ordered_at[views] - DAY),
    )


def is_named(name, history):
    """Whether the recommender says ONE is a trend, or goes with OTHER."""
    learned = registered_recommenders()[name].fit(history, LIMITS)
    if isinstance(learned, ProductScores):
        return bool(learned.score[ONE])
    return OTHER in learned.index[ONE]


@pytest.mark.parametrize("name", [*NAMES_PAIRS, "trending"])
@pytest.mark.parametrize(
    ("established", "newcomers", "named"),
    [(5, 0, True), (4, 0, False), (1, 4, False), (1, 50, False), (2, 50, False), (3, 2, True)],
)
def test_no_pair_and_no_trend_is_named_for_newcomers_and_a_victim(name, established, newcomers, named):
    assert is_named(name, shop_with(established, newcomers)) == named


@pytest.mark.parametrize("name", [*NAMES_PAIRS, "trending"])
def test_in_a_young_shop_nobody_is_a_newcomer(name):
    assert is_named(name, shop_with(0, 5, months=1.9))
    assert not is_named(name, shop_with(0, 5, months=2))


def test_guests_alone_make_no_trend():
    assert not is_named("trending", shop_with(2, 0, guests=50))
    assert is_named("trending", shop_with(3, 0, guests=2))


def test_a_category_is_not_bought_with_another_for_newcomers():
    history = shop_with(1, 50)
    catalogue = replace(history.catalogue, leaf_category=np.array([0] * 10 + [1, 2], np.int32))
    learned = registered_recommenders()["complements"].fit(replace(history, catalogue=catalogue), LIMITS)
    assert OTHER not in learned.index[ONE]


def test_who_first_ordered_28_days_ago_is_established():
    first_orders = enumerate([100, 28, 27.9])
    rows = [(customer, customer, 0, REFERENCE_TIME - days * DAY) for customer, days in first_orders]
    history = make_history([*rows, (GUEST, 3, 0, REFERENCE_TIME - 90 * DAY)], 1)
    assert history.established.tolist() == [True, True, False, False]
    assert history.until(REFERENCE_TIME - 50 * DAY).established.tolist() == [True, True]


def test_others_count_at_most_as_much_as_the_established():
    assert bounded_sum(np.array([0, 1, 3, 5]), np.array([9, 4, 2, 5])).tolist() == [0, 2, 5, 10]
