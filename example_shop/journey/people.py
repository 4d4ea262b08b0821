"""Chooses the people whose view of the shop the demo offers: the most different tastes, a lapsed one and a new one."""

import numpy as np
import pandas as pd

from example_shop.journey import Journey
from example_shop.journey.load import NEWCOMER, household_email
from example_shop.journey.sensitive import is_sensitive
from example_shop.view_as import VISITOR, Person

TASTES = 6
ENOUGH_LINES, ENOUGH_BASKETS = 150, 25
"""Least number of order lines and of baskets of a household that can be chosen."""
RECENT_DAYS = 21
LAPSED_DAYS = 90
PRONOUNCED = 24
"""The TASTES households are chosen among this number with the most pronounced tastes."""
MORE_THAN_OTHERS = 2.0
OFTEN = 6
"""A category bought in fewer baskets than this is not called a taste."""
PROPER_NAMES = ("American", "Christmas", "Easter", "Halloween")
WORDS = 3
"""Categories that describe a household."""


def choose_people(journey: Journey) -> list[Person]:
    """Six tastes as different as can be, one household that stopped coming, a new account and a visitor."""
    visits = visit_counts(journey)
    tastes = taste_weights(visits)
    placed = journey.lines.groupby("household")["placed"].agg(["size", "max"])
    baskets = journey.lines.groupby("household")["basket"].nunique()
    quiet = (placed["max"].max() - placed["max"]).dt.days
    eligible = (placed["size"] >= ENOUGH_LINES) & (baskets >= ENOUGH_BASKETS)
    chosen = farthest_apart(tastes[eligible & (quiet <= RECENT_DAYS)], TASTES)
    lapsed = _lapsed(quiet, baskets)
    since = f"last order in {placed['max'][lapsed]:%B}"
    return [
        *(_household(number, ", ".join(describe_taste(tastes.loc[number]))) for number in chosen),
        _household(lapsed, f"{', '.join(describe_taste(tastes.loc[lapsed])[:2])}; {since}"),
        Person(NEWCOMER, "New account", "signed in, has not bought anything yet"),
        VISITOR,
    ]


def visit_counts(journey: Journey) -> pd.DataFrame:
    """In how many of its baskets a household (row) bought from a category (column), sensitive products apart."""
    category = journey.lines["product"].map(journey.products["category"].mask(is_sensitive(journey.products)))
    bought = journey.lines.assign(category=category).drop_duplicates(["basket", "category"])
    return bought.groupby(["household", "category"]).size().unstack(fill_value=0)


def taste_weights(visits: pd.DataFrame) -> pd.DataFrame:
    """How much more than others a household buys of each category: its share times the logarithm of its lift.

    Categories that it does not buy often, or hardly more than others do, weigh nothing.
    """
    share = visits.div(visits.sum(axis=1), axis=0)
    lift = share / (visits.sum() / visits.sum().sum())
    return (share * np.log(lift.clip(lower=1))).where((visits >= OFTEN) & (lift >= MORE_THAN_OTHERS), 0)


def farthest_apart(tastes: pd.DataFrame, count: int) -> list[int]:
    """Households with pronounced tastes: the strongest, then always the one least similar to those before."""
    strength = np.sqrt((tastes**2).sum(axis=1)).sort_values(ascending=False, kind="stable").head(PRONOUNCED)
    directions = tastes.loc[strength.index].div(strength, axis=0)
    likeness = pd.DataFrame(directions.to_numpy() @ directions.to_numpy().T, strength.index, strength.index)
    chosen = [strength.index[0]]
    while len(chosen) < min(count, len(likeness)):
        chosen.append(likeness[chosen].max(axis=1).drop(chosen).idxmin())
    return chosen


def describe_taste(taste_of_one: pd.Series) -> list[str]:
    """The categories of a taste, the strongest first, as they read within a sentence."""
    strongest = taste_of_one[taste_of_one > 0].sort_values(ascending=False).index[:WORDS]
    return [name if name.startswith(PROPER_NAMES) else name[:1].lower() + name[1:] for name in strongest]


def _household(number: int, description: str) -> Person:
    return Person(household_email(number), f"Household {number}", description)


def _lapsed(quiet: pd.Series, baskets: pd.Series) -> int:
    """The one with the most baskets among those that stayed away; else the one that stayed away longest."""
    away = baskets[quiet > LAPSED_DAYS]
    return away.idxmax() if len(away) else quiet.idxmax()
