"""What messages earn: all who were due, by the arm they were drawn into, and what the shop kept of their orders."""

import random
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from oscar.apps.order.models import Order

from personalization.measure.message_effect import (
    EffectState,
    MessageEffect,
    compare_arms,
    count_message_outcomes,
    read_message_effects,
)
from personalization.models import ChannelConsent, MessageOutcome
from personalization.models.message_outcomes import ArmSums
from personalization.privacy import retention
from tests.measure.drawn_people import NOW, buy, drawn, people
from tests.measure.orders import DAY, return_pieces
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SQL = """
SELECT o.arm, COUNT(DISTINCT o.id), COUNT(DISTINCT p.id), SUM(l.line_price_excl_tax)
FROM personalization_messageoutcome o
LEFT JOIN order_order p ON p.user_id = o.user_id AND p.date_placed >= o.decided_at AND p.date_placed < %s
LEFT JOIN order_line l ON l.order_id = p.id
WHERE o.kind = 'basket_left' GROUP BY o.arm
"""


@pytest.fixture
def tea():
    return shop.create_shop_product("Tea", stock=5)


def effect_of(kind="basket_left"):
    count_message_outcomes(NOW)
    return read_message_effects(NOW).get(kind, MessageEffect())


def test_what_was_kept_within_two_weeks_counts_and_nothing_else(tea):
    anna, bob = people(2)
    drawn([anna], "treated")
    drawn([bob], "held_back")
    buy([anna, bob], tea, 10, days_ago=21)
    buy([anna], tea, 20, days_ago=19)
    (returned,) = buy([anna], tea, 30, days_ago=18)
    buy([bob], tea, 40, days_ago=5)
    return_pieces(returned.lines.get(), 1)
    count_message_outcomes(NOW)
    rows = MessageOutcome.objects.order_by("pk").values_list("orders", "kept_amount")
    assert list(rows) == [(1, 20.0), (0, 0.0)]


def test_the_first_draw_counts_and_guests_and_who_was_not_drawn_leave_nothing():
    (anna,) = people(1)
    drawn([anna], "treated", days_ago=30)
    drawn([anna], "held_back", days_ago=20)
    drawn([anna], "treated", share=0.0, kind="back_in_stock")
    MessageOutcome.objects.record("basket_left", None, "treated", 0.3, NOW)
    assert MessageOutcome.objects.get().arm == "treated"


def test_who_was_decided_about_less_than_two_weeks_ago_is_not_compared(tea):
    anna, bob = people(2)
    drawn([anna, bob], "treated", days_ago=13)
    assert effect_of().state == EffectState.NO_GROUPS


def test_the_sums_are_those_of_an_independent_count(tea):
    chance = random.Random(7)
    users = people(300)
    drawn(users[:200], "treated")
    drawn(users[200:], "held_back")
    for days_ago in (30, 19, 16, 12, 3):
        some = chance.sample(users, 80)
        buy(some, tea, chance.randint(1, 50), days_ago)
    effect_of()
    with connection.cursor() as cursor:
        cursor.execute(SQL, [NOW - 6 * DAY])
        counted = {arm: (n, orders, float(kept)) for arm, n, orders, kept in cursor.fetchall()}
    sums = MessageOutcome.objects.sums_before(NOW)
    assert {one.arm: (one.people, one.orders, one.kept_amount) for one in sums} == counted
    assert sum(one.kept_squares for one in sums) == sum(one.kept_amount**2 for one in MessageOutcome.objects.all())


def test_a_real_difference_is_found_and_none_where_both_buy_alike(tea):
    users = people(800)
    drawn(users[:400], "treated")
    drawn(users[400:], "held_back")
    buy(users[:200] + users[400:600], tea, 20)
    same = effect_of()
    assert same.state == EffectState.NO_DIFFERENCE and same.treated.people == 400
    buy(users[100:350], tea, 30, days_ago=14)
    more = effect_of()
    assert more.state == EffectState.MORE
    low, high = more.interval
    assert low < 250 * 30 / 400 < high and low + high == pytest.approx(2 * 250 * 30 / 400)


def test_below_the_floor_nothing_is_said(tea):
    users = people(200)
    drawn(users[:100], "treated")
    drawn(users[100:], "held_back")
    buy(users[:100], tea, 20)
    buy(users[100:199], tea, 1)
    few = effect_of()
    assert (few.state, few.interval, few.fewest_orders) == (EffectState.TOO_FEW, None, 99)


def test_who_stood_another_chance_is_compared_apart():
    """Rich people of whom a tenth is held back, and poor ones of whom half is: put together as they come, a message
    that does nothing would look as if it earned much."""

    def sums(share, arm, people, each):
        return ArmSums("x", share, arm, people, people, people * each, people * each**2 * 1.5, 0)

    effect = compare_arms(
        [
            sums(0.1, "treated", 900, 100.0),
            sums(0.1, "held_back", 100, 100.0),
            sums(0.5, "treated", 500, 10.0),
            sums(0.5, "held_back", 500, 10.0),
            sums(0.2, "treated", 500, 1_000.0),
        ]
    )
    assert effect.state == EffectState.NO_DIFFERENCE and sum(effect.interval) == pytest.approx(0)
    assert (effect.treated.people, effect.held_back.people) == (1_400, 600)


def test_by_chance_alone_hardly_any_message_ever_seems_to_earn_something():
    """A tenth held back, a quarter buys, log-normal baskets, read after each thousand people."""
    chance = np.random.default_rng(11)
    runs, wrong = 300, 0
    for _run in range(runs):
        spent = chance.lognormal(3, 0.9, 10_000) * (chance.random(10_000) < 0.25)
        held = chance.random(10_000) < 0.1
        wrong += any(_seems_different(spent[:end], held[:end]) for end in range(1_000, 10_001, 1_000))
    assert wrong / runs <= 0.05


def _seems_different(spent, held):
    sums = []
    for arm, chosen in (("treated", spent[~held]), ("held_back", spent[held])):
        orders = int((chosen > 0).sum())
        sums.append(ArmSums("x", 0.1, arm, len(chosen), orders, chosen.sum(), (chosen**2).sum(), 0))
    return compare_arms(sums).state in (EffectState.MORE, EffectState.LESS)


def test_who_is_forgotten_stays_in_the_sums_as_they_were(tea):
    anna, bob = people(2)
    drawn([anna, bob], "treated")
    buy([anna, bob], tea, 20)
    count_message_outcomes(NOW)
    MessageOutcome.objects.forget_customer(anna.pk)
    bob.delete()
    Order.objects.all().delete()
    count_message_outcomes(NOW)
    assert list(MessageOutcome.objects.values_list("user", "kept_amount")) == [(None, 20.0)] * 2


def test_who_ended_messages_within_two_weeks_is_counted_also_once_that_is_forgotten(tea):
    anna, bob = people(2)
    drawn([anna, bob], "treated")
    for user, days_ago in ((anna, 18), (bob, 3)):
        consent = {"purpose": "reminders", "state": "withdrawn", "recorded_at": NOW - days_ago * DAY}
        ChannelConsent.objects.create(user=user, address_hash="x", **consent)
    count_message_outcomes(NOW)
    ChannelConsent.objects.all().delete()
    count_message_outcomes(NOW)
    assert list(MessageOutcome.objects.order_by("pk").values_list("withdrew", flat=True)) == [True, False]


def test_what_is_settled_is_not_counted_again(tea, django_assert_max_num_queries):
    users = people(30)
    drawn(users, "treated", days_ago=30)
    buy(users, tea, 20, days_ago=25)
    with django_assert_max_num_queries(12):
        assert count_message_outcomes(NOW) == 30
    assert MessageOutcome.objects.filter(is_settled=True).count() == 30
    with django_assert_max_num_queries(1):
        assert count_message_outcomes(NOW) == 0


def test_the_queries_are_as_many_for_more_people(tea, django_assert_max_num_queries):
    users = people(300)
    drawn(users, "treated")
    buy(users, tea, 20)
    with django_assert_max_num_queries(12):
        count_message_outcomes(NOW)


def test_old_ones_are_deleted_with_the_messages():
    drawn(people(3), "treated", days_ago=391)
    assert retention.rows_due(NOW).messages == retention.apply_retention(NOW + timedelta(minutes=1)).messages == 3
    assert not MessageOutcome.objects.exists()
