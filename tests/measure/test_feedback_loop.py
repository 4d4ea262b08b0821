"""The loop in a small generated shop: `python -m benchmarks.feedback_loop` runs it in a larger one."""

from datetime import timedelta
from functools import cache

import pytest

from benchmarks.feedback_loop import ENGINES, NO_FEEDBACK, START, Engine, GeneratedShop, Size, lift, simulate
from personalization.decide.policy import Policy

SMALL = Size(shoppers=400, weeks=4)


def date_of(day):
    return START + timedelta(days=day)


@cache
def outcome(engine, seed=1):
    return simulate(SMALL, ENGINES[engine], seed)


@pytest.mark.parametrize("kind", ["clicks", "added"])
def test_the_loop_raises_clicks_and_what_is_put_into_baskets(kind):
    assert lift(outcome("all three"), outcome("frozen"), kind) > 0.03
    assert lift(outcome("order of rows"), outcome("frozen"), kind) > 0.02


def test_no_product_takes_over_the_page():
    frozen, loop = outcome("frozen"), outcome("all three")
    for week in range(1, SMALL.weeks):
        assert loop.weeks[week].top_share <= 1.02 * frozen.weeks[week].top_share
    assert loop.weeks[-1].top_share < 1.1 * loop.weeks[1].top_share


def test_new_products_are_seen_more_often_and_are_two_percent_of_the_cards_at_most():
    loop, frozen = outcome("new products"), outcome("frozen")
    new, cards = (sum(getattr(week, name) for week in loop.weeks) for name in ("newcomer_cards", "cards"))
    assert 0.002 < new / cards < 0.02
    assert sum(week.newcomer_cards for week in frozen.weeks) == 0
    assert lift(loop, frozen, "clicks") > -0.03


def test_turned_off_the_pages_are_those_of_the_frozen_engine():
    shop, day = GeneratedShop(SMALL, 1), 20
    learned, frozen = Engine(shop, Policy()), Engine(shop, NO_FEEDBACK)
    for one in (learned, frozen):
        for row in ("trending", "theme_1"):
            one.totals["home", row, False, "phone", date_of(5), "view_item_list"] = 9_000
            one.totals["home", row, False, "phone", date_of(5), "add_to_cart"] = 90 if row == "trending" else 900
        one.learn(day)
    shoppers = [shopper for shopper in shop.fresh_shoppers() if not shopper.is_customer and shopper.device == "phone"]
    pages = [[one.page(one.visit(shopper, day)) for shopper in shoppers] for one in (learned, frozen)]
    assert pages[0] != pages[1]
    learned.policy = NO_FEEDBACK
    assert [learned.page(learned.visit(shopper, day)) for shopper in shoppers] == pages[1]
