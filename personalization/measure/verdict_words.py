"""Verdicts in sentences, in the active language, with its numbers and days."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.measure.experiment_plan import DAYS_A_WEEK, ManualStop, PrimaryMetric
from personalization.measure.guardrail_words import describe_breach
from personalization.measure.number_words import format_count, format_percent, round_to_two_digits
from personalization.measure.verdict import CROSSED_LIMIT, CROSSED_WARNING, NumberRange, Verdict, VerdictState

MoneyFormat = Callable[[float], str]
"""Writes an amount of the shop's currency, also a negative one."""
LONGEST_NAMED_WEEKS = 104
"""A longer time is "more than two years"."""


def describe_verdict(verdict: Verdict, format_money: MoneyFormat) -> str:
    """The verdict in a few sentences."""
    sentences = {
        VerdictState.TOO_EARLY: lambda: [_describe_too_early(verdict)],
        VerdictState.UNDECIDED: lambda: [*_describe_undecided(verdict), describe_days(verdict)],
        VerdictState.BETTER: lambda: _describe_decided(verdict, format_money),
        VerdictState.WORSE: lambda: _describe_decided(verdict, format_money),
        VerdictState.NO_DIFFERENCE: lambda: [
            _("Makes no difference worth having: less than %(percent)s %% either way.")
            % {"percent": format_percent(verdict.smallest_lift)}
        ],
        VerdictState.UNDECIDED_AT_END: lambda: _describe_undecided_end(verdict),
        VerdictState.STOPPED: lambda: [describe_manual_stop(verdict.stopped, decided=False)],
        VerdictState.GUARDRAIL_BROKEN: lambda: [
            describe_breach(verdict.breach) if verdict.breach else pgettext("personalization", "Stopped.")
        ],
        VerdictState.SAMPLE_RATIO_MISMATCH: lambda: [
            _(
                "The groups are not as large as they should be (%(counts)s). Something loses visitors of one group; "
                "results would mislead."
            )
            % {"counts": " : ".join(format_count(count) for count in verdict.counts)}
        ],
        VerdictState.TOO_MANY_CROSSED: lambda: [
            _(
                "%(percent)s %% of the visitors were in several groups, more than %(limit)s %%: results would mislead. "
                "Usually many sign in on a second device, or cookies are lost."
            )
            % {"percent": format_percent(verdict.crossed_share, 1), "limit": format_percent(CROSSED_LIMIT)}
        ],
    }[verdict.state]()
    text = " ".join(sentences)
    if not verdict.arm:
        return text
    return pgettext("personalization", "%(arm)s: %(verdict)s") % {"arm": verdict.arm, "verdict": text}


def describe_notes(verdict: Verdict) -> list[str]:
    """What else must be known of the numbers of a verdict, a sentence each."""
    notes = []
    if verdict.stopped and verdict.state in (VerdictState.BETTER, VerdictState.WORSE):
        notes.append(describe_manual_stop(verdict.stopped, decided=True))
    if CROSSED_WARNING < verdict.crossed_share <= CROSSED_LIMIT:
        notes.append(
            _("Careful: %(percent)s %% of the visitors were in several groups and are left out.")
            % {"percent": format_percent(verdict.crossed_share, 1)}
        )
    if verdict.extra_visitors is not None:
        notes.append(
            _("Sharpened by what customers bought before: as good as %(percent)s %% more visitors.")
            % {"percent": format_percent(verdict.extra_visitors)}
        )
    if verdict.returnable_share > 0:
        notes.append(
            _("%(percent)s %% of the money may still be returned.")
            % {"percent": format_percent(verdict.returnable_share)}
        )
    return notes


def sample_ratio_causes() -> list[str]:
    """What usually makes groups smaller than they should be, most frequent first."""
    return [
        _("One version redirects, or is so slow that visitors leave before they are counted."),
        _("One version has a script error, so that its pages report nothing."),
        _("A cache in front of the shop gives the page of one group to all."),
        _("Robots are drawn to one version, or are recognised in one only."),
        _("Shares were changed while it ran."),
    ]


def _describe_too_early(verdict: Verdict) -> str:
    if verdict.orders >= verdict.min_orders:
        return _("Too early. The first look is %(day)s.") % {"day": describe_look(verdict)}
    params = {"orders": format_count(verdict.orders), "floor": format_count(verdict.min_orders)}
    if verdict.weeks_needed is None:
        return _("Too early. %(orders)s of %(floor)s orders in the smaller group.") % params
    return ngettext(
        "Too early. %(orders)s of %(floor)s orders in the smaller group; about %(weeks)s week more.",
        "Too early. %(orders)s of %(floor)s orders in the smaller group; about %(weeks)s weeks more.",
        verdict.weeks_needed,
    ) % {**params, "weeks": format_count(verdict.weeks_needed)}


def _describe_undecided(verdict: Verdict) -> list[str]:
    low, high = verdict.lift.low, verdict.lift.high
    undecided = pgettext("personalization", "Not decided.")
    if low is None or high is None:
        return [undecided, _("How large a difference may be cannot be said yet.")]
    if low > 0 or high < 0:  # a range that only just leaves out 0
        return [undecided, _describe_lift(verdict.metric, verdict.lift)]
    words = {
        PrimaryMetric.CONVERSION: _("Between %(low)s %% fewer and %(high)s %% more visitors buy."),
        PrimaryMetric.REVENUE: _("Between %(low)s %% less and %(high)s %% more revenue per visitor."),
        PrimaryMetric.MARGIN: _("Between %(low)s %% less and %(high)s %% more margin per visitor."),
    }[verdict.metric]
    return [undecided, words % {"low": format_percent(low), "high": format_percent(high)}]


class LookDays(Protocol):
    """The days that a verdict names."""

    @property
    def today(self) -> date | None:
        """The day on which it is told."""

    @property
    def next_look(self) -> date | None:
        """The day of the next look."""

    @property
    def ends(self) -> date | None:
        """The day of the last one."""


def describe_days(verdict: LookDays) -> str:
    """When it is looked at again, and when it ends."""
    end = ""
    if verdict.ends is not None and verdict.today is not None:
        is_this_year = verdict.ends.year == verdict.today.year
        end = date_format(verdict.ends, "MONTH_DAY_FORMAT" if is_this_year else "DATE_FORMAT")
    return _("Next look %(day)s; planned to end on %(end)s.") % {"day": describe_look(verdict), "end": end}


def describe_look(verdict: LookDays) -> str:
    """The day of the next look, as within a sentence: "today", "on Monday"."""
    if verdict.next_look is None or verdict.next_look == verdict.today:
        return pgettext("personalization", "today")
    return pgettext("personalization", "on %(day)s") % {"day": _weekday_or_date(verdict.next_look, verdict.today)}


def _weekday_or_date(day: date, today: date | None) -> str:
    is_near = today is not None and (day - today).days <= DAYS_A_WEEK
    return date_format(day, "l" if is_near else "DATE_FORMAT")


def _describe_decided(verdict: Verdict, format_money: MoneyFormat) -> list[str]:
    is_better = verdict.state == VerdictState.BETTER
    sentences = [pgettext("personalization", "Better.") if is_better else pgettext("personalization", "Worse.")]
    sentences.append(_describe_lift(verdict.metric, verdict.lift))
    if verdict.money is not None and None not in verdict.money:
        low, guess, high = (format_money(round_to_two_digits(amount or 0.0)) for amount in verdict.money)
        sentences.append(
            _("About %(money)s a month, between %(low)s and %(high)s.") % {"money": guess, "low": low, "high": high}
        )
    if not is_better and not verdict.is_over:
        sentences.append(pgettext("personalization", "Stop it?"))
    return sentences


def _describe_lift(metric: PrimaryMetric, lift: NumberRange) -> str:
    """A lift that is on one side of 0."""
    low, guess, high = lift
    if low is None or guess is None:
        return _("How large the difference is cannot be said in percent.")
    if high is None:
        words = {
            PrimaryMetric.CONVERSION: _("At least %(low)s %% more visitors buy."),
            PrimaryMetric.REVENUE: _("At least %(low)s %% more revenue per visitor."),
            PrimaryMetric.MARGIN: _("At least %(low)s %% more margin per visitor."),
        }[metric]
        return words % {"low": format_percent(low)}
    words = {
        (PrimaryMetric.CONVERSION, True): _(
            "Between %(low)s %% and %(high)s %% more visitors buy (best guess %(guess)s %%)."
        ),
        (PrimaryMetric.CONVERSION, False): _(
            "Between %(low)s %% and %(high)s %% fewer visitors buy (best guess %(guess)s %%)."
        ),
        (PrimaryMetric.REVENUE, True): _(
            "Between %(low)s %% and %(high)s %% more revenue per visitor (best guess %(guess)s %%)."
        ),
        (PrimaryMetric.REVENUE, False): _(
            "Between %(low)s %% and %(high)s %% less revenue per visitor (best guess %(guess)s %%)."
        ),
        (PrimaryMetric.MARGIN, True): _(
            "Between %(low)s %% and %(high)s %% more margin per visitor (best guess %(guess)s %%)."
        ),
        (PrimaryMetric.MARGIN, False): _(
            "Between %(low)s %% and %(high)s %% less margin per visitor (best guess %(guess)s %%)."
        ),
    }[metric, guess > 0]
    small, large = sorted([abs(low), abs(high)])
    return words % {"low": format_percent(small), "high": format_percent(large), "guess": format_percent(guess)}


def _describe_undecided_end(verdict: Verdict) -> list[str]:
    sentences = [pgettext("personalization", "Not decided.")]
    if verdict.orders < verdict.min_orders:
        params = {"orders": format_count(verdict.orders), "floor": format_count(verdict.min_orders)}
        return [*sentences, _("It ended with %(orders)s of %(floor)s orders in the smaller group.") % params]
    low, high = verdict.lift.low, verdict.lift.high
    if low is not None and high is not None:
        sentences.append(
            _("If there is a difference, it is smaller than %(percent)s %%.")
            % {"percent": format_percent(max(abs(low), abs(high)))}
        )
    if verdict.weeks_needed is not None:
        sentences.append(_describe_longer(verdict.smallest_lift, verdict.weeks_needed))
    return sentences


def _describe_longer(lift: float, weeks: int) -> str:
    percent = format_percent(lift)
    if weeks > LONGEST_NAMED_WEEKS:
        return _("A new test that can find %(percent)s %% would need more than two years.") % {"percent": percent}
    return ngettext(
        "A new test that can find %(percent)s %% would need about %(weeks)s week.",
        "A new test that can find %(percent)s %% would need about %(weeks)s weeks.",
        weeks,
    ) % {"percent": percent, "weeks": format_count(weeks)}


def describe_manual_stop(stopped: ManualStop | None, *, decided: bool) -> str:
    """That somebody ended it before its time."""
    if stopped is None:
        return pgettext("personalization", "Stopped.")
    words = (
        _("Stopped by %(name)s in week %(week)s.")
        if decided
        else _("Stopped by %(name)s in week %(week)s; not decided.")
    )
    return words % {"name": stopped.name, "week": format_count(stopped.week)}
