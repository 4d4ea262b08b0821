"""Clicks over expected clicks: what is left of clicks when places are taken out."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.models.shown_events import CardCount
from personalization.recommenders import DAY, LearningLimits, click_ratio
from personalization.recommenders.click_ratio import CLICK_DAYS, MAX_RATIO, MIN_CARDS_SEEN
from personalization.testing import REFERENCE_TIME, make_history
from personalization.train.card_history import shown_arrays

RATES = (0.2, 0.1, 0.05, 0.02)
"""How likely a card is clicked on in each place, whatever it shows."""
WEEK = 7 * DAY


def count(product, place, cards):
    return CardCount(0, product, place, "home", "phone", cards)


def shown(places, taste, cards=4_000):
    """What is seen and clicked on: each product stands in its place, and is clicked on by its rate times its taste."""
    seen = [count(key, place, cards) for key, place in places.items()]
    return seen, [count(key, place, round(cards * RATES[place] * taste[key])) for key, place in places.items()]


def cards_of(weeks, products):
    counts = [
        [count._replace(week=number) for number, week in enumerate(weeks) for count in week[kind]] for kind in (0, 1)
    ]
    return shown_arrays(counts, REFERENCE_TIME, np.arange(products))


def ratios(*weeks, products=6):
    """What is learned of products with the keys 0, 1, ..., from (seen, clicked) of weeks, the latest first."""
    history = replace(make_history([], products), shown=cards_of(weeks, products))
    return click_ratio.recommender.fit(history, LearningLimits()).score


def test_a_place_explains_clicks_and_is_no_merit():
    places = {0: 0, 1: 3, 2: 0, 3: 3}
    found = ratios(shown(places, dict.fromkeys(places, 1.0)), products=4)
    assert found.tolist() == pytest.approx([1.0] * 4, abs=0.15)


def test_what_is_liked_more_than_its_neighbours_stands_out_wherever_it_stands():
    places = dict(enumerate([0, 0, 0, 3, 3, 3]))
    taste = {0: 0.5, 1: 1.0, 2: 1.5, 3: 0.5, 4: 1.0, 5: 1.5}
    assert ratios(shown(places, taste)).tolist() == pytest.approx([0.5, 1.0, 1.5, 0.6, 1.0, 1.4], abs=0.12)


def test_few_clicks_say_little_and_no_ratio_is_beyond_its_bounds():
    seen = [count(1, 0, 10), count(2, 0, 10_000), count(3, 0, 10_000)]
    found = ratios((seen, [count(1, 0, 3), count(3, 0, 9_000)]))
    assert 0.9 < found[1] < 1.1
    assert 1 / MAX_RATIO <= found[2] < 0.3 and 1 < found[3] <= MAX_RATIO
    assert found[0] == 0, "nothing is known of what nobody saw"


def test_a_product_that_is_clicked_on_a_hundred_times_too_often_counts_five_times():
    seen = [count(key, 0, 100) for key in range(1_000)]
    assert ratios((seen, [count(7, 0, 100_000)]), products=1_000)[7] == MAX_RATIO


def test_below_the_floor_nothing_is_worked_out():
    few, enough = [count(1, 0, MIN_CARDS_SEEN - 1)], [count(1, 0, MIN_CARDS_SEEN)]
    assert not ratios((few, [count(1, 0, 9)])).any()
    assert not ratios((enough, [])).any()
    assert ratios((enough, [count(1, 0, 9)]))[1] > 0


def test_of_what_hardly_anybody_saw_nothing_is_learned():
    seen = [count(1, 0, 4), count(2, 0, 5), count(3, 0, MIN_CARDS_SEEN)]
    found = ratios((seen, [count(key, 0, 4) for key in (1, 2, 3)]))
    assert found[1] == 0 and found[2] > 0


def test_weeks_add_up_until_they_are_old():
    taste = {0: 1.0, 1: 2.0, 2: 1.0}
    week = shown({0: 0, 1: 0, 2: 0}, taste, cards=2_000)
    nothing = ([], [])
    recent, old = ratios(week, week, products=3), ratios(*[nothing] * (CLICK_DAYS // 7), week, products=3)
    assert recent[1] > recent[0] and not old.any()


def test_before_a_cut_only_weeks_that_had_ended_are_known():
    week = shown({0: 0, 1: 0}, {0: 1.0, 1: 2.0})
    history = replace(make_history([], 2), shown=cards_of([week] * 4, 2))
    assert history.until(REFERENCE_TIME - WEEK - 1).shown.cards.sum() == 2 * 2 * 4_000
