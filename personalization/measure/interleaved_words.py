"""Verdicts on two interleaved orders in sentences, in the active language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.measure.interleaved_verdict import HALF, InterleavedVerdict
from personalization.measure.number_words import format_count
from personalization.measure.verdict import NumberRange, VerdictState
from personalization.measure.verdict_words import describe_days, describe_look, describe_manual_stop


def describe_interleaving(verdict: InterleavedVerdict, first: str, second: str) -> str:
    """The verdict in a few sentences. Parameters: what both orders are called."""
    orders = {"first": first, "second": second}
    return {
        VerdictState.SAMPLE_RATIO_MISMATCH: lambda: _(
            "The two orders did not stand first equally often, which chance alone decides. Something favours one of "
            "them; results would mislead."
        ),
        VerdictState.TOO_EARLY: lambda: _describe_too_few(verdict),
        VerdictState.STOPPED: lambda: describe_manual_stop(verdict.stopped, decided=False),
        VerdictState.BETTER: lambda: " ".join(
            [
                _("Visitors choose from “%(second)s” more often than from “%(first)s”.") % orders,
                _describe_share(verdict.share),
            ]
        ),
        VerdictState.WORSE: lambda: " ".join(
            [
                _("Visitors choose from “%(first)s” more often than from “%(second)s”.") % orders,
                _describe_share(_turned_round(verdict.share)),
            ]
        ),
        VerdictState.NO_DIFFERENCE: lambda: (
            _("Makes no difference worth having: fewer than %(lead)s of 100 choose from either.")
            % {"lead": format_count(100 * (HALF + verdict.smallest_lead))}
        ),
        VerdictState.UNDECIDED_AT_END: lambda: _undecided(_describe_end(verdict)),
        VerdictState.UNDECIDED: lambda: _undecided(_describe_range(verdict, second), describe_days(verdict)),
    }[verdict.state]()


def describe_limits(verdict: InterleavedVerdict) -> list[str]:
    """What the verdict does not say, and how it was counted, a sentence each."""
    found = [
        _(
            "This says from which of two orders visitors choose more often, never what that is worth in money. For "
            "that, compare them in groups, or ask the holdout."
        ),
        _(
            "Each visitor counts once a week, however much they click; an addition to the basket counts like three "
            "clicks, and who chose as much from both counts half for each."
        ),
    ]
    if verdict.stopped and verdict.state in (VerdictState.BETTER, VerdictState.WORSE):
        found.insert(0, describe_manual_stop(verdict.stopped, decided=True))
    return found


def uneven_lead_causes() -> list[str]:
    """What usually makes one order stand first more often, most frequent first."""
    return [
        _("A cache in front of the shop gives the list of one visitor to all."),
        _("The shop's own template or script sorts the cards again."),
        _("Robots, or a script error, leave out some of the cards in reports."),
    ]


def _describe_too_few(verdict: InterleavedVerdict) -> str:
    if verdict.choosers >= verdict.min_choosers:
        return _("Too early. The first look is %(day)s.") % {"day": describe_look(verdict)}
    params = {"choosers": format_count(verdict.choosers), "floor": format_count(verdict.min_choosers)}
    return _("Too few yet: %(choosers)s of %(floor)s visitors have chosen something from these lists.") % params


def _undecided(*sentences: str) -> str:
    return " ".join([pgettext("personalization", "Not decided."), *sentences])


def _turned_round(share: NumberRange) -> NumberRange:
    """The share of the other order."""
    low, guess, high = (None if end is None else 1 - end for end in share)
    return NumberRange(high, guess, low)


def _describe_share(share: NumberRange) -> str:
    """The share of the order that won."""
    low, guess, high = (format_count(100 * (end or 0.0)) for end in share)
    return _(
        "Of 100 visitors who chose something, between %(low)s and %(high)s chose more from it (best guess %(guess)s)."
    ) % {"low": low, "high": high, "guess": guess}


def _describe_range(verdict: InterleavedVerdict, second: str) -> str:
    low, _guess, high = verdict.share
    if low is None or high is None:
        return _("How large a difference may be cannot be said yet.")
    return _("Of 100 visitors who chose something, between %(low)s and %(high)s chose more from “%(second)s”.") % {
        "low": format_count(100 * low),
        "high": format_count(100 * high),
        "second": second,
    }


def _describe_end(verdict: InterleavedVerdict) -> str:
    if verdict.choosers < verdict.min_choosers:
        params = {"choosers": format_count(verdict.choosers), "floor": format_count(verdict.min_choosers)}
        return (
            _("It ended with %(choosers)s of the %(floor)s visitors it takes who chose something from these lists.")
            % params
        )
    low, _guess, high = verdict.share
    sentences = []
    if low is not None and high is not None:
        most = max(high, 1 - low)
        words = _("If visitors prefer one of them, at most %(most)s of 100 do.")
        sentences.append(words % {"most": format_count(100 * most)})
    if verdict.weeks_needed is not None:
        sentences.append(
            ngettext(
                "A new test that can tell %(lead)s of 100 from half would need about %(weeks)s week.",
                "A new test that can tell %(lead)s of 100 from half would need about %(weeks)s weeks.",
                verdict.weeks_needed,
            )
            % {
                "lead": format_count(100 * (HALF + verdict.smallest_lead)),
                "weeks": format_count(verdict.weeks_needed),
            }
        )
    return " ".join(sentences)
