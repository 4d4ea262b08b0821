"""The overview: whether all is well, what to do next, what people look for in vain and wait for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localdate, localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.decide.active_rules import get_active_rules
from personalization.health import Health, read_health
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.conflicts import find_conflicts
from personalization.models import Definition, DefinitionKind, DefinitionState, Event
from personalization.models.fail_open import fail_open
from personalization.models.job_history import NOTHING_KNOWN, Job, read_job_runs
from personalization.operations.doctor import daily_findings
from personalization.operations.findings import Finding, Severity
from personalization.oscar import search_engine
from personalization.oscar.dashboard.campaign_list import live_state
from personalization.oscar.dashboard.earned_lines import earned_lines
from personalization.oscar.dashboard.experiment_list import holdout_sentences
from personalization.oscar.dashboard.health_lines import HOUR, health_line
from personalization.oscar.dashboard.screens import show
from personalization.privacy.retention import day_bounds
from personalization.shop import data_sources, search_log, waiting_products

FEW_ORDERS = 20
"""With fewer orders a training run has nothing to say."""
ASKED_SEARCHES = 25
"""As many of the most frequent searches are put to the engine."""
SHOWN_SEARCHES = 8
SHOWN_PRODUCTS = 5


@dataclass(frozen=True)
class NextStep:
    """The one thing to do next."""

    sentence: str
    link: str = ""
    button: str = ""
    command: str = ""
    """What to run on the server."""


@dataclass(frozen=True)
class Findings:
    """What the next step is chosen from; None for what could not be read."""

    health: Health | None
    orders: int | None
    """How many orders there ever were; None where nobody asked."""
    campaigns: list[Definition] | None
    rules: CompiledRules
    vain_searches: list[search_log.SearchCount] | None
    doctor: Sequence[Finding] = ()


@require_GET
def show_overview(request: HttpRequest) -> HttpResponse:
    """Everything on one page; each part fails alone."""
    moment = now()
    health = campaigns = orders = today = events = training = None
    settings = conf.get_settings()
    context: dict[str, Any] = {"search_days": settings.SEARCH_RETENTION_DAYS, "least": settings.MIN_CUSTOMERS}
    with fail_open("Reading the health for the overview", whole_page=True):
        health = read_health(moment)
        runs = read_job_runs(moment) if health.has_database else NOTHING_KNOWN
        context["findings"] = daily_findings(moment, runs)
        training = runs.last_run(Job.TRAIN)
    with fail_open("Counting what arrives for the overview", whole_page=True):
        events = Event.objects.count_since(moment - HOUR)
        today = data_sources.count_orders(since=day_bounds(localdate(moment)))
        if health is not None and not health.has_snapshot:
            orders = data_sources.count_orders()
    if health is not None:
        found = context.get("findings", [])
        context["health"] = health_line(health, moment, found, events=events, orders=today, training=training)
    with fail_open("Looking for searches without results", whole_page=True):
        context["searches"] = _vain_searches(moment)
    with fail_open("Looking for products that people wait for", whole_page=True):
        context["waiting"] = waiting_products.waiting_products(SHOWN_PRODUCTS)
    with fail_open("Reading the campaigns for the overview", whole_page=True):
        campaigns = list(Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present())
    with fail_open("Reading what was earned for the overview", whole_page=True):
        context["earned"] = earned_lines(localdate(moment))
    with fail_open("Reading what the holdout says for the overview", whole_page=True):
        context["holdout"] = holdout_sentences()
    findings = Findings(
        health, orders, campaigns, get_active_rules(), context.get("searches"), context.get("findings", ())
    )
    context["step"] = next_step(findings, moment)
    context["searches"] = context["searches"][:SHOWN_SEARCHES] if "searches" in context else None
    return show(request, "overview", context, tab="overview")


def next_step(findings: Findings, moment: datetime) -> NextStep | None:
    """The first of all steps that applies; None when something could not be read and nothing before it applies."""
    steps: Iterable[Callable[[Findings, datetime], NextStep | None]] = (
        _first_training,
        _missed_job,
        _doctor_finding,
        _campaign_in_need,
        _colliding_campaigns,
        _ending_campaign,
        _vain_search,
    )
    for step in steps:
        if found := step(findings, moment):
            return found
    if None in (findings.health, findings.campaigns, findings.vain_searches):
        return None
    return NextStep(pgettext("personalization", "Nothing to do."))


def _first_training(findings: Findings, moment: datetime) -> NextStep | None:
    health, orders = findings.health, findings.orders
    if health is None or orders is None or health.has_snapshot or not health.has_database:
        return None
    if orders < FEW_ORDERS:
        words = npgettext(
            "personalization",
            "Your shop has %(orders)d order. From about %(few)d on there is something to learn; until then rows show"
            " what is new.",
            "Your shop has %(orders)d orders. From about %(few)d on there is something to learn; until then rows show"
            " what is new.",
            orders,
        )
        return NextStep(words % {"orders": orders, "few": FEW_ORDERS})
    words = _("Nothing has been learned yet, and there are enough orders. Run this on the server, then daily:")
    return NextStep(words, command="python manage.py personalization_train")


def _missed_job(findings: Findings, moment: datetime) -> NextStep | None:
    health = findings.health
    if health is None or not health.has_database or not health.jobs_overdue:
        return None
    return NextStep(
        _("A daily job was missed."),
        reverse("personalization:personalization-data"),
        pgettext("personalization", "Data and jobs"),
    )


def _doctor_finding(findings: Findings, moment: datetime) -> NextStep | None:
    found = [one for one in findings.doctor if one.severity > Severity.NOTE]
    if not found:
        return None
    worst = max(found, key=lambda one: one.severity)
    return NextStep(
        f"{worst.fault} {worst.remedy}",
        reverse("personalization:personalization-data"),
        pgettext("personalization", "Data and jobs"),
    )


def _campaign_in_need(findings: Findings, moment: datetime) -> NextStep | None:
    serving = _serving(findings.campaigns, moment)
    broken = [one for one in serving if findings.rules.problems.get(one.pk)]
    if not broken:
        return None
    words = npgettext(
        "personalization",
        "%(count)d campaign needs attention: something that it names is gone or empty.",
        "%(count)d campaigns need attention: something that they name is gone or empty.",
        len(broken),
    )
    return _campaign_step(words % {"count": len(broken)}, "conflict")


def _colliding_campaigns(findings: Findings, moment: datetime) -> NextStep | None:
    keys = {one.pk for one in _serving(findings.campaigns, moment)}
    conflicts = find_conflicts(one for one in findings.rules.campaigns if one.id in keys)
    colliding = {key for one in conflicts for key in (one.campaign, one.other)}
    if not colliding:
        return None
    words = ngettext("%(count)d campaign collides.", "%(count)d campaigns collide.", len(colliding))
    return _campaign_step(words % {"count": len(colliding)}, "conflict")


def _ending_campaign(findings: Findings, moment: datetime) -> NextStep | None:
    soon = [
        one
        for one in _serving(findings.campaigns, moment)
        if one.ends_at and localdate(one.ends_at) <= localdate(moment) + timedelta(days=1)
    ]
    if not soon:
        return None
    first = min(soon, key=lambda one: (one.ends_at, one.pk))
    is_today = localdate(first.ends_at) == localdate(moment)
    words = (
        pgettext("personalization", "“%(name)s” ends today at %(at)s.")
        if is_today
        else pgettext("personalization", "“%(name)s” ends tomorrow at %(at)s.")
    )
    sentence = words % {"name": first.name, "at": f"{localtime(first.ends_at):%H:%M}"}
    return NextStep(
        sentence,
        reverse("personalization:personalization-campaign", args=[first.pk]),
        pgettext("personalization", "Open the campaign"),
    )


def _vain_search(findings: Findings, moment: datetime) -> NextStep | None:
    if not findings.vain_searches:
        return None
    most = findings.vain_searches[0]
    words = npgettext(
        "personalization",
        "“%(query)s” was searched for %(count)d time, and nothing is found for it.",
        "“%(query)s” was searched for %(count)d times, and nothing is found for it.",
        most.searches,
    )
    return NextStep(
        words % {"query": most.query, "count": most.searches},
        reverse("personalization:personalization-campaign-create") + "?" + urlencode({"word": most.query}),
        pgettext("personalization", "Make a campaign for this word"),
    )


def _campaign_step(sentence: str, state: str) -> NextStep:
    link = reverse("personalization:personalization-campaigns") + f"?state={state}"
    return NextStep(sentence, link, pgettext("personalization", "Show them"))


def _serving(campaigns: Iterable[Definition] | None, moment: datetime) -> list[Definition]:
    live = [one for one in campaigns or () if one.state == DefinitionState.LIVE]
    return [one for one in live if live_state(one, moment) in ("live", "scheduled")]


def _vain_searches(moment: datetime) -> list[search_log.SearchCount]:
    """The frequent searches of enough people to be about none of them, for which the engine finds nothing now."""
    settings = conf.get_settings()
    since = moment - timedelta(days=settings.SEARCH_RETENTION_DAYS)
    frequent = search_log.frequent_searches(
        since,
        anonymous=Event.objects.anonymous_searches(since),
        min_people=settings.MIN_CUSTOMERS,
        limit=ASKED_SEARCHES,
    )
    missing = set(search_engine.queries_without_results((one.query for one in frequent), get_active_rules().search))
    return [one for one in frequent if one.query in missing]
