"""Writing a segment: the form, and beside it how many customers it holds while it is typed."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from personalization.merchandising import documents, publishing, segment_counts, segments
from personalization.merchandising.segment_counts import SegmentCount
from personalization.merchandising.segments import Segment, compile_segment, parse_segment
from personalization.merchandising.stored_segments import (
    NOTHING_SENSITIVE,
    compiled_segment,
    read_segments,
    stored_segment,
)
from personalization.models import Definition, DefinitionKind, DefinitionState, Reference
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.condition_forms import Choices, ConditionForm
from personalization.oscar.dashboard.screens import is_part, posted_number, say_refusal, show
from personalization.oscar.dashboard.segment_forms import SegmentForms
from personalization.oscar.dashboard.segment_list import names_of
from personalization.shop import named_objects, segment_choices

PREFIX = re.compile(r"g[0-4]-(\d{1,2}|__prefix__)")
MOST_COMPARED = 5
SAMPLE = 5


@dataclass(frozen=True)
class Members:
    """What is known of those who are in a segment."""

    sentence: str
    count: SegmentCount | None
    """None where counting took too long."""
    value: tuple[Decimal, ...] | None = None
    value_of_all: tuple[Decimal, ...] | None = None
    sample: tuple[Any, ...] = ()
    overlap: tuple[tuple[str, int | None], ...] = ()

    @property
    def percent(self) -> float:
        """The part of all customers, in percent."""
        return 100 * self.count.share if self.count else 0


@require_http_methods(["GET", "POST"])
def create_segment(request: HttpRequest) -> HttpResponse:
    """An empty form, or a draft of one of the suggestions; posting the form makes the segment live."""
    number = request.POST.get("suggestion", "")
    if number:
        return _create_suggested(request, number)
    forms = _forms(request, "", {})
    context = _context(request, forms, None, 0)
    written = _written(request, forms, None)
    if written is None:
        return show(request, "segment_form", context, tab="segments")
    try:
        with transaction.atomic():
            name = forms.form.cleaned_data["name"]
            definition = publishing.create(DefinitionKind.SEGMENT, name, written, request.user)
            publishing.publish(definition, request.user)
    except publishing.InvalidDocumentError as error:
        _say_errors(forms, error)
    except publishing.NotPossibleError as error:
        forms.form.add_error("name", str(error))
    else:
        return _after_publishing(request, definition)
    return show(request, "segment_form", context, tab="segments")


@require_http_methods(["GET", "POST"])
def edit_segment(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form. Posting it makes it live; while live definitions use it, a page asks first."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.SEGMENT)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"segment {pk} has no version")
    forms = _forms(request, definition.name, documents.upgrade("segment", shown.schema, shown.document), pk)
    context = _context(request, forms, definition, shown.number)
    written = _written(request, forms, definition)
    if written is None:
        return show(request, "segment_form", context, tab="segments")
    number = posted_number(request, "base")
    try:
        with transaction.atomic():
            name = forms.form.cleaned_data["name"]
            publishing.save_draft(definition, written, request.user, base=number, name=name)
            definition = Definition.objects.with_versions().get(pk=pk)
            must_ask = definition.draft is not None and bool(_live_users(pk))
            if definition.draft is not None and not must_ask:
                publishing.publish(definition, request.user)
    except publishing.ChangedMeanwhileError as error:
        context |= {"meanwhile": error.newest, "theirs": _sentence(error.newest.document), "mine": _sentence(written)}
        return show(request, "segment_form", context, tab="segments", status=409)
    except publishing.InvalidDocumentError as error:
        _say_errors(forms, error)
    except publishing.NotPossibleError as error:
        forms.form.add_error("name", str(error))
    else:
        if must_ask:
            return HttpResponseRedirect(reverse("personalization:personalization-segment-publish", args=[pk]))
        return _after_publishing(request, definition)
    return show(request, "segment_form", context, tab="segments")


@require_http_methods(["GET", "POST"])
def publish_segment(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, with who is in it before and after; posting it makes the draft live."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.SEGMENT)
    if definition.draft is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-segments"))
    if request.method == "POST":
        try:
            publishing.publish(definition, request.user)
        except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
            say_refusal(request, publishing.NotPossibleError(str(error)))
            return HttpResponseRedirect(reverse("personalization:personalization-segment", args=[pk]))
        return _after_publishing(request, definition)
    context = {
        "definition": definition,
        "users": Reference.objects.users_of("segment", pk),
        "before": _members(definition.live.document) if definition.live else None,
        "after": _members(definition.draft.document),
    }
    return show(request, "segment_publish", context, tab="segments")


@require_http_methods(["GET", "POST"])
def show_count(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """Who is in the segment of the form; asked without one, how many are in the stored segment. Parts of a page."""
    if request.method == "POST":
        forms = _forms(request, "", {}, pk)
        return show(request, "segment_members", {"members": _typed_members(request, forms, pk)})
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.SEGMENT)
    if not is_part(request):
        address = reverse("personalization:personalization-segment", args=[pk])
        return HttpResponseRedirect(f"{address}?count=1")
    segment = stored_segment(definition)
    count = segment_counts.count_customers(compiled_segment(segment), time.time()) if segment else None
    return show(request, "segment_count", {"count": count, "percent": 100 * count.share if count else 0})


@require_GET
def show_condition(request: HttpRequest) -> HttpResponse:
    """A line with the inputs of the field that was chosen in it; a part of the page."""
    prefix = request.GET.get("prefix", "")
    if not PREFIX.fullmatch(prefix):
        raise Http404
    initial = {"field": request.GET.get(f"{prefix}-field", "")}
    form = ConditionForm(initial=initial, prefix=prefix, choices_of=_choices(_key(request.GET.get("segment", ""))))
    return show(request, "parts/condition_line", {"line": form, "is_fresh": True})


def _create_suggested(request: HttpRequest, number: str) -> HttpResponse:
    suggestions = segment_counts.suggest_segments(time.time())
    if number not in {str(index) for index in range(len(suggestions))}:
        raise Http404
    chosen = suggestions[int(number)]
    try:
        definition = publishing.create(DefinitionKind.SEGMENT, chosen.name[:60], chosen.document, request.user)
    except publishing.NotPossibleError as error:
        say_refusal(request, error)
        return HttpResponseRedirect(reverse("personalization:personalization-segments"))
    return HttpResponseRedirect(reverse("personalization:personalization-segment", args=[definition.pk]))


def _forms(request: HttpRequest, name: str, document: dict[str, Any], pk: int = 0) -> SegmentForms:
    titles = named_objects.names_of(documents.references("segment", document)) if document else {}
    data = request.POST if request.method == "POST" else None
    return SegmentForms(data, name, document, titles, _choices(pk))


def _choices(pk: int) -> Any:
    """(kind) -> what can be named of it, read once for all lines; segments without the one of this key."""

    @cache
    def choices_of(kind: str) -> Choices:
        return _other_segments(pk) if kind == "segment" else segment_choices.choices_of(kind)

    return choices_of


def _other_segments(pk: int) -> Choices:
    """The live segments that another may name: those that name none themselves."""
    rows = Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT).exclude(pk=pk).order_by("name")
    found = ((one, stored_segment(one)) for one in rows)
    return [(one.pk, one.name) for one, segment in found if segment is not None and not _named_segments(segment)]


def _named_segments(segment: Segment) -> list[int]:
    return [key for kind, key in segments.referenced(segment) if kind == "segment"]


def _context(request: HttpRequest, forms: SegmentForms, definition: Definition | None, base: int) -> dict[str, Any]:
    pk = definition.pk if definition else 0
    others = Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT).exclude(pk=pk).order_by("name")
    context: dict[str, Any] = {
        "forms": forms,
        "definition": definition,
        "base": base,
        "others": list(others.values_list("pk", "name")),
        "compared": request.POST.getlist("overlap"),
        "users": Reference.objects.users_of("segment", pk) if pk else (),
    }
    if "count" in request.POST:
        context |= {"members": _typed_members(request, forms, pk), "is_counted": True}
    elif "count" in request.GET and definition is not None and definition.newest:
        context |= {"members": _members(definition.newest.document, request), "is_counted": True}
    return context


def _written(request: HttpRequest, forms: SegmentForms, definition: Definition | None) -> dict[str, Any] | None:
    """The document that is to be stored; None where the page is only shown, or something is marked in it."""
    if request.method != "POST" or {"count", "more"} & request.POST.keys():
        return None
    if not has_permission(request.user, "change_segments") or not forms.is_valid():
        return None
    document = forms.document()
    segment, errors = parse_segment(document)
    for path, message in errors:
        forms.add_message(path, message)
    if segment is None:
        return None
    if refusal := _nesting_refusal(segment, definition):
        forms.form.add_error(None, refusal)
        return None
    return document


def _nesting_refusal(segment: Segment, definition: Definition | None) -> str:
    """Why it may not name the segments that it names: "" where it may."""
    named = _named_segments(segment)
    if not named:
        return ""
    if definition is not None and definition.pk in named:
        return pgettext("personalization", "A segment may not use itself.")
    for user in Reference.objects.users_of("segment", definition.pk) if definition else ():
        if user.kind == DefinitionKind.SEGMENT:
            return pgettext(
                "personalization", "“%(name)s” uses this segment already, so it cannot use another one."
            ) % {"name": user.name}
    if nested := [key for key, one in read_segments(named).items() if _named_segments(one)]:
        names = dict(Definition.objects.filter(pk__in=nested).values_list("pk", "name"))
        return pgettext("personalization", "“%(name)s” uses another segment itself, so it cannot be used here.") % {
            "name": names[nested[0]]
        }
    return ""


def _typed_members(request: HttpRequest, forms: SegmentForms, pk: int) -> Members | None:
    """Who is in the segment of the form; None while it is none yet."""
    if not forms.can_be_read():
        return None
    document = forms.document()
    return _members(document, request, pk) if parse_segment(document)[0] is not None else None


def _members(document: Mapping[str, Any], request: HttpRequest | None = None, pk: int = 0) -> Members | None:
    """Who is in the segment of a document. With a request also what this person may see of them."""
    segment = parse_segment(document, NOTHING_SENSITIVE)[0]
    if segment is None:
        return None
    sentence, now = segments.describe(segment, names_of([segment])), time.time()
    compiled = compiled_segment(segment)
    count = segment_counts.count_customers(compiled, now)
    if count is None or request is None:
        return Members(sentence, count)
    may_see = has_permission(request.user, "view_customer")
    return Members(
        sentence,
        count,
        segment_counts.value_quartiles(compiled, now),
        segment_counts.value_quartiles(compile_segment(Segment()), now),
        tuple(segment_counts.sample_customers(compiled, SAMPLE, now)) if may_see else (),
        _overlap(compiled, request.POST.getlist("overlap"), now),
    )


def _overlap(compiled: Any, chosen: list[str], now: float) -> tuple[tuple[str, int | None], ...]:
    keys = [key for text in chosen[:MOST_COMPARED] if (key := _key(text))]
    others = {key: compiled_segment(segment) for key, segment in read_segments(keys).items()}
    names = dict(Definition.objects.filter(pk__in=list(others)).values_list("pk", "name"))
    return tuple((names[key], number) for key, number in segment_counts.overlap(compiled, others, now).items())


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _live_users(pk: int) -> list[Definition]:
    return [one for one in Reference.objects.users_of("segment", pk) if one.state == DefinitionState.LIVE]


def _sentence(document: dict[str, Any]) -> str:
    segment = parse_segment(document, NOTHING_SENSITIVE)[0]
    return segments.describe(segment, names_of([segment])) if segment else ""


def _say_errors(forms: SegmentForms, error: publishing.InvalidDocumentError) -> None:
    for path, message in error.errors:
        forms.add_message(path, message)


def _after_publishing(request: HttpRequest, definition: Definition) -> HttpResponse:
    name = Definition.objects.values_list("name", flat=True).get(pk=definition.pk)
    messages.success(request, pgettext("personalization", "“%(name)s” is live in up to 10 seconds.") % {"name": name})
    return HttpResponseRedirect(reverse("personalization:personalization-segments"))
