"""The nightly run of experiments: counts their units, takes the weekly looks, watches for harm, and ends what is over.

It may be killed at any point, repeated, and run twice at once: outcomes are functions of what is stored, a look is
stored once, and a season ends once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from personalization.measure import traffic
from personalization.measure.capping import revenue_cap
from personalization.measure.choice_counts import count_choices, sum_choices
from personalization.measure.comparison import estimate_mean, estimate_ratio, estimate_share
from personalization.measure.experiment_counts import PAST, count_outcomes, sum_season
from personalization.measure.experiment_readings import day_start, plan_of, read_strata, read_sums, reading_of
from personalization.measure.guardrails import Guardrail, GuardrailBreach, find_breach, find_slow_pages
from personalization.measure.interleaved_readings import judge_interleaved
from personalization.measure.sample_size import (
    LOOKS_ALLOWANCE,
    choosers_needed,
    revenue_variance,
    share_variance,
    visitors_needed,
)
from personalization.merchandising import running_experiments
from personalization.merchandising.assignment import HOLDOUT
from personalization.merchandising.experiments import is_interleaved, may_change_searches
from personalization.models import Definition, Exposure, Season, SeasonEnd
from personalization.shop import order_values

MORE_THAN_USUAL = 1.25
"""Weeks may bring more visitors than the last ones; a plan that is reached early ends early."""
MIN_EXPECTED = 1_000
"""As many are planned for in the smallest shop."""
MIN_EXPECTED_CHOOSERS = 200
"""As many who choose from interleaved orders."""


@dataclass(frozen=True)
class ExperimentsResult:
    """What a run did."""

    seasons: int = 0
    """How many were counted."""
    looks: int = 0
    """How many weekly looks were taken."""
    ended: int = 0

    def __str__(self) -> str:
        return f"{self.seasons} experiments counted, {self.looks} looks taken, {self.ended} ended"


def start_experiment(definition: Definition, by: Any, now: datetime) -> Season:
    """Begins a season with the plan that fits the shop's traffic; see `running_experiments.start`."""
    version = definition.newest
    document = version.document if version else {}
    planned = 1
    if document and is_interleaved(document):
        weekly = traffic.read_choosers(document["surfaces"], now)
        planned = min(planned_choosers(document), expected_choosers(document, weekly))
    elif document:
        usual = traffic.read_traffic(now)
        planned = min(planned_visitors(document, usual), expected_visitors(document, usual))
    cap = revenue_cap(order_values.buyers_revenue(now - PAST, now))
    return running_experiments.start(definition, by, planned_visitors=planned, revenue_cap=cap)


def planned_visitors(document: Any, usual: traffic.Traffic) -> int:
    """How many visitors in all arms together it takes to find the smallest lift worth having, with weekly looks."""
    shares = sorted(arm["share"] for arm in document["arms"])
    smallest = shares[0] / (shares[0] + shares[-1])
    mean, variance = usual.conversion, share_variance(usual.conversion)
    if document["primary"] == "revenue":
        mean = usual.conversion * usual.average_order
        variance = revenue_variance(usual.conversion, usual.average_order)
    alpha = 0.05 / (len(shares) - 1)
    needed = visitors_needed(mean, variance, lift=document.get("smallest_lift", 0.05), share=smallest, alpha=alpha)
    return int(needed * LOOKS_ALLOWANCE * sum(shares) / (shares[0] + shares[-1])) + 1


def expected_visitors(document: Any, usual: traffic.Traffic) -> int:
    """At most how many visitors the arms will have in the weeks of the plan. Where that is less than it takes, the
    weekly bounds and the watch for harm go by it: by a number that is never reached they would see nothing."""
    shares = sum(arm["share"] for arm in document["arms"])
    return max(int(usual.visitors_a_week * document["weeks"] * shares * MORE_THAN_USUAL), MIN_EXPECTED)


def planned_choosers(document: Any) -> int:
    """How many visitors have to choose from interleaved orders to find the smallest lead worth having, with weekly
    looks."""
    return int(choosers_needed(document.get("smallest_lift", 0.05)) * LOOKS_ALLOWANCE) + 1


def expected_choosers(document: Any, weekly: float) -> int:
    """At most how many will choose in the weeks of the plan. Parameters: `weekly`, of all visitors."""
    shares = sum(arm["share"] for arm in document["arms"])
    return max(int(weekly * document["weeks"] * shares * MORE_THAN_USUAL), MIN_EXPECTED_CHOOSERS)


def measure_experiments(now: datetime) -> ExperimentsResult:
    """Counts all seasons whose numbers may still change; of the others it deletes the exposures, and the sums stay."""
    seasons = looks = ended = 0
    for season in Season.objects.select_related("definition").order_by("pk"):
        if season.is_settled(now):
            Exposure.objects.filter(season=season)._raw_delete(Exposure.objects.db)
            continue
        count = count_choices if is_interleaved(season.document) else count_outcomes
        count(season, now)
        looks += _store_numbers(season, now)
        seasons += 1
        if season.ended_at is None:
            ended += _end_if_over(season, now)
    return ExperimentsResult(seasons, looks, ended)


def _store_numbers(season: Season, now: datetime) -> int:
    """Stores the newest sums, and the looks that are due; how many. A look is taken once and never changes."""
    plan, sum_before = plan_of(season), sum_choices if is_interleaved(season.document) else sum_season
    newest = sum_before(season, min(now, season.ended_at or now))
    with transaction.atomic():
        stored = Season.objects.select_for_update().get(pk=season.pk)
        looks = list(stored.looks)
        while stored.ended_at is None and len(looks) < plan.weeks:
            until = day_start(plan.look_day(len(looks) + 1))
            if until > now:
                break
            looks.append(sum_before(season, until))
        taken = len(looks) - len(stored.looks)
        stored.newest, stored.looks = newest, looks
        stored.save(update_fields=["newest", "looks"])
    season.newest, season.looks = newest, looks
    return taken


def _end_if_over(season: Season, now: datetime) -> bool:
    if is_interleaved(season.document):
        if judge_interleaved(season).is_over:
            running_experiments.end_season(season, SeasonEnd.PLANNED, now)
            return True
        return False
    plan, reading = plan_of(season), reading_of(season)
    breach = None if season.definition.key == HOLDOUT else find_harm(season)
    if breach is not None:
        stored = {**vars(breach), "guardrail": breach.guardrail.value}
        running_experiments.end_season(season, SeasonEnd.HARM, now, breach=stored)
        return True
    looks = reading.visitors_at_looks
    is_holdout = season.definition.key == HOLDOUT
    enough = bool(looks) and looks[-1] >= plan.visitors and not is_holdout
    if len(looks) >= plan.weeks or enough:
        running_experiments.end_season(season, SeasonEnd.PLANNED, now, next_season=is_holdout)
        return True
    return False


def find_harm(season: Season) -> GuardrailBreach | None:
    """What an arm breaks beyond doubt, by the newest numbers; None for nothing. Watched every day: the test holds at
    whatever moment it is read."""
    plan, arms = plan_of(season), season.newest.get("arms", {})
    control = arms.get(plan.arms[0].key, {})
    for planned in plan.arms[1:]:
        arm = arms.get(planned.key, {})
        label = planned.key if len(plan.arms) > 2 else ""  # its label is made when it is told
        for guardrail, estimate, column in _watched(season.document):
            pair = [estimate(_total(one.get(column))) for one in (control, arm)]
            events = sum(_events(one, guardrail) for one in (control, arm))
            breach = find_breach(guardrail, *pair, label=label, events=events, tuned_for=plan.visitors)
            if breach is not None:
                return breach
        if slow := find_slow_pages(control.get("page_time", ()), arm.get("page_time", ()), label=label):
            return slow
    return None


def _watched(document: Mapping[str, Any]) -> list[tuple[Guardrail, Any, str]]:
    primary = document["primary"]
    searches = (Guardrail.ZERO_RESULTS, Guardrail.SECOND_SEARCHES) if may_change_searches(document) else ()
    return [
        (Guardrail.PRIMARY, estimate_share if primary == "conversion" else estimate_mean, primary),
        (Guardrail.LOST_SHARE, estimate_ratio, "lost_share"),
        (Guardrail.NOT_INTERESTED, estimate_share, "not_interested"),
        (Guardrail.OPT_OUTS, estimate_share, "opt_outs"),
        *((one, estimate_ratio, one.value) for one in searches),
    ]


def _total(stored: Any) -> Any:
    return read_strata(stored).total if isinstance(stored, dict) else read_sums(stored)


def _events(arm: Any, guardrail: Guardrail) -> float:
    """What a guardrail counts in an arm: orders for money, people for the rest."""
    if guardrail in (Guardrail.PRIMARY, Guardrail.LOST_SHARE):
        return float(arm.get("orders", 0))
    return float(_total(arm.get(guardrail.value)).y)
