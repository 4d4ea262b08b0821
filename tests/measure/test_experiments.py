"""Experiments from exposure to verdict: what is counted, when it is looked at, and how it ends."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from oscar.apps.order.models import Order

from personalization.measure import experiment_counts, experiments
from personalization.measure.experiment_readings import judge_season, reading_of
from personalization.measure.experiments import measure_experiments
from personalization.measure.guardrail_words import describe_breach
from personalization.measure.verdict import VerdictState
from personalization.measure.verdict_words import describe_verdict
from personalization.merchandising import publishing
from personalization.merchandising.assignment import HELD_OUT, HOLDOUT, PERSONALIZED
from personalization.merchandising.experiments import arm_ranges
from personalization.models import (
    Consent,
    Definition,
    DefinitionKind,
    DefinitionState,
    Event,
    Exposure,
    OrderVisitor,
    Season,
    SeasonEnd,
    Visitor,
)
from personalization.privacy import identity
from tests.measure.orders import DAY, place_order, return_pieces
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday."""
WEEK = 7 * DAY


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea", stock=100_000)


def season_of(arms=("a", "b"), *, key="", planned=10**6, cap=None, policy="max_home_rows", **document) -> Season:
    """An experiment that runs since START, whose second arm shows fewer rows."""
    does = [{}, *({"policy": {policy: number}} for number in range(1, len(arms)))]
    document = {"primary": "conversion", "weeks": 2, **document}
    document["arms"] = [
        {"key": arm, "label": arm.title(), "share": round(1 / len(arms), 2), "does": effect}
        for arm, effect in zip(arms, does, strict=True)
    ]
    definition = publishing.create(DefinitionKind.EXPERIMENT, key or "Test", document, None, key=key)
    publishing.publish(definition, None)
    return Season.objects.create(
        definition=definition,
        number=1,
        document={**document, "surfaces": ["home"]},
        arms=arm_ranges(document),
        started_at=START,
        planned_units=planned,
        revenue_cap=cap,
    )


def unit(season: Season, arm: str, first_at=START + DAY, **fields) -> Visitor:
    """A browser that was shown an arm."""
    visitor = Visitor.objects.create(consent=Consent.GRANTED, consented_at=START)
    Exposure.objects.create(season=season, visitor=visitor, arm=arm, first_at=first_at, **fields)
    return visitor


def customer(name: str) -> Visitor:
    user = User.objects.create_user(name, f"{name}@example.com", "x")
    shop.grant_consent(user)
    return Visitor.objects.get(user=user)


def measured(season: Season, now) -> dict:
    """The newest numbers by arm."""
    measure_experiments(now)
    season.refresh_from_db()
    return season.newest["arms"]


def fill(season: Season, tea, shares: dict[str, float], count=400, seed=1) -> None:
    """So many units in each arm, of whom this share buys."""
    chance = random.Random(seed)
    for arm, share in shares.items():
        visitors = Visitor.objects.bulk_create(
            Visitor(consent=Consent.GRANTED, consented_at=START) for _ in range(count)
        )
        Exposure.objects.bulk_create(
            Exposure(
                season=season, visitor=one, arm=arm, first_at=START + DAY + timedelta(minutes=chance.random() * 600)
            )
            for one in visitors
        )
        for one in visitors[: round(share * count)]:
            place_order(one, [(tea, 1, "10.00")], START + 2 * DAY)


def test_only_orders_after_the_first_exposure_and_within_the_window_count(tea):
    season = season_of(window_days=7)
    visitor = unit(season, "a", START + DAY)
    for day in (0, 2, 3, 9):
        place_order(visitor, [(tea, 2, "10.00")], START + day * DAY)
    arm = measured(season, START + 12 * DAY)["a"]
    assert (arm["orders"], arm["buyers"], arm["kept"], arm["items"][1]) == (2, 1, 20.0, 4.0)


def test_what_is_cancelled_or_returned_later_is_taken_back(tea):
    season = season_of()
    visitor = unit(season, "a")
    first = place_order(visitor, [(tea, 1, "10.00")], START + 2 * DAY)
    second = place_order(visitor, [(tea, 2, "30.00")], START + 3 * DAY)
    assert measured(season, START + 5 * DAY)["a"]["kept"] == 40.0
    Order.objects.filter(pk=first.pk).update(status="Cancelled")
    return_pieces(second.lines.get(), 1)
    arm = measured(season, START + 6 * DAY)["a"]
    assert (arm["orders"], arm["kept"], arm["lost_share"][1], arm["lost_share"][3]) == (1, 15.0, 25.0, 40.0)


def test_money_in_another_currency_is_not_added_to_the_shop_s_own(tea):
    season = season_of()
    visitor = unit(season, "a")
    order = place_order(visitor, [(tea, 1, "10.00")], START + 2 * DAY)
    Order.objects.filter(pk=order.pk).update(currency="JPY")
    assert measured(season, START + 5 * DAY)["a"]["kept"] == 0.0


def test_of_customers_the_time_before_sharpens_and_of_browsers_nothing_is_known(tea):
    season = season_of()
    anna, browser = customer("anna"), unit(season, "a")
    for day in (-100, -10, -5, 2):
        place_order(anna, [(tea, 1, "10.00")], START + day * DAY)
    Exposure.objects.create(season=season, visitor=anna, arm="a", first_at=START + DAY, is_customer=True)
    arm = measured(season, START + 5 * DAY)["a"]
    assert arm["conversion"]["with_past"][:2] == [1, 1.0] and arm["conversion"]["without_past"][:2] == [1, 0.0]
    assert arm["revenue"]["with_past"] == [1, 10.0, 100.0, 20.0, 400.0, 200.0]
    assert Exposure.objects.get(visitor=browser).past_orders is None


def test_what_they_ordered_before_they_had_all_erased_is_not_used(tea):
    season, anna = season_of(), customer("anna")
    place_order(anna, [(tea, 1, "10.00")], START - 10 * DAY)
    Visitor.objects.filter(pk=anna.pk).update(erased_at=START - 5 * DAY)
    Exposure.objects.create(season=season, visitor=anna, arm="a", first_at=START + DAY, is_customer=True)
    measured(season, START + 5 * DAY)
    assert Exposure.objects.values_list("past_orders", "past_revenue").get() == (0, 0.0)


def test_one_buyer_of_a_hundred_chairs_counts_up_to_the_cap(tea):
    season = season_of(primary="revenue", cap=50.0)
    place_order(unit(season, "a"), [(tea, 100, "5000.00")], START + 2 * DAY)
    arm = measured(season, START + 5 * DAY)["a"]
    assert (arm["revenue"]["without_past"][1], arm["uncapped"][1]) == (50.0, 5000.0)


def test_who_said_not_interested_or_took_consent_back_is_counted():
    season = season_of()
    refuses, leaves = unit(season, "a"), customer("ben")
    Exposure.objects.create(season=season, visitor=leaves, arm="a", first_at=START + DAY, is_customer=True)
    refuses.set_preference("product", 5, -1, (START + 2 * DAY).timestamp())
    refuses.set_preference("product", 6, -1, (START - 2 * DAY).timestamp())
    Exposure.objects.mark_opted_out([leaves.pk])
    arm = measured(season, START + 5 * DAY)["a"]
    assert (arm["not_interested"][1], arm["opt_outs"][1]) == (1.0, 1.0)


def did(visitor, name, at, **fields):
    Event.objects.create(event_id=uuid4(), visitor=visitor, type=name, occurred_at=at, received_at=at, **fields)


def searched(visitor, query, hits, after_minutes, day=2):
    did(visitor, "search", START + day * DAY + timedelta(minutes=after_minutes), query=query, value=hits)


def test_searches_that_find_nothing_and_are_tried_anew_are_counted():
    season = season_of(policy="rerank_strength")
    visitor = unit(season, "a", START + DAY)
    searched(visitor, "tea", 0, 0, day=0)  # before they were in the arm
    for query, hits, minute in (("tee", 0, 0), ("tee", 0, 1), ("tea", 12, 2), ("cups", 4, 90), ("plates", None, 95)):
        searched(visitor, query, hits, minute)
    searched(visitor, "kettle", 3, 0, day=3)
    clicked = {"surface": "search", "row_key": "results", "product_id": 5, "position": 0}
    did(visitor, "select_item", START + 3 * DAY + timedelta(minutes=1), **clicked)
    searched(visitor, "stove", 3, 2, day=3)  # after a click, not instead of one
    arm = measured(season, START + 5 * DAY)["a"]
    assert (arm["zero_results"][1], arm["zero_results"][3]) == (1.0, 5.0)
    assert (arm["second_searches"][1], arm["second_searches"][3]) == (2.0, 5.0)


def test_searches_that_were_deleted_since_stay_counted():
    season = season_of(policy="rerank_strength", window_days=28)
    visitor = unit(season, "a", START + DAY)
    searched(visitor, "tee", 0, 0)
    measured(season, START + 5 * DAY)
    Event.objects.all().delete()
    assert measured(season, START + 35 * DAY)["a"]["zero_results"][1] == 1.0


@pytest.mark.parametrize(("policy", "end"), [("rerank_strength", SeasonEnd.HARM), ("max_home_rows", "")])
def test_an_arm_in_which_searches_find_nothing_is_stopped_where_it_touches_searches(policy, end):
    season = season_of(policy=policy, planned=1_000)
    for arm, found in (("a", 100), ("b", 40)):
        for number in range(120):
            searched(unit(season, arm, START + DAY), "tea", 9 if number < found else 0, 0)
    measured(season, START + 5 * DAY)
    assert season.end == end and (not end or season.breach["guardrail"] == "zero_results")


def test_an_arm_whose_pages_take_much_longer_is_stopped():
    season = season_of()
    for arm, slowest in (("a", 200), ("b", 290)):
        visitors = Visitor.objects.bulk_create(
            Visitor(consent=Consent.GRANTED, consented_at=START) for _ in range(1_000)
        )
        Exposure.objects.bulk_create(
            Exposure(
                season=season,
                visitor=one,
                arm=arm,
                first_at=START + DAY,
                page_milliseconds=slowest if number % 10 == 0 else 60,
            )
            for number, one in enumerate(visitors)
        )
    measured(season, START + 5 * DAY)
    assert (season.end, season.breach["guardrail"]) == (SeasonEnd.HARM, "page_time")
    assert describe_breach(reading_of(season).breaches[0]) == "Stopped: pages take 90 milliseconds longer."


def test_crossed_units_are_left_out_and_counted(tea):
    season = season_of()
    place_order(unit(season, "a", is_crossed=True), [(tea, 1, "10.00")], START + 2 * DAY)
    unit(season, "b")
    measured(season, START + 5 * DAY)
    assert (season.newest["crossed"], season.newest["arms"]["a"]["orders"]) == (1, 0)
    assert reading_of(season).crossed_share == 0.5


COUNT_IN_SQL = """
    SELECT e.arm, COUNT(DISTINCT e.id), COUNT(DISTINCT CASE WHEN o.id IS NOT NULL THEN e.id END),
           COALESCE(SUM(o.total_excl_tax), 0)
    FROM personalization_exposure e
    LEFT JOIN personalization_ordervisitor v ON v.visitor_id = e.visitor_id
        AND v.placed_at >= e.first_at AND v.placed_at <= %s
    LEFT JOIN order_order o ON o.id = v.order_id AND o.status <> 'Cancelled'
    WHERE NOT e.is_crossed GROUP BY e.arm
"""


def test_totals_of_many_visitors_equal_an_independent_count(tea):
    season, chance = season_of(), random.Random(3)
    for number in range(300):
        visitor = unit(season, chance.choice("ab"), START + number * timedelta(hours=1), is_crossed=number % 17 == 0)
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            at, status = START + chance.random() * 14 * DAY, chance.choice(["Pending", "Pending", "Cancelled"])
            place_order(visitor, [(tea, 1, f"{chance.randint(1, 50)}.00")], at, status)
    now = START + 13 * DAY
    arms = measured(season, now)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_IN_SQL, [now])
        counted = {arm: (units, buyers, Decimal(str(kept))) for arm, units, buyers, kept in cursor.fetchall()}
    found = {
        key: (int(one["conversion"]["without_past"][0]), one["buyers"], Decimal(str(one["kept"])))
        for key, one in arms.items()
    }
    assert found == counted


def test_a_run_that_is_killed_at_any_step_and_repeated_ends_the_same(tea, monkeypatch):
    season = season_of()
    fill(season, tea, {"a": 0.2, "b": 0.3}, count=60)
    now = START + 8 * DAY
    steps = [
        (experiment_counts.Exposure.objects, "store_outcomes"),
        (experiments, "sum_season"),
        (experiments, "_end_if_over"),
    ]
    for owner, name in steps:
        with monkeypatch.context() as patched:
            target = type(owner) if name == "store_outcomes" else owner
            patched.setattr(target, name, _killed)
            with pytest.raises(KeyboardInterrupt):
                measure_experiments(now)
    numbers = measured(season, now)
    looks = season.looks
    for _ in range(2):
        assert measured(season, now) == numbers
        assert season.looks == looks
    assert len(looks) == 1


def _killed(*arguments, **more):
    raise KeyboardInterrupt


def test_a_look_is_taken_at_the_end_of_each_week_and_never_changes(tea):
    season = season_of(weeks=3)
    fill(season, tea, {"a": 0.2, "b": 0.2}, count=50)
    measure_experiments(START + 6 * DAY)
    season.refresh_from_db()
    assert season.looks == [] and judge_season(season, START.date())[0].state == VerdictState.TOO_EARLY
    measure_experiments(START + WEEK + timedelta(hours=3))
    season.refresh_from_db()
    first = season.looks[0]
    unit(season, "a", START + 8 * DAY)
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    assert season.looks[0] == first
    assert reading_of(season).visitors_at_looks == (100, 101)


def test_a_better_arm_is_found_told_and_ends_as_planned(tea):
    season = season_of()
    fill(season, tea, {"a": 0.10, "b": 0.25}, count=600)
    result = measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    assert (result.looks, result.ended, season.end) == (2, 1, SeasonEnd.PLANNED)
    assert season.definition.state == DefinitionState.PAUSED
    (verdict,) = judge_season(season, (START + 2 * WEEK).date())
    assert verdict.state == VerdictState.BETTER
    sentence = describe_verdict(verdict, lambda amount: f"${amount:.0f}")
    assert sentence.startswith("Better. Between") and "150 %" in sentence and "a month" not in sentence


def test_with_a_hundred_orders_in_each_group_the_money_of_a_month_is_told(tea):
    season = season_of()
    fill(season, tea, {"a": 0.20, "b": 0.35}, count=600)
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    (verdict,) = judge_season(season, (START + 2 * WEEK).date())
    # 0.15 more orders of $10 a visitor; 1,200 visitors in a fortnight are 2,571 in thirty days
    assert verdict.money.guess == pytest.approx(1.5 * 1200 / 14 * 30, rel=1e-6)


def test_two_equal_arms_are_not_decided(tea):
    season = season_of()
    fill(season, tea, {"a": 0.2, "b": 0.2}, count=300)
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    assert judge_season(season, (START + 2 * WEEK).date())[0].state == VerdictState.UNDECIDED_AT_END


def test_groups_that_are_not_as_large_as_they_should_be_decide_nothing(tea):
    season = season_of()
    fill(season, tea, {"a": 0.1, "b": 0.3}, count=300)
    fill(season, tea, {"b": 0.3}, count=200, seed=2)
    measure_experiments(START + WEEK)
    season.refresh_from_db()
    assert judge_season(season, (START + WEEK).date())[0].state == VerdictState.SAMPLE_RATIO_MISMATCH


def test_an_arm_that_does_harm_is_stopped_on_any_day(tea):
    season = season_of(weeks=8, planned=4_000)
    fill(season, tea, {"a": 0.5, "b": 0.2}, count=400)
    measure_experiments(START + 3 * DAY)
    season.refresh_from_db()
    assert (season.end, season.breach["guardrail"]) == (SeasonEnd.HARM, "primary")
    assert season.definition.state == DefinitionState.PAUSED
    (verdict,) = judge_season(season, (START + 3 * DAY).date())
    assert describe_verdict(verdict, str).startswith("Stopped: clearly worse, 60 %")


def test_a_holdout_goes_on_with_others_after_thirteen_weeks(tea):
    document = {
        "primary": "conversion",
        "weeks": 13,
        "arms": [
            {"key": HELD_OUT, "label": "Held out", "share": 0.1, "does": {"plain": True}},
            {"key": PERSONALIZED, "label": "Personal", "share": 0.9, "does": {}},
        ],
    }
    definition = publishing.create(DefinitionKind.EXPERIMENT, "Holdout", document, None, key=HOLDOUT)
    publishing.publish(definition, None)
    season = Season.objects.create(
        definition=definition,
        number=1,
        document=document,
        arms=arm_ranges(document),
        started_at=START,
        planned_units=10,
    )
    fill(season, tea, {PERSONALIZED: 0.2}, count=90)
    fill(season, tea, {HELD_OUT: 0.2}, count=10)
    measure_experiments(START + 12 * WEEK)
    assert Season.objects.running().get() == season  # enough visitors do not end a holdout
    measure_experiments(START + 13 * WEEK)
    newest = Season.objects.running().get()
    season.refresh_from_db()
    assert (newest.number, newest.looks, newest.arms) == (2, [], season.arms)
    assert (season.end, len(season.looks)) == (SeasonEnd.PLANNED, 13)
    assert Definition.objects.get(key=HOLDOUT).state == DefinitionState.LIVE


def test_an_erased_person_is_nowhere_and_the_sums_stay(tea):
    season, anna = season_of(), customer("anna")
    Exposure.objects.create(season=season, visitor=anna, arm="a", first_at=START + DAY, is_customer=True)
    place_order(anna, [(tea, 1, "10.00")], START + 2 * DAY)
    before = measured(season, START + 4 * DAY)
    identity.erase_customer(anna.user_id, START + 5 * DAY)
    assert measured(season, START + 6 * DAY) == before
    assert Exposure.objects.get().visitor_id is None and not OrderVisitor.objects.exists()


def test_exposures_are_deleted_when_nothing_changes_any_more_and_the_sums_stay(tea):
    season = season_of()
    fill(season, tea, {"a": 0.2, "b": 0.2}, count=40)
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    looks = season.looks
    for days in (60, 61, 80):
        measure_experiments(START + 2 * WEEK + days * DAY)
        assert not Exposure.objects.exists()
    season.refresh_from_db()
    assert season.looks == looks and season.newest["arms"]["a"]["buyers"] == 8


@pytest.mark.parametrize("count", [10, 60])
def test_counting_costs_the_same_queries_whatever_there_is(tea, django_assert_max_num_queries, count):
    season = season_of()
    fill(season, tea, {"a": 0.5, "b": 0.5}, count=count)
    with django_assert_max_num_queries(30):
        measure_experiments(START + 5 * DAY)


def test_a_small_shop_plans_for_the_visitors_that_it_has():
    definition = season_of().definition
    Season.objects.all().delete()
    season = experiments.start_experiment(definition, None, START)
    assert season.planned_units == experiments.MIN_EXPECTED
    assert season.document["surfaces"] == ["home"] and season.number == 1


def test_units_that_no_run_counted_for_months_are_counted_once_and_then_settled(tea, django_assert_num_queries):
    season = season_of(weeks=12)
    fill(season, tea, {"a": 0.5, "b": 0.5}, count=20)
    assert measured(season, START + 11 * WEEK)["a"]["buyers"] == 10
    assert not Exposure.objects.filter(is_settled=False).exists()
    with django_assert_num_queries(2):  # two batches are read, the second one empty, and nobody is counted again
        experiment_counts.count_outcomes(season, START + 11 * WEEK)
