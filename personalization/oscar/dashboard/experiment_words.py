"""Experiments in words: what each group sees, how far it is, and what can be said of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.timezone import get_default_timezone, localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure.experiment_plan import DAYS_A_WEEK
from personalization.measure.experiment_readings import judge_season, plan_of, started_on
from personalization.measure.interleaved_readings import judge_interleaved
from personalization.measure.interleaved_words import describe_interleaving, describe_limits, uneven_lead_causes
from personalization.measure.number_words import format_percent
from personalization.measure.verdict import VerdictState
from personalization.measure.verdict_words import describe_notes, describe_verdict, sample_ratio_causes
from personalization.merchandising.arm_words import arm_labels, policy_labels, policy_value
from personalization.merchandising.assignment import HOLDOUT
from personalization.merchandising.experiments import is_interleaved, named_definitions
from personalization.models import Definition, DefinitionState, Season, SeasonEnd
from personalization.oscar.dashboard.row_list import surface_label

Document = Mapping[str, Any]
MISLEADING = (VerdictState.SAMPLE_RATIO_MISMATCH, VerdictState.TOO_MANY_CROSSED)
"""With these no number of the groups may be read."""
ALARMING = (*MISLEADING, VerdictState.GUARDRAIL_BROKEN, VerdictState.WORSE)

WITHOUT_COMPARISON = {*MISLEADING, VerdictState.TOO_EARLY, VerdictState.GUARDRAIL_BROKEN, VerdictState.STOPPED}


@dataclass(frozen=True)
class Judgement:
    """What is said of a season, by its last look."""

    sentences: tuple[str, ...]
    """One for each group but the first; a single one where something holds for all."""
    comparison: str
    """Which group is compared with which; "" where nothing is."""
    notes: tuple[str, ...]
    causes: tuple[str, ...]
    """What usually makes groups smaller than they should be, where they are."""
    is_misleading: bool
    is_alarming: bool


def judgement_of(season: Season) -> Judgement:
    """The verdicts on a season in words, in the active language and the shop's currency."""
    if is_interleaved(season.document):
        return _judgement_of_orders(season)
    verdicts = judge_season(season)
    states = {verdict.state for verdict in verdicts}
    is_misleading = not states.isdisjoint(MISLEADING)
    notes = dict.fromkeys(note for verdict in verdicts for note in describe_notes(verdict))
    return Judgement(
        tuple(describe_verdict(verdict, format_money) for verdict in verdicts),
        "" if states <= WITHOUT_COMPARISON else describe_comparison(season.document),
        () if is_misleading else tuple(notes),
        tuple(sample_ratio_causes()) if VerdictState.SAMPLE_RATIO_MISMATCH in states else (),
        is_misleading,
        not states.isdisjoint(ALARMING),
    )


def _judgement_of_orders(season: Season) -> Judgement:
    verdict = judge_interleaved(season)
    is_misleading = verdict.state in MISLEADING
    return Judgement(
        (describe_interleaving(verdict, *arm_labels(season.document).values()),),
        "",
        () if is_misleading else tuple(describe_limits(verdict)),
        tuple(uneven_lead_causes()) if is_misleading else (),
        is_misleading,
        is_misleading,
    )


def format_money(amount: float) -> str:
    """An amount of the shop's currency, without tax."""
    return str(format_currency(round(amount, 2), settings.OSCAR_DEFAULT_CURRENCY))


def describe_comparison(document: Document) -> str:
    """Which group is compared with which."""
    control, *others = arm_labels(document).values()
    if len(others) > 1:
        return pgettext("personalization", "Each is compared with “%(control)s”.") % {"control": control}
    words = pgettext("personalization", "“%(group)s” is compared with “%(control)s”.")
    return words % {"group": others[0], "control": control}


def describe_state(definition: Definition, season: Season | None) -> str:
    """Whether it is a draft, runs, or how its newest season ended."""
    if season is not None and season.ended_at is None:
        return pgettext("personalization", "running")
    if definition.state == DefinitionState.ARCHIVED:
        return pgettext("personalization", "archived")
    if season is None:
        return pgettext("personalization", "draft")
    return describe_end(season)


def describe_end(season: Season) -> str:
    """How a season ended."""
    if season.end == SeasonEnd.STOPPED and season.stopped_by:
        return pgettext("personalization", "stopped by %(name)s") % {"name": season.stopped_by}
    return str(season.get_end_display())


def describe_progress(season: Season) -> str:
    """ "day 3 of 28" of one that runs; "" of others."""
    if season.ended_at is not None:
        return ""
    day = (localdate(timezone=get_default_timezone()) - started_on(season)).days + 1
    if day < 1:
        return _("Its weeks count from tomorrow on.")
    planned = season.document["weeks"] * DAYS_A_WEEK
    return pgettext("personalization", "day %(day)s of %(days)s") % {"day": min(day, planned), "days": planned}


def next_look_of(season: Season) -> date | None:
    """The day of the next look; None for a season that is over."""
    if season.ended_at is not None:
        return None
    return plan_of(season).look_day(len(season.looks) + 1)


def newest_numbers(season: Season) -> Document:
    """What was counted at the last look; before the first one, what was counted last; {} before anything was."""
    found: Document = season.looks[-1] if season.looks else season.newest
    return found


def experiment_name(definition: Definition) -> str:
    """What an experiment is called; the holdout in the reader's language."""
    return pgettext("personalization", "Holdout") if definition.key == HOLDOUT else definition.name


def experiment_question(document: Document, key: str) -> str:
    """What it is to find out; of the holdout in the reader's language. Parameters: `key` of the experiment."""
    return (
        pgettext("personalization", "What is personalisation worth?")
        if key == HOLDOUT
        else str(document.get("question", ""))
    )


def describe_surfaces(document: Document, key: str) -> str:
    """The pages on which the groups may differ. Parameters: `key` of the experiment."""
    if key == HOLDOUT:
        return pgettext("personalization", "the whole shop")
    return ", ".join(surface_label(name) for name in document.get("surfaces", ()))


def describe_groups(document: Document) -> str:
    """The groups with their shares, in one line; of interleaved orders, which everybody sees, what they are called."""
    labels = arm_labels(document)
    if is_interleaved(document):
        words = pgettext("personalization", "“%(first)s” and “%(second)s” in one list")
        first, second = labels.values()
        return words % {"first": first, "second": second}
    return " \N{MIDDLE DOT} ".join(f"{labels[arm['key']]} {format_percent(arm['share'])} %" for arm in document["arms"])


def describe_effect(does: Document, names: Mapping[int, str]) -> str:
    """What a group sees. Parameters: `names` of campaigns and rows, by key."""
    deleted = pgettext("personalization", "something deleted")
    if does.get("plain"):
        return _("sees the pages that a stranger sees")
    if "version" in does:
        chosen = does["version"]
        return pgettext("personalization", "sees version %(number)s of “%(name)s”") % {
            "number": chosen["number"],
            "name": names.get(chosen["definition"], deleted),
        }
    if "without" in does:
        return pgettext("personalization", "sees the shop without “%(name)s”") % {
            "name": names.get(does["without"], deleted)
        }
    if "policy" in does:
        labels = policy_labels()
        return ", ".join(f"{labels[name]}: {policy_value(name, number)}" for name, number in does["policy"].items())
    return pgettext("personalization", "sees the shop as it is")


def describe_order(does: Document) -> str:
    """How one of two interleaved orders comes about."""
    if does.get("plain"):
        return _("what a stranger gets: by what sells, and in a search by what others chose after it")
    strength = does.get("policy", {}).get("rerank_strength")
    if strength is None:
        return _("what the shop serves without the experiment")
    if not strength:
        return _("as the search engine found them, nothing moved")
    return _("personal, moved %(percent)s %% of the way from the search engine's order") % {"percent": strength}


def metric_label(document: Document) -> str:
    """What decides."""
    if is_interleaved(document):
        return _("from which order visitors choose more often")
    if document["primary"] == "revenue":
        return pgettext("personalization", "kept revenue per visitor")
    return pgettext("personalization", "share of visitors who buy")


def definition_names(found: Iterable[Document]) -> dict[int, str]:
    """The names of the campaigns and rows that these documents compare. One query, where there are any."""
    keys = {key for document in found for key in named_definitions(document)}
    return dict(Definition.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}
