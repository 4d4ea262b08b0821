"""The list of campaigns, which is the law: three blocks, and within a block the visible order."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import campaign_words, documents, publishing
from personalization.merchandising.compile_audience import compile_audience
from personalization.merchandising.compiled import Campaign, CompiledRules
from personalization.merchandising.conflicts import Conflict, find_conflicts, touched_products
from personalization.models import AuditEntry, Band, Definition, DefinitionKind, DefinitionState
from personalization.oscar.dashboard.campaign_reach import SMALL_AUDIENCE, PageCounter, count_customers_of
from personalization.oscar.dashboard.conflict_remedies import ConflictLine, conflict_lines
from personalization.oscar.dashboard.definition_changes import change_by_button
from personalization.oscar.dashboard.product_lines import read_lines
from personalization.oscar.dashboard.screens import is_part, show
from personalization.shop import named_objects

MOST_CONFLICTS = 4
"""The list says at most so many conflicts of a campaign in words; its editor says all."""
UNDO_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class CampaignLine:
    """A campaign as the list shows it."""

    definition: Definition
    sentence: str
    state: str
    """Its state, and where the clock says more, that: "scheduled" and "ended"."""
    touched: int | None = None
    """How many products it moves, shows or hides; None where that depends on the page, or it does not serve."""
    conflicts: tuple[ConflictLine, ...] = ()
    problems: tuple[str | Promise, ...] = ()
    surfaces: tuple[str, ...] = field(default=(), compare=False)
    position: int = 1
    """Its place among all of its block, from 1."""
    pages: int | None = None
    """On how many pages of the shop it acts; None where it does not serve."""
    audience: str = ""
    """For whom, in words."""
    references: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)
    """What of the shop it names, and which segments."""
    meant_products: Callable[[Iterable[int]], bool] = field(default=lambda keys: False, compare=False, repr=False)
    """Whether it acts on any of these products."""
    more_conflicts: int = 0
    """How many conflicts it has besides those in words."""
    part_count: int = 0
    """How many blocks, messages and segments belong to it."""


@require_GET
def list_campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns in the order in which they count, or those that the filters leave."""
    kinds = (DefinitionKind.CAMPAIGN, DefinitionKind.SEGMENT)
    present = list(Definition.objects.of_kinds(kinds).present().with_versions())
    definitions = [one for one in present if one.kind == DefinitionKind.CAMPAIGN]
    segments = {one.pk: one.name for one in present if one.kind == DefinitionKind.SEGMENT}
    lines = list(_campaign_lines(definitions, segments, read_rules_now()))
    chosen = {key: request.GET.get(key, "").strip()[:100] for key in ("state", "surface", "text", "product", "segment")}
    products = read_lines(chosen["product"]).product_ids if chosen["product"] else None
    shown = [line for line in lines if _is_meant(line, chosen, products)]
    blocks = [
        (band, [line for line in shown if line.definition.band == band]) for band in Band if any(shown) or not lines
    ]
    context = {
        "blocks": [(band.value, band.label, found) for band, found in blocks if found],
        "is_filtered": any(chosen.values()),
        "total": len(lines),
        "chosen": chosen,
        "states": _state_labels(),
        "surfaces": campaign_words.surface_labels(),
        "segments": [(str(key), name) for key, name in sorted(segments.items(), key=lambda pair: pair[1].casefold())],
        "unknown_product": products == (),
        "next_change": _next_change(definitions, now()),
        "undo": undoable(request, DefinitionKind.CAMPAIGN, definitions),
        "bands": Band.choices,
    }
    return show(request, "campaigns", context, tab="campaigns")


@require_POST
def change_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Pauses, resumes, archives or undoes a campaign."""
    definition = get_object_or_404(Definition, pk=pk, kind=DefinitionKind.CAMPAIGN)
    change_by_button(request, definition, _in_seconds())
    return _back_to_list()


@require_POST
def move_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts a campaign to another place of the list."""
    definition = get_object_or_404(Definition, pk=pk, kind=DefinitionKind.CAMPAIGN)
    band, place = request.POST.get("band", ""), request.POST.get("place", "")
    if "step" in request.POST:
        band, place = str(definition.band), str(max(_position(definition) + (request.POST["step"] == "down" or -1), 1))
    if band not in map(str, Band.values) or not (place.isascii() and place.isdigit() and len(place) < 6):
        messages.error(request, pgettext("personalization", "Expected a block and a place from 1."))
        return _back_to_list()
    got = publishing.move(definition, request.user, band=int(band), place=int(place))
    total = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().filter(band=int(band)).count()
    words = pgettext("personalization", "Moved “%(name)s” to place %(place)d of %(total)d.")
    messages.success(request, words % {"name": definition.name, "place": got, "total": total})
    return HttpResponseRedirect(f"{reverse('personalization:personalization-campaigns')}#campaign-{definition.pk}")


@require_GET
def show_customers(request: HttpRequest, pk: int) -> HttpResponse:
    """How many customers a campaign is for; a part of the list. Asked for as a page, the editor answers it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    if not is_part(request):
        return HttpResponseRedirect(reverse("personalization:personalization-campaign", args=[pk]))
    shown = definition.live or definition.draft
    who = compile_audience(shown.document.get("who", {}) if shown else {})
    count = count_customers_of(who, read_rules_now().segments)
    is_small = count is not None and count.members < SMALL_AUDIENCE
    percent = 100 * count.share if count else 0
    return show(request, "campaign_customers", {"count": count, "percent": percent, "is_small": is_small})


@require_GET
def show_history(request: HttpRequest, pk: int) -> HttpResponse:
    """All versions of a campaign, and what was done with it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    versions = list(definition.versions.order_by("-number")[:100])
    references = {pair for version in versions for pair in documents.references("campaign", version.document)}
    names = all_names(references)
    context = {
        "definition": definition,
        "versions": [(one, campaign_words.describe_campaign(one.document, names)) for one in versions],
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:100],
    }
    return show(request, "campaign_history", context, tab="campaigns")


def all_names(references: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The names of what definitions refer to: of the shop's objects and of segments."""
    references = set(references)
    segments = {key for kind, key in references if kind == "segment"}
    found = named_objects.names_of(references)
    if segments:
        rows = Definition.objects.filter(kind=DefinitionKind.SEGMENT, pk__in=segments).values_list("pk", "name")
        found.update({("segment", str(key)): name for key, name in rows})
    return found


def conflict_names(conflicts: Iterable[Conflict]) -> set[tuple[str, str]]:
    """The products that conflicts are about, as references."""
    return {("product", str(one.product)) for one in conflicts if one.product is not None}


def live_state(definition: Definition, moment: datetime) -> str:
    """The state of a definition as the clock sees it."""
    if definition.state == DefinitionState.LIVE and definition.ends_at and definition.ends_at <= moment:
        return "ended"
    if definition.state == DefinitionState.LIVE and definition.starts_at and definition.starts_at > moment:
        return "scheduled"
    return str(definition.state)


def _campaign_lines(
    definitions: list[Definition], segments: Mapping[int, str], rules: CompiledRules
) -> Iterable[CampaignLine]:
    moment = now()
    compiled = {campaign.id: campaign for campaign in rules.campaigns}
    serving = {one.pk for one in definitions if live_state(one, moment) in ("live", "scheduled")}
    conflicts = find_conflicts(campaign for campaign in rules.campaigns if campaign.id in serving)
    references = {
        pair for one in definitions if one.newest for pair in documents.references("campaign", one.newest.document)
    }
    names = named_objects.names_of(references | conflict_names(conflicts))
    names |= {("segment", str(key)): name for key, name in segments.items()}
    campaigns = {one.pk: one.name for one in definitions}
    by_campaign: dict[int, list[Conflict]] = {}
    for conflict in conflicts:
        by_campaign.setdefault(conflict.campaign, []).append(conflict)
    counter, positions, part_counts = PageCounter(), Counter[int](), Definition.objects.part_counts()
    for definition in definitions:
        shown = definition.live or definition.draft
        document: dict[str, Any] = shown.document if shown else {}
        campaign = compiled.get(definition.pk)
        own = list(dict.fromkeys(by_campaign.get(definition.pk, ())))
        positions[definition.band] += 1
        yield CampaignLine(
            definition,
            campaign_words.describe_campaign(document, names),
            live_state(definition, moment),
            touched_products(campaign) if campaign else None,
            tuple(conflict_lines(definition.pk, own[:MOST_CONFLICTS], names, campaigns)),
            rules.problems.get(definition.pk, ()),
            tuple(place["surface"] for place in document.get("where", ())),
            positions[definition.band],
            counter.count_pages(campaign) if campaign else None,
            campaign_words.describe_audience(document.get("who", {}), names),
            frozenset(documents.references("campaign", document)),
            partial(_acts_on, campaign) if campaign else lambda keys: False,
            max(len(own) - MOST_CONFLICTS, 0),
            part_counts.get(definition.pk, 0),
        )


def _acts_on(campaign: Campaign, product_ids: Iterable[int]) -> bool:
    """Whether any action of the campaign means one of these products."""
    keys = list(product_ids)
    return any(action.target.matching(keys, None) for action in campaign.actions)


def _position(definition: Definition) -> int:
    """The place of a campaign among all of its block, from 1."""
    block = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().filter(band=definition.band)
    return [*block.values_list("pk", flat=True)].index(definition.pk) + 1


def _is_meant(line: CampaignLine, chosen: Mapping[str, str], products: Collection[int] | None) -> bool:
    """Whether the filters leave this line. `products`: those that it has to act on or name; None for any."""
    if chosen["segment"] and ("segment", chosen["segment"]) not in line.references:
        return False
    if products is not None:
        is_named = any(("product", str(key)) in line.references for key in products)
        if not is_named and not line.meant_products(products):
            return False
    if chosen["state"] == "conflict" and not (line.conflicts or line.problems):
        return False
    if chosen["state"] not in ("", "conflict", line.state):
        return False
    if chosen["surface"] and chosen["surface"] not in line.surfaces:
        return False
    text = chosen["text"].casefold().strip()
    return not text or text in f"{line.definition.name} {line.sentence}".casefold()


def _state_labels() -> dict[str, str]:
    return {
        "draft": pgettext("personalization", "draft"),
        "scheduled": pgettext("personalization", "scheduled"),
        "live": pgettext("personalization", "live"),
        "paused": pgettext("personalization", "paused"),
        "ended": pgettext("personalization", "ended"),
        "conflict": pgettext("personalization", "needs attention"),
    }


def _next_change(definitions: Iterable[Definition], moment: datetime) -> tuple[datetime, Definition] | None:
    """When the next campaign starts or ends by its schedule."""
    coming = [
        (at, definition.pk, definition)
        for definition in definitions
        if definition.state == DefinitionState.LIVE
        for at in (definition.starts_at, definition.ends_at)
        if at and at > moment
    ]
    return min(coming)[::2] if coming else None


def undoable(request: HttpRequest, kind: str, definitions: Iterable[Definition]) -> Definition | None:
    """Which of these definitions of a kind this person published within the last minutes, and may undo with one
    click."""
    definitions, since = list(definitions), now() - UNDO_FOR
    if not any(one.published_at and one.published_at > since for one in definitions):
        return None
    user_id: Any = request.user.pk
    last = AuditEntry.objects.filter(by_id=user_id, kind=kind, at__gt=since).order_by("-at").first()
    if last is None or last.action not in ("publish", "restore"):
        return None
    live = (one for one in definitions if one.state == DefinitionState.LIVE)
    return next((one for one in live if one.pk == last.object_id), None)


def _in_seconds() -> str:
    return pgettext("personalization", "The shop follows in up to 10 seconds.")


def _back_to_list() -> HttpResponse:
    return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
