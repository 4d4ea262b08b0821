"""The list of segments: each in a sentence, with who uses it. Counts come after, each by itself."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.lifecycle.audiences import NoAudience, audience_lines, audience_of, record_export
from personalization.merchandising import publishing, segments
from personalization.merchandising.segment_counts import suggest_segments
from personalization.merchandising.segments import CompiledSegment, Segment
from personalization.merchandising.stored_segments import compiled_segment, stored_segment
from personalization.models import AuditAction, AuditEntry, Definition, DefinitionKind, Reference
from personalization.oscar.dashboard.campaign_list import undoable
from personalization.oscar.dashboard.csv_files import csv_download
from personalization.oscar.dashboard.screens import say_refusal, show
from personalization.shop import segment_choices


@dataclass(frozen=True)
class SegmentLine:
    """A segment as the list shows it."""

    definition: Definition
    sentence: str
    users: tuple[Definition, ...]
    changed_by: str


@require_GET
def list_segments(request: HttpRequest) -> HttpResponse:
    """All segments by name, or those that the filters leave; where there is none, three to begin with."""
    definitions = list(Definition.objects.of_kind(DefinitionKind.SEGMENT).present().with_versions().order_by("name"))
    chosen = {key: request.GET.get(key, "") for key in ("state", "used", "text")}
    context: dict[str, Any] = {
        "lines": [line for line in _lines(definitions) if _is_meant(line, chosen)],
        "total": len(definitions),
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "suggestions": [] if definitions else suggest_segments(time.time()),
        "undo": undoable(request, DefinitionKind.SEGMENT, definitions),
    }
    return show(request, "segments", context, tab="segments")


@require_POST
def change_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Archives a segment that nothing uses, or undoes what was last done with it."""
    definition = get_object_or_404(Definition, pk=pk, kind=DefinitionKind.SEGMENT)
    changes: dict[str, tuple[Callable[[Definition, Any], object], str]] = {
        "archive": (publishing.archive, pgettext("personalization", "“%(name)s” is archived.")),
        "undo": (publishing.undo, pgettext("personalization", "Undone: “%(name)s” is as before.")),
    }
    if request.POST.get("do") in changes:
        change, words = changes[request.POST["do"]]
        try:
            change(definition, request.user)
            messages.success(request, words % {"name": definition.name})
        except publishing.NotPossibleError as error:
            users = Reference.objects.users_of("segment", definition.pk)
            if request.POST["do"] == "archive" and users:
                return show(
                    request, "segment_used", {"definition": definition, "users": users}, tab="segments", status=409
                )
            say_refusal(request, error)
        except publishing.InvalidDocumentError as error:
            messages.error(request, str(error))
    return HttpResponseRedirect(reverse("personalization:personalization-segments"))


@require_POST
def export_members(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """The customers who are in it, as CSV, or of them those who may be handed to another tool; the audit tells of
    it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.SEGMENT)
    segment = stored_segment(definition)
    if segment is None:
        messages.error(request, pgettext("personalization", "A newer release wrote this segment."))
        return HttpResponseRedirect(reverse("personalization:personalization-segments"))
    if "audience" in request.POST:
        return _download_audience(request, definition)
    AuditEntry.objects.record(
        request.user, AuditAction.EXPORT, kind=definition.kind, object_id=definition.pk, note=definition.name
    )
    return csv_download(definition.key, _csv_rows(compiled_segment(segment)))


def _download_audience(request: HttpRequest, definition: Definition) -> HttpResponse | StreamingHttpResponse:
    try:
        audience = audience_of(definition, now(), is_hashed=request.POST["audience"] == "hashed")
    except NoAudience as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("personalization:personalization-segments"))
    record_export(audience, request.user, "by download")
    response = StreamingHttpResponse(audience_lines(audience, "csv"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audience-{definition.key}.csv"'
    response["Cache-Control"] = "no-store, private"
    return response


def names_of(found: Iterable[Segment]) -> dict[tuple[str, int], str]:
    """The names of all that these segments name."""
    references = {reference for segment in found for reference in segments.referenced(segment)}
    names = segment_choices.names_of(references)
    keys = [key for kind, key in references if kind == "segment"]
    if keys:
        rows = Definition.objects.filter(kind=DefinitionKind.SEGMENT, pk__in=keys).values_list("pk", "name")
        names.update({("segment", key): name for key, name in rows})
    return names


def _lines(definitions: list[Definition]) -> list[SegmentLine]:
    found = {one.pk: stored_segment(one) for one in definitions}
    names = names_of(segment for segment in found.values() if segment)
    users = Reference.objects.users_by_key("segment")
    unreadable = pgettext("personalization", "A newer release wrote this segment.")
    return [
        SegmentLine(
            one,
            segments.describe(segment, names) if (segment := found[one.pk]) else unreadable,
            tuple(users.get(str(one.pk), ())),
            one.newest.by_name if one.newest else "",
        )
        for one in definitions
    ]


def _is_meant(line: SegmentLine, chosen: Mapping[str, str]) -> bool:
    """Whether the filters leave this line."""
    if chosen["state"] not in ("", line.definition.state):
        return False
    if chosen["used"] and (chosen["used"] == "yes") != bool(line.users):
        return False
    text = chosen["text"].casefold().strip()
    return not text or text in f"{line.definition.name} {line.sentence}".casefold()


def _csv_rows(segment: CompiledSegment) -> Iterator[tuple[Any, ...]]:
    yield ("customer_id", "name", "email")
    for user in segment.customers(time.time()).order_by("pk").iterator(chunk_size=1000):
        email = getattr(user, user.get_email_field_name(), "")
        yield (user.pk, user.get_full_name() or user.get_username(), email)
