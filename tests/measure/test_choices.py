"""Two interleaved orders from clicks to verdict: what is counted, when it is looked at, and what is said."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from personalization.measure import experiments
from personalization.measure.choice_counts import week_of
from personalization.measure.experiments import measure_experiments
from personalization.measure.interleaved_readings import interleaved_reading, judge_interleaved
from personalization.measure.interleaved_words import describe_interleaving
from personalization.measure.verdict import VerdictState
from personalization.merchandising import publishing
from personalization.merchandising.experiments import arm_ranges
from personalization.models import Consent, DefinitionKind, Event, Exposure, Season, SeasonEnd, Visitor
from personalization.privacy import identity
from tests.measure.orders import DAY
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday."""
WEEK = 7 * DAY
MINUTE = timedelta(minutes=1)


def season_of(planned=400, weeks=2, share=0.5, **document) -> Season:
    """The shop's order and the engine's in one list, since START."""
    does = [{}, {"policy": {"rerank_strength": 0}}]
    document = {"primary": "conversion", "weeks": weeks, "method": "interleave", "surfaces": ["search"], **document}
    document["arms"] = [
        {"key": arm, "share": share, "does": effect} for arm, effect in zip(("control", "variant"), does, strict=True)
    ]
    definition = publishing.create(DefinitionKind.EXPERIMENT, "Orders", document, None)
    publishing.publish(definition, None)
    return Season.objects.create(
        definition=definition,
        number=1,
        document=document,
        arms=arm_ranges(document),
        started_at=START,
        planned_units=planned,
    )


def unit(season, at=START + DAY) -> Visitor:
    visitor = Visitor.objects.create(consent=Consent.GRANTED, consented_at=START)
    Exposure.objects.create(season=season, visitor=visitor, arm="both", first_at=at)
    return visitor


def did(visitor, name, at, team="", product=1, **fields):
    """A click on a card, or an addition; `team` is the key of the order whose choice the card was."""
    arm = f"{Season.objects.get().definition.key}-1={team}" if team else fields.pop("arm", None)
    place = {"slate_id": uuid4(), "surface": "search", "row_key": "results"} if name != "add_to_cart" else {}
    return Event.objects.create(
        event_id=uuid4(),
        visitor=visitor,
        type=name,
        occurred_at=at,
        received_at=at,
        product_id=product,
        arm=arm,
        **{**place, **fields},
    )


def saw(visitor, at, *teams, slate=None, first=0):
    """The cards of a list, each with the order whose choice it was, "" for neither."""
    name = Season.objects.get().definition.key
    items = [
        [place, place, "personal_order", None, None, None, f"{name}-1={team}"]
        if team
        else [place, place, "personal_order"]
        for place, team in enumerate(teams, first)
    ]
    return did(visitor, "view_item_list", at, product=None, items=items, slate_id=slate or uuid4())


def measured(season, now):
    result = measure_experiments(now)
    season.refresh_from_db()
    return result


def choices_of(visitor):
    return Exposure.objects.get(visitor=visitor).choices


def test_clicks_and_additions_count_for_the_order_whose_choice_the_card_was():
    season = season_of()
    anna = unit(season)
    did(anna, "select_item", START + DAY, "variant", product=1)
    did(anna, "select_item", START + DAY + MINUTE, "control", product=2)
    did(anna, "select_item", START + DAY + 2 * MINUTE, product=3)  # in the same place in both orders
    did(anna, "add_to_cart", START + DAY + 3 * MINUTE, product=1)
    did(anna, "add_to_cart", START + DAY + 4 * MINUTE, product=3)
    did(anna, "add_to_cart", START + DAY + 5 * MINUTE, product=9)  # never clicked on in a list
    did(anna, "add_to_cart", START + 3 * DAY, product=2)  # too long after the click
    measured(season, START + 5 * DAY)
    assert choices_of(anna) == {"0": [1, 1, 0, 1, 0, 0]}
    assert (season.newest["units"], season.newest["choosers"]) == (1, 1)
    assert season.newest["preference"] == [1, 1, 1] and season.newest["signs"] == [0, 1, 0]


def test_an_addition_is_owed_to_the_last_click_on_the_product_wherever_that_was():
    season = season_of()
    anna = unit(season)
    did(anna, "select_item", START + DAY, "variant")
    did(anna, "select_item", START + DAY + MINUTE, surface="home", row_key="bestsellers")
    did(anna, "add_to_cart", START + DAY + 20 * MINUTE)
    measured(season, START + 5 * DAY)
    assert choices_of(anna) == {"0": [0, 1, 0, 0, 0, 0]}


def test_a_click_that_a_slow_clock_dates_after_its_addition_leads_to_it_all_the_same():
    season = season_of()
    anna = unit(season)
    did(anna, "add_to_cart", START + DAY)
    did(anna, "select_item", START + DAY + timedelta(seconds=100), "variant")
    measured(season, START + 5 * DAY)
    assert choices_of(anna) == {"0": [0, 1, 0, 1, 0, 0]}


def test_each_week_of_a_visitor_is_one_sign_and_other_experiments_are_none():
    season = season_of(weeks=3)
    anna = unit(season)
    for at, team in ((DAY, "variant"), (2 * DAY, "variant"), (8 * DAY, "control"), (9 * DAY, "variant")):
        did(anna, "select_item", START + at, team)
    did(anna, "select_item", START + DAY, arm="another-1=control")
    measured(season, START + 10 * DAY)
    assert choices_of(anna) == {"0": [0, 2, 0, 0, 0, 0], "1": [1, 1, 0, 0, 0, 0]}
    assert season.newest["preference"] == [2, 1, 1] and season.newest["signs"] == [0, 1, 1]
    assert season.looks[0]["preference"] == [1, 1, 1]


def test_which_order_led_a_list_is_counted_once_however_it_is_reported():
    season = season_of()
    anna, slate = unit(season), uuid4()
    saw(anna, START + DAY + MINUTE, "control", "variant", slate=slate, first=4)
    saw(anna, START + DAY, "", "variant", "control", slate=slate)
    saw(anna, START + DAY, "control", "variant")
    saw(anna, START + DAY, "", "")
    measured(season, START + 5 * DAY)
    assert choices_of(anna) == {"0": [0, 0, 0, 0, 1, 1]}
    assert season.newest["choosers"] == 0


def test_what_robots_did_and_what_was_done_before_counts_for_nothing():
    season = season_of()
    anna = unit(season)
    did(anna, "select_item", START - DAY, "variant")
    did(anna, "select_item", START + DAY, "variant", is_suspected_bot=True)
    measured(season, START + 5 * DAY)
    assert choices_of(anna) == {}


def fill(season, share, count, *, seed=1, weeks=1, begin=0):
    """So many visitors who click once in each of some weeks; this share of them on the second order's cards."""
    chance = random.Random(seed)
    visitors = Visitor.objects.bulk_create(Visitor(consent=Consent.GRANTED, consented_at=START) for _ in range(count))
    first = START + timedelta(hours=1)
    Exposure.objects.bulk_create(Exposure(season=season, visitor=one, arm="both", first_at=first) for one in visitors)
    name, events = season.definition.key, []
    for number, one in enumerate(visitors):
        team = "variant" if number < share * count else "control"
        led = ("control", "variant") if chance.random() < 0.5 else ("variant", "control")
        for week in range(weeks):
            at = first + (begin + week) * WEEK
            common = {"visitor": one, "occurred_at": at, "received_at": at, "surface": "search", "row_key": "results"}
            items = [[place, place, "", None, None, None, f"{name}-1={key}"] for place, key in enumerate(led)]
            events.append(Event(event_id=uuid4(), type="view_item_list", items=items, slate_id=uuid4(), **common))
            events.append(
                Event(
                    event_id=uuid4(),
                    type="select_item",
                    product_id=5,
                    arm=f"{name}-1={team}",
                    slate_id=uuid4(),
                    **common,
                )
            )
    Event.objects.bulk_create(events)


def words(season, day):
    verdict = judge_interleaved(season, day.date())
    return verdict.state, describe_interleaving(verdict, "ours", "theirs")


def test_the_order_that_is_chosen_from_more_often_is_named_in_a_sentence():
    season = season_of()
    fill(season, 0.62, 400)
    result = measured(season, START + WEEK)
    state, sentence = words(season, START + WEEK)
    assert (result.looks, result.ended, season.end) == (1, 1, SeasonEnd.PLANNED)
    assert state == VerdictState.BETTER
    # 0.62 +- 1.959964 * 0.5 / 20, all that was planned for being in at the first look
    assert sentence == (
        "Visitors choose from “theirs” more often than from “ours”. Of 100 visitors who chose something, between 57 "
        "and 67 chose more from it (best guess 62)."
    )


def test_the_order_that_serves_can_win_too():
    season = season_of()
    fill(season, 0.38, 400)
    measured(season, START + WEEK)
    state, sentence = words(season, START + WEEK)
    assert state == VerdictState.WORSE
    assert sentence.startswith("Visitors choose from “ours” more often than from “theirs”.")
    assert "between 57 and 67 chose more from it (best guess 62)" in sentence


@pytest.mark.parametrize(("count", "state"), [(99, VerdictState.TOO_EARLY), (100, VerdictState.UNDECIDED)])
def test_below_the_floor_it_is_too_few_yet(count, state):
    season = season_of()
    fill(season, 1, count)
    season.document["weeks"] = 4
    season.save()
    measured(season, START + WEEK)
    found, sentence = words(season, START + WEEK)
    assert found == (state if count < 100 else VerdictState.BETTER)
    assert ("Too few yet: 99 of 100 visitors have chosen something" in sentence) == (count < 100)


def test_before_the_first_look_and_undecided_it_says_when_it_is_looked_at():
    season = season_of(planned=2_000, weeks=4)
    fill(season, 0.52, 200)
    measured(season, START + 3 * DAY)
    assert words(season, START + 3 * DAY) == (VerdictState.TOO_EARLY, "Too early. The first look is on Monday.")
    measured(season, START + WEEK)
    state, sentence = words(season, START + WEEK)
    assert state == VerdictState.UNDECIDED
    assert sentence.startswith("Not decided. Of 100 visitors who chose something, between ")
    assert sentence.endswith("chose more from “theirs”. Next look on Monday; planned to end on 5 October.")


def test_at_the_end_it_says_how_large_a_difference_may_be_and_how_long_another_test_takes():
    season = season_of(planned=2_000)
    fill(season, 0.51, 200)
    fill(season, 0.51, 200, begin=1)
    measured(season, START + 2 * WEEK)
    assert season.end == SeasonEnd.PLANNED
    assert words(season, START + 2 * WEEK) == (
        VerdictState.UNDECIDED_AT_END,
        # 1.96 standard errors of 400 visitors to the right of 0.51; 863 visitors in weeks of 200
        "Not decided. If visitors prefer one of them, at most 56 of 100 do. A new test that can tell 55 of 100 from "
        "half would need about 5 weeks.",
    )


def test_an_order_that_stands_first_too_often_makes_results_worthless():
    season = season_of()
    fill(season, 0.62, 400)
    for visitor in Visitor.objects.all()[:200]:
        for _ in range(2):
            saw(visitor, START + DAY, "variant", "control")
    measured(season, START + WEEK)
    state, sentence = words(season, START + WEEK)
    assert state == VerdictState.SAMPLE_RATIO_MISMATCH and "did not stand first equally often" in sentence


def test_a_run_that_is_repeated_or_comes_late_counts_the_same_and_old_weeks_outlive_their_events():
    season = season_of(weeks=6, planned=10_000)
    fill(season, 0.6, 60, weeks=2)
    measured(season, START + 15 * DAY)
    numbers, looks = season.newest["preference"], season.looks
    measured(season, START + 15 * DAY)
    assert (season.newest["preference"], season.looks) == (numbers, looks) and len(looks) == 2
    measured(season, START + 30 * DAY)
    Event.objects.all().delete()
    measured(season, START + 30 * DAY)
    assert season.newest["preference"] == numbers


def test_what_a_forgotten_person_chose_stays_in_the_sums():
    season = season_of()
    user = User.objects.create_user("anna", "anna@example.com", "x")
    shop.grant_consent(user)
    anna = Visitor.objects.get(user=user)
    Exposure.objects.create(season=season, visitor=anna, arm="both", first_at=START + DAY)
    did(anna, "select_item", START + DAY, "variant")
    measured(season, START + 2 * DAY)
    identity.erase_customer(anna.user_id, START + 3 * DAY)
    measured(season, START + 4 * DAY)
    assert Exposure.objects.get().visitor_id is None and season.newest["preference"] == [1, 1, 1]


def test_what_was_chosen_before_signing_in_is_added_to_what_the_account_chose(tmp_path):
    season = season_of()
    browser, account = unit(season), unit(season, START + 2 * DAY)
    for one, chosen in ((browser, {"0": [1, 0, 0, 0, 0, 0]}), (account, {"0": [0, 2, 0, 1, 0, 0], "1": [0] * 6})):
        Exposure.objects.filter(visitor=one).update(choices=chosen)
    Exposure.objects.merge_into(account, browser, START + 3 * DAY)
    one = Exposure.objects.get(visitor__isnull=False)
    assert one.choices == {"0": [1, 2, 0, 1, 0, 0], "1": [0] * 6}
    assert (one.first_at, one.is_crossed) == (START + DAY, False)


@pytest.mark.parametrize("count", [10, 60])
def test_counting_costs_the_same_queries_whatever_there_is(django_assert_max_num_queries, count):
    season = season_of()
    fill(season, 0.5, count)
    with django_assert_max_num_queries(25):
        measure_experiments(START + 5 * DAY)


def test_the_first_hours_of_a_season_belong_to_its_first_week():
    season = season_of()
    Season.objects.update(started_at=START + timedelta(hours=9))
    season.refresh_from_db()
    moments = [START + timedelta(hours=10), START + DAY, START + 8 * DAY - MINUTE, START + 8 * DAY]
    assert [week_of(season, moment) for moment in moments] == [0, 0, 0, 1]


def test_a_small_shop_plans_for_those_who_choose_there():
    definition = season_of().definition
    Season.objects.all().delete()
    assert experiments.start_experiment(definition, None, START).planned_units == experiments.MIN_EXPECTED_CHOOSERS


def test_who_comes_every_week_and_chooses_alike_tells_no_more_than_once():
    season = season_of(planned=2_000)
    fill(season, 0.51, 200, weeks=2)
    measured(season, START + 2 * WEEK)
    assert interleaved_reading(season).information_at_looks == (200.0, 200.0)


def test_what_is_chosen_on_the_day_of_the_start_counts_that_day():
    season = season_of()
    Season.objects.update(started_at=START + timedelta(hours=9))
    season.refresh_from_db()
    anna = unit(season, START + timedelta(hours=10))
    did(anna, "select_item", START + timedelta(hours=10), "variant")
    measured(season, START + timedelta(hours=11))
    assert season.newest["choosers"] == 1
