"""Whom the demo offers to look at the shop as."""

import numpy as np
import pandas as pd

from example_shop.journey import people
from example_shop.journey.load import NEWCOMER, _trail
from example_shop.journey.sensitive import SENSITIVE_CATEGORIES
from example_shop.view_as import VISITOR
from tests.shops.journey_slice import read_whole


def test_six_tastes_a_lapsed_household_a_newcomer_and_a_visitor_are_picked():
    picked = people.choose_people(read_whole("small"))
    assert len({person.email for person in picked}) == 9
    assert [person.email for person in picked[-2:]] == [NEWCOMER, VISITOR.email]
    assert "; last order in " in picked[6].description
    assert all(person.description for person in picked)


def test_those_who_buy_the_same_are_not_both_picked():
    tastes = pd.DataFrame(
        [[0.9, 0, 0], [0.8, 0.1, 0], [0, 0.7, 0], [0, 0, 0.6]],
        index=[1, 2, 3, 4],
        columns=["Cat", "Dog", "Tea"],
    )
    assert people.farthest_apart(tastes, 3) == [1, 3, 4]


def test_what_everybody_buys_is_nobodys_taste():
    visits = pd.DataFrame([[50, 20, 0], [50, 0, 0], [50, 0, 3]], columns=["Milk", "Cat food", "Dog food"])
    tastes = people.taste_weights(visits)
    assert np.count_nonzero(tastes) == 1
    assert people.describe_taste(tastes.loc[0]) == ["cat food"]
    assert people.describe_taste(tastes.loc[2]) == []  # three times is not often


def test_nothing_sensitive_is_called_a_taste():
    journey = read_whole("small")
    visits = people.visit_counts(journey)
    assert {"Beer", "Pain relief", "Cold & flu"}.isdisjoint(visits.columns)
    assert {"Beer", "Pain relief", "Cold & flu"} < set(journey.products["category"])


def test_every_sensitive_category_is_one_of_the_full_shop():
    products = read_whole("full").products
    names = products[["department", "category", "type"]].itertuples(index=False, name=None)
    trails = {_trail(trail)[:depth] for trail in names for depth in (1, 2, 3)}
    assert trails >= SENSITIVE_CATEGORIES
