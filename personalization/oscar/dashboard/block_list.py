"""The slots of content blocks, each with its blocks in their order and what came of them; what is done with one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import localdate, now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.measure.reports import Outcome, Period, read_block_outcomes
from personalization.merchandising import block_documents, documents, publishing
from personalization.models import AuditEntry, Definition, DefinitionKind
from personalization.oscar.dashboard.block_words import describe_block, shadowing
from personalization.oscar.dashboard.campaign_list import all_names, live_state, undoable
from personalization.oscar.dashboard.campaign_part_words import shown_document
from personalization.oscar.dashboard.definition_changes import change_by_button
from personalization.oscar.dashboard.screens import show
from personalization.shop.currencies import own_currency

KIND = DefinitionKind.BLOCK
PERIODS = (7, 28)
"""Days."""


@dataclass(frozen=True)
class BlockLine:
    """A block as the list shows it."""

    definition: Definition
    sentence: str
    state: str
    outcome: Outcome
    is_default: bool
    is_first: bool
    warning: str


@dataclass(frozen=True)
class SlotBlocks:
    """A slot, with its blocks in the order in which they count."""

    name: str
    lines: list[BlockLine]


@require_GET
def list_blocks(request: HttpRequest) -> HttpResponse:
    """All slots, each with its blocks and the numbers of a period."""
    chosen = request.GET.get("days", "")
    days = int(chosen) if chosen in map(str, PERIODS) else PERIODS[0]
    definitions = list(Definition.objects.of_kind(KIND).present().with_versions())
    yesterday = localdate() - timedelta(days=1)
    period = Period(yesterday - timedelta(days=days - 1), yesterday)
    outcomes = read_block_outcomes(period, own_currency())
    context = {
        "slots": _slots(definitions, outcomes),
        "days": days,
        "periods": PERIODS,
        "currency": own_currency(),
        "undo": undoable(request, KIND, definitions),
    }
    return show(request, "blocks", context, tab="blocks")


def _slots(definitions: Iterable[Definition], outcomes: Mapping[int, Outcome]) -> list[SlotBlocks]:
    known = [one for one in definitions if one.newest and one.newest.schema <= documents.newest_schema(KIND)]
    shown = {one: shown_document(one) for one in known}
    names = all_names(pair for document in shown.values() for pair in documents.references(KIND, document))
    found: dict[str, list[BlockLine]] = {}
    moment, above = now(), list[tuple[str, Mapping]]()
    for definition, document in shown.items():
        lines, state = found.setdefault(document["slot"], []), live_state(definition, moment)
        line = BlockLine(
            definition,
            describe_block(document, names),
            state,
            outcomes.get(definition.pk, Outcome()),
            block_documents.is_default(document),
            not lines,
            shadowing(document, above) if state == "live" else "",
        )
        lines.append(line)
        if state == "live":
            above.append((definition.name, document))
    return [SlotBlocks(slot, lines) for slot, lines in sorted(found.items())]


@require_POST
def change_block_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Pauses, resumes, archives or undoes a block."""
    definition = get_object_or_404(Definition, pk=pk, kind=KIND)
    change_by_button(request, definition, pgettext("personalization", "The shop follows in up to 10 seconds."))
    return HttpResponseRedirect(reverse("personalization:personalization-blocks"))


@require_POST
def move_block(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts a block before the one above it in its slot."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=KIND)
    others = list(Definition.objects.of_kind(KIND).present().with_versions())
    keys, own = [one.pk for one in others], _slot_of(definition)
    above = [index for index in range(keys.index(pk)) if _slot_of(others[index]) == own] if pk in keys else []
    if above:
        publishing.move(definition, request.user, band=definition.band, place=above[-1] + 1)
        words = pgettext("personalization", "“%(name)s” stands one place higher.")
        messages.success(request, words % {"name": definition.name})
    return HttpResponseRedirect(reverse("personalization:personalization-blocks"))


def _slot_of(definition: Definition) -> str:
    version = definition.live or definition.draft
    return str(version.document.get("slot", "")) if version else ""


@require_GET
def show_block_history(request: HttpRequest, pk: int) -> HttpResponse:
    """All versions of a block, and what was done with it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=KIND)
    newest = documents.newest_schema(KIND)
    versions = [one for one in definition.versions.order_by("-number")[:100] if one.schema <= newest]
    names = all_names(pair for one in versions for pair in documents.references(KIND, one.document))
    context = {
        "definition": definition,
        "versions": [(one, describe_block(one.document, names)) for one in versions],
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:100],
        "publish_address": reverse("personalization:personalization-block-publish", args=[pk]),
    }
    return show(request, "block_history", context, tab="blocks")
