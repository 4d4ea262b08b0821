"""A campaign with all that belongs to it on one screen: its parts, and publishing, pausing and undoing them at once."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.measure.campaign_outcomes import read_campaign_report
from personalization.merchandising import campaign_words, documents, publishing
from personalization.merchandising.campaign_parts import as_part
from personalization.merchandising.segments import describe
from personalization.merchandising.stored_segments import stored_segment
from personalization.models import AuditEntry, Definition, DefinitionKind
from personalization.oscar.dashboard.block_words import describe_block
from personalization.oscar.dashboard.campaign_list import all_names, live_state
from personalization.oscar.dashboard.campaign_report_words import describe_campaign_effect
from personalization.oscar.dashboard.definition_changes import change_by_button
from personalization.oscar.dashboard.message_words import describe_message, message_refusals
from personalization.oscar.dashboard.screens import say_refusal, show
from personalization.shop import voucher_codes
from personalization.shop.currencies import own_currency

EDITORS = {
    DefinitionKind.BLOCK: "personalization-block",
    DefinitionKind.MESSAGE: "personalization-message",
    DefinitionKind.SEGMENT: "personalization-segment",
}
"""By kind of part, the address of its editor."""


@dataclass(frozen=True)
class PartLine:
    """A part as the screen shows it."""

    definition: Definition
    kind: str
    sentence: str
    state: str
    address: str
    """Of its editor."""


@require_GET
def show_whole(request: HttpRequest, pk: int) -> HttpResponse:
    """The campaign, its parts, and what would keep it from being published."""
    definition = find_campaign(pk)
    parts = list(Definition.objects.parts_of(pk))
    document = newest_document(definition)
    names, report = all_names(_all_references(definition, parts)), read_campaign_report(pk)
    context = {
        "definition": definition,
        "state": live_state(definition, now()),
        "sentence": campaign_words.describe_campaign(document, names),
        "voucher": document.get("voucher"),
        "held_back_percent": 100 * document.get("hold_back", 0.0),
        "starts": documents.moment(document.get("when", {}).get("from")),
        "ends": documents.moment(document.get("when", {}).get("to")),
        "parts": [_part_line(part, definition, document, names) for part in parts],
        "has_draft": any(one.draft is not None for one in (definition, *parts)),
        "refusals": publish_refusals(definition, parts),
        "report": report,
        "lines": (*report.parts, report.total) if report.total.treated.people or report.total.held_back.people else (),
        "effect": describe_campaign_effect(report),
        "codes": voucher_codes.count_codes(definition.voucher_set_id),
        "currency": own_currency(),
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:10],
    }
    return show(request, "campaign_whole", context, tab="campaigns")


@require_POST
def change_whole(request: HttpRequest, pk: int) -> HttpResponse:
    """Publishes, pauses, resumes, undoes or archives the campaign with all of its parts."""
    definition = find_campaign(pk)
    if request.POST.get("do") == "publish":
        _publish_whole(request, definition)
    else:
        after = pgettext("personalization", "The shop follows in up to 10 seconds.")
        change_by_button(request, definition, after)
    return HttpResponseRedirect(reverse("personalization:personalization-campaign-whole", args=[pk]))


def _publish_whole(request: HttpRequest, definition: Definition) -> None:
    refusals = publish_refusals(definition, list(Definition.objects.parts_of(definition.pk)))
    if refusals:
        messages.error(request, " ".join(refusals))
        return
    newest = definition.newest
    try:
        publishing.publish(definition, request.user, number=newest.number if newest else None)
    except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
        say_refusal(request, publishing.NotPossibleError(str(error)))
    else:
        words = pgettext("personalization", "“%(name)s” is live with all of its parts in up to 10 seconds.")
        messages.success(request, words % {"name": definition.name})


def newest_document(definition: Definition) -> dict[str, Any]:
    """What a definition says in its draft, or else live."""
    newest = definition.newest
    return documents.upgrade(definition.kind, newest.schema, newest.document) if newest else {}


def publish_refusals(definition: Definition, parts: list[Definition]) -> list[str]:
    """Why the campaign cannot be published with its parts: each sentence once, with the name of the part."""
    document, found = newest_document(definition), list[str]()
    who = {key: document.get("who", {}).get(key, []) for key in ("in", "out")}
    ends = documents.moment(document.get("when", {}).get("to"))
    if ends is not None and ends <= now():
        found.append(pgettext("personalization", "Its end has passed."))
    for part in parts:
        if part.kind == DefinitionKind.MESSAGE:
            acting = newest_document(part) | {"who": who}
            found += [f"{part.name}: {words}" for words in message_refusals(acting, is_part=True)]
    return found


def find_campaign(pk: int) -> Definition:
    """The campaign of this key with its versions; 404 for none."""
    found: Definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    return found


def _all_references(definition: Definition, parts: list[Definition]) -> set[tuple[str, str]]:
    return {pair for one in (definition, *parts) for pair in documents.references(one.kind, newest_document(one))}


def _part_line(part: Definition, owner: Definition, document: dict[str, Any], names: Any) -> PartLine:
    written = newest_document(part)
    if part.kind == DefinitionKind.SEGMENT:
        segment = stored_segment(part)
        sentence = describe(segment, names) if segment else ""
    elif part.kind == DefinitionKind.BLOCK:
        sentence = describe_block(as_part(written, owner.pk, document), names)
    else:
        sentence = describe_message(as_part(written, owner.pk, document) | {"hold_back": 0}, names)
    address = reverse(f"personalization:{EDITORS[DefinitionKind(part.kind)]}", args=[part.pk])
    return PartLine(part, str(DefinitionKind(part.kind).label), sentence, live_state(part, now()), address)
