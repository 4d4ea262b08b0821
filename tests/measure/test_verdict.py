"""Each state of a verdict, and the sentence that tells it."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as some

from personalization.measure.comparison import absolute_difference, estimate_share
from personalization.measure.experiment_plan import (
    ArmReading,
    ExperimentPlan,
    ExperimentReading,
    ManualStop,
    PlannedArm,
    PrimaryMetric,
)
from personalization.measure.guardrail_words import guardrail_labels
from personalization.measure.guardrails import Guardrail, GuardrailBreach, find_breach, find_slow_pages, slowest_pages
from personalization.measure.number_words import format_percent, round_to_two_digits
from personalization.measure.sums import NO_UNITS, MetricSums, StrataSums, sum_conversions, sum_units
from personalization.measure.verdict import VerdictState, judge_experiment
from personalization.measure.verdict_words import describe_notes, describe_verdict, sample_ratio_causes

MONDAY = date(2026, 3, 2)
TODAY = date(2026, 3, 25)
"""A Wednesday, after three full weeks."""
PLAN = ExperimentPlan(
    arms=(PlannedArm("control", "Without", 1), PlannedArm("new", "New order", 1)),
    metric=PrimaryMetric.CONVERSION,
    started=MONDAY,
    weeks=9,
    visitors=45_000,
)
MONEY = MetricSums(7_500, y=15_000, yy=5_000_000)


def money(amount):
    return f"€ {amount:,.0f}"


def arm(orders, exposed=7_500, revenue=NO_UNITS):
    return ArmReading(orders, StrataSums(without_past=sum_conversions(exposed, orders)), revenue)


def reading(*arms, weeks=3, **changes):
    total = sum(int(one.exposed) for one in arms)
    looks = tuple(total * week // weeks for week in range(1, weeks + 1))
    return ExperimentReading(arms, **({"visitors_at_looks": looks} | changes))


def judge(*arms, plan=PLAN, today=TODAY, **changes):
    return judge_experiment(plan, reading(*arms, **changes), today)


def told(*arms, **changes):
    (verdict,) = judge(*arms, **changes)
    return verdict.state, describe_verdict(verdict, money)


def test_before_the_first_look_it_is_too_early():
    verdict = told(arm(14, 900), arm(20, 900), weeks=1, visitors_at_looks=(), today=date(2026, 3, 5))
    assert verdict == (
        VerdictState.TOO_EARLY,
        "Too early. 14 of 30 orders in the smaller group; about 1 week more.",
    )
    enough = told(arm(40, 900), arm(50, 900), visitors_at_looks=(), today=date(2026, 3, 5))
    assert enough == (VerdictState.TOO_EARLY, "Too early. The first look is on Monday.")
    assert told(arm(40, 900), arm(50, 900), visitors_at_looks=(), today=date(2026, 3, 9))[1].endswith("is today.")


def test_under_the_floor_it_is_too_early_however_large_the_difference():
    sentence = "Too early. 14 of 30 orders in the smaller group; about 4 weeks more."
    assert told(arm(14), arm(140)) == (VerdictState.TOO_EARLY, sentence)
    assert told(arm(0), arm(140)) == (VerdictState.TOO_EARLY, "Too early. 0 of 30 orders in the smaller group.")
    assert told(arm(30), arm(140))[0] == VerdictState.BETTER


def test_money_takes_a_hundred_orders():
    plan = replace(PLAN, metric=PrimaryMetric.REVENUE)
    sums = StrataSums(without_past=MONEY)
    assert told(ArmReading(99, sums), ArmReading(500, sums), plan=plan)[1].startswith("Too early. 99 of 100 orders")
    assert told(ArmReading(100, sums), ArmReading(500, sums), plan=plan)[0] == VerdictState.UNDECIDED
    assert replace(plan, floor=250).min_orders == 250


def test_inside_the_bound_it_is_not_decided_and_no_money_is_named():
    arms = arm(225, revenue=MONEY), arm(240, revenue=MONEY)
    assert told(*arms, visitors_a_month=9_000) == (
        VerdictState.UNDECIDED,
        "Not decided. Between 22 % fewer and 47 % more visitors buy. Next look on Monday; planned to end on 4 May.",
    )
    assert judge(*arms, visitors_a_month=9_000)[0].money is None


def test_the_next_look_may_be_late_and_the_end_in_another_year():
    assert "Next look today" in told(arm(225), arm(240), today=date(2026, 3, 30))[1]
    assert "Next look today" in told(arm(225), arm(240), today=date(2026, 4, 9))[1]
    plan = replace(PLAN, started=date(2026, 11, 2))
    assert "on 4 Jan 2027." in told(arm(225), arm(240), plan=plan, today=date(2026, 11, 25))[1]


def test_above_the_bound_it_is_better():
    dear = MetricSums(7_500, y=18_000, yy=6_000_000)
    arms = arm(225, revenue=MONEY), arm(340, revenue=dear)
    (verdict,) = judge(*arms, visitors_a_month=9_000)
    assert verdict.state == VerdictState.BETTER
    assert describe_verdict(verdict, money) == (
        "Better. Between 14 % and 104 % more visitors buy (best guess 51 %). "
        "About € 3,600 a month, between € -9,900 and € 17,000."
    )
    assert "month" not in told(*arms)[1]
    few = arm(30, revenue=MONEY), arm(99, revenue=dear)
    assert "month" not in told(*few, visitors_a_month=9_000)[1]


def test_below_the_bound_it_is_worse():
    sentence = "Worse. Between 12 % and 51 % fewer visitors buy (best guess 34 %)."
    assert told(arm(340), arm(225)) == (VerdictState.WORSE, f"{sentence} Stop it?")
    assert told(arm(340), arm(225), stopped=ManualStop("Anna", 4))[1] == sentence


def test_at_the_end_a_difference_may_be_worth_nothing():
    arms = arm(30_000, 1_000_000), arm(30_100, 1_000_000)
    assert told(*arms, weeks=9) == (
        VerdictState.NO_DIFFERENCE,
        "Makes no difference worth having: less than 5 % either way.",
    )
    assert told(*arms, weeks=9, plan=replace(PLAN, smallest_lift=0.015))[0] == VerdictState.UNDECIDED_AT_END


def test_at_the_end_it_may_be_undecided():
    assert told(arm(675, 22_500), arm(700, 22_500), weeks=9) == (
        VerdictState.UNDECIDED_AT_END,
        "Not decided. If there is a difference, it is smaller than 16 %. "
        "A new test that can find 5 % would need about 90 weeks.",
    )
    few = told(arm(12), arm(14), weeks=9)
    assert few == (
        VerdictState.UNDECIDED_AT_END,
        "Not decided. It ended with 12 of 30 orders in the smaller group.",
    )
    rare = told(arm(40, 22_500), arm(42, 22_500), weeks=9)
    assert rare[1].endswith("A new test that can find 5 % would need more than two years.")


def test_it_ends_with_its_weeks_or_with_its_visitors():
    assert judge(arm(675, 22_500), arm(700, 22_500))[0].is_over
    assert judge(arm(225), arm(240), weeks=9)[0].is_over
    assert not judge(arm(225), arm(240))[0].is_over


def test_at_the_planned_end_all_of_alpha_is_spent_even_if_few_came():
    """A z of 2.05 is within the bound of one look in nine, and beyond what one reading takes."""
    arms = arm(200), arm(243)
    assert 2.0 < absolute_difference(*(estimate_share(one.primary.total) for one in arms)).z < 2.1
    assert told(*arms, weeks=1)[0] == VerdictState.UNDECIDED
    assert told(*arms, weeks=1, plan=replace(PLAN, weeks=1))[0] == VerdictState.BETTER


def test_a_broken_guardrail_stops_it():
    def stopped(guardrail, ratio, label="", **changes):
        breach = GuardrailBreach(guardrail, label, ratio, **changes)
        state, sentence = told(arm(225), arm(340), breaches=(breach,))
        assert state == VerdictState.GUARDRAIL_BROKEN
        return sentence

    assert stopped(Guardrail.OPT_OUTS, 3) == "Stopped: 3 times as many visitors switched personal order off."
    assert stopped(Guardrail.OPT_OUTS, 2.54).startswith("Stopped: 2.5 times as many visitors")
    assert stopped(Guardrail.LOST_SHARE, 1.4) == "Stopped: 40 % more of the money was cancelled or returned."
    assert stopped(Guardrail.PAGE_TIME, 1.1, extra_milliseconds=34.4) == ("Stopped: pages take 34 milliseconds longer.")
    assert stopped(Guardrail.PRIMARY, 0.7) == "Stopped: clearly worse, 30 % less than without the change."
    assert stopped(Guardrail.COMPLAINTS, None) == "Stopped: too much harm in one group (Complaints about mail)."
    assert stopped(Guardrail.ZERO_RESULTS, 2, "B") == "B: Stopped: 2 times as many searches found nothing."


@pytest.mark.parametrize("guardrail", Guardrail)
@pytest.mark.parametrize("ratio", [None, 0.5, 1.2, 3.0])
def test_every_guardrail_has_its_words(guardrail, ratio):
    breach = GuardrailBreach(guardrail, "", ratio)
    assert told(arm(225), arm(340), breaches=(breach,))[1].startswith("Stopped: ")
    assert guardrail_labels()[guardrail]


def test_groups_of_the_wrong_size_come_before_all_else():
    breach = GuardrailBreach(Guardrail.OPT_OUTS, "", 3)
    assert told(arm(100, 4_800), arm(300, 5_200), breaches=(breach,), crossed=5_000) == (
        VerdictState.SAMPLE_RATIO_MISMATCH,
        "The groups are not as large as they should be (4,800 : 5,200). Something loses visitors of one group; "
        "results would mislead.",
    )
    uneven = replace(PLAN, arms=(PlannedArm("control", "", 0.1), PlannedArm("new", "", 0.9)))
    assert told(arm(60, 1_050), arm(300, 8_950), plan=uneven)[0] == VerdictState.UNDECIDED
    assert len(sample_ratio_causes()) == 5


def test_many_visitors_in_several_groups_are_warned_of_and_too_many_end_it():
    (warned,) = judge(arm(225), arm(340), crossed=600)
    assert warned.state == VerdictState.BETTER
    assert describe_notes(warned) == ["Careful: 3.8 % of the visitors were in several groups and are left out."]
    assert told(arm(225), arm(340), crossed=1_050) == (
        VerdictState.TOO_MANY_CROSSED,
        "6.5 % of the visitors were in several groups, more than 5 %: results would mislead. "
        "Usually many sign in on a second device, or cookies are lost.",
    )
    assert describe_notes(judge(arm(225), arm(340), crossed=300)[0]) == []


def test_who_stops_it_by_hand_stands_in_the_sentence():
    stop = ManualStop("Anna", 4)
    assert told(arm(225), arm(240), stopped=stop) == (
        VerdictState.STOPPED,
        "Stopped by Anna in week 4; not decided.",
    )
    assert told(arm(3), arm(2), stopped=stop)[0] == VerdictState.STOPPED
    assert told(arm(3), arm(2), stopped=stop, visitors_at_looks=())[0] == VerdictState.STOPPED
    (better,) = judge(arm(225), arm(340), stopped=stop)
    assert (better.state, describe_notes(better)) == (VerdictState.BETTER, ["Stopped by Anna in week 4."])


def test_young_orders_are_said():
    (verdict,) = judge(arm(225), arm(340), returnable_share=0.125)
    assert describe_notes(verdict) == ["12 % of the money may still be returned."]


def test_several_arms_are_each_compared_with_the_control_at_a_stricter_bound():
    plan = replace(PLAN, weeks=3, arms=tuple(PlannedArm(key, key.upper(), 1) for key in "abc"))
    arms = arm(200), arm(246), arm(260)
    better, undecided = VerdictState.BETTER, VerdictState.UNDECIDED_AT_END
    assert [one.state for one in judge(*arms, plan=plan)] == [undecided, better]
    assert describe_verdict(judge(*arms, plan=plan)[1], money).startswith("C: Better. Between ")
    assert told(*arms[:2], plan=replace(PLAN, weeks=3))[0] == better


def test_money_per_visitor_has_its_own_words():
    def told_of(metric, *totals, **changes):
        arms = [ArmReading(300, StrataSums(without_past=MetricSums(7_500, y, 4_000_000))) for y in totals]
        return told(*arms, plan=replace(PLAN, metric=metric), **changes)[1]

    assert told_of(PrimaryMetric.REVENUE, 15_000, 15_500).startswith(
        "Not decided. Between 48 % less and 107 % more revenue per visitor."
    )
    assert told_of(PrimaryMetric.MARGIN, 15_000, 30_000) == (
        "Better. Between 27 % and 275 % more margin per visitor (best guess 100 %)."
    )
    assert told_of(PrimaryMetric.REVENUE, 30_000, 15_000, visitors_a_month=1_000) == (
        "Worse. Between 21 % and 73 % less revenue per visitor (best guess 50 %). "
        "About € -2,000 a month, between € -3,300 and € -730. Stop it?"
    )


def test_a_lift_over_a_loss_is_not_told_in_percent():
    arms = [ArmReading(300, StrataSums(without_past=MetricSums(7_500, y, 4_000_000))) for y in (-5_000, 15_000)]
    assert told(*arms, plan=replace(PLAN, metric=PrimaryMetric.MARGIN), visitors_a_month=1_000)[1] == (
        "Better. How large the difference is cannot be said in percent. "
        "About € 2,700 a month, between € 1,400 and € 3,900."
    )


def test_an_early_landslide_is_told_by_its_lower_end():
    (verdict,) = judge(arm(30), arm(400), weeks=1, plan=replace(PLAN, visitors=150_000))
    assert verdict.lift.high is None
    assert describe_verdict(verdict, money).startswith("Better. At least ")


def test_nothing_known_is_said_as_such():
    arms = [ArmReading(7_500, StrataSums(without_past=sum_conversions(7_500, 7_500))) for _ in range(2)]
    state, sentence = told(*arms)
    assert state == VerdictState.UNDECIDED
    assert sentence.startswith("Not decided. How large a difference may be cannot be said yet. Next look")


def test_the_past_of_customers_sharpens_a_verdict():
    chance = np.random.default_rng(11)

    def spent(lift):
        past = chance.gamma(1, 20, 4_000)
        sums = sum_units(past * (1 + lift) + chance.normal(0, 4, 4_000), past)
        return ArmReading(400, StrataSums(with_past=sums))

    plan = replace(PLAN, metric=PrimaryMetric.REVENUE, visitors=8_000)
    (verdict,) = judge(spent(0), spent(0.05), plan=plan)
    assert verdict.state == VerdictState.BETTER
    (note,) = describe_notes(verdict)
    assert note.startswith("Sharpened by what customers bought before: as good as ")
    assert verdict.extra_visitors > 5


def test_a_reading_of_other_arms_is_refused():
    with pytest.raises(ValueError, match="The plan has 2 arms, the reading 3"):
        judge(arm(1), arm(2), arm(3))


def test_numbers_are_those_of_the_language():
    with translation.override("de"):
        assert format_percent(12.345) == "1.234"
        assert format_percent(-0.004) == "0,4"
    assert [format_percent(share) for share in (0.0004, 0.0096, 0.004, 0.034, 12.34)] == ["0", "1", "0.4", "3", "1,234"]


def test_money_has_two_digits():
    amounts = [1_234, 98_765, -0.0567, 0, 0.999, math.inf]
    assert [round_to_two_digits(one) for one in amounts] == [1_200, 99_000, -0.057, 0, 1.0, 0]


def test_a_guardrail_is_broken_by_clear_harm_only():
    def breach(control, arm, guardrail=Guardrail.OPT_OUTS):
        estimates = [estimate_share(sum_conversions(10_000, count)) for count in (control, arm)]
        return find_breach(guardrail, *estimates, label="B", events=control + arm, tuned_for=20_000)

    assert breach(30, 120) == GuardrailBreach(Guardrail.OPT_OUTS, "B", 4.0)
    assert breach(0, 60) == GuardrailBreach(Guardrail.OPT_OUTS, "B", None)
    assert breach(30, 45) is None
    assert breach(120, 30) is None
    assert breach(0, 29) is None
    assert breach(300, 180, Guardrail.PRIMARY) == GuardrailBreach(Guardrail.PRIMARY, "B", 0.6)
    assert breach(180, 300, Guardrail.PRIMARY) is None
    assert find_breach(Guardrail.OPT_OUTS, None, None, label="", events=99, tuned_for=10) is None


def test_pages_may_be_a_little_slower():
    assert find_slow_pages(pages(100), pages(115), label="") is None
    assert find_slow_pages(pages(100), pages(130), label="") == GuardrailBreach(Guardrail.PAGE_TIME, "", 1.3, 30)
    assert find_slow_pages(pages(100), slowest_pages([500] * 999), label="") is None


def pages(milliseconds):
    """A thousand pages of which most take a quarter of the time of the slowest."""
    return slowest_pages([milliseconds // 4] * 900 + [milliseconds] * 100)


def test_equal_pages_raise_no_alarm_whoever_looks_how_often():
    """Times with a long tail, looked at every day of twelve weeks."""
    chance, alarms = np.random.default_rng(3), 0
    for _ in range(100):
        arms = chance.lognormal(4.5, 0.8, (2, 84 * 100))
        seen = ((slowest_pages(arm[: day * 100]) for arm in arms) for day in range(10, 85, 3))
        alarms += any(find_slow_pages(*pair, label="") for pair in seen)
    assert alarms <= 1


@settings(deadline=None)
@given(some.tuples(some.integers(0, 400), some.integers(0, 400)), some.integers(1, 9))
def test_what_is_better_the_other_way_round_is_worse(orders, weeks):
    mirrored = {VerdictState.BETTER: VerdictState.WORSE, VerdictState.WORSE: VerdictState.BETTER}
    there, back = (told(*map(arm, pair), weeks=weeks)[0] for pair in (orders, orders[::-1]))
    assert back == mirrored.get(there, there) or {there, back} == {
        VerdictState.NO_DIFFERENCE,  # 5 % less than one is 5.3 % more than the other
        VerdictState.UNDECIDED_AT_END,
    }


arms_of_any_size = some.tuples(some.integers(0, 300), some.integers(0, 300)).map(
    lambda pair: arm(min(pair), max(pair), MetricSums(max(pair), min(pair) * 9.5, min(pair) * 200.0))
)


@settings(deadline=None)
@given(
    some.lists(arms_of_any_size, min_size=2, max_size=4),
    some.lists(some.integers(0, 1_000), max_size=5).map(sorted),
    some.sampled_from(PrimaryMetric),
    some.integers(0, 100),
    some.booleans(),
)
def test_any_numbers_have_a_verdict_in_words(arms, looks, metric, crossed, stopped):
    plan = ExperimentPlan(
        tuple(PlannedArm(str(n), str(n), 1) for n in range(len(arms))), metric, MONDAY, weeks=4, visitors=500, floor=5
    )
    stop = ManualStop("Anna", 2) if stopped else None
    counted = ExperimentReading(
        tuple(arms), tuple(looks), crossed, stopped=stop, visitors_a_month=100, returnable_share=0.1
    )
    for verdict in judge_experiment(plan, counted, TODAY):
        sentences = [describe_verdict(verdict, money), *describe_notes(verdict)]
        assert all(sentences)
        assert not any(word in sentence for sentence in sentences for word in ("nan", "inf ", "None", "%("))
