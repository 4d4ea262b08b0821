"""The audit: who did what with what, as a list with filters and as a file."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.dateparse import parse_date
from django.utils.timezone import get_default_timezone, localtime
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from personalization.models import AuditAction, AuditEntry, Definition, DefinitionKind
from personalization.models.audit import AUDIT_DAYS
from personalization.models.paging import pages_by_key
from personalization.oscar.dashboard.csv_files import csv_download
from personalization.oscar.dashboard.screens import show

PAGE_SIZE = 50
CSV_BATCH_SIZE = 1_000
OTHER_KINDS = {
    "snapshot": pgettext_lazy("personalization", "snapshot"),
    "key": pgettext_lazy("personalization", "server key"),
    "sensitive": pgettext_lazy("personalization", "sensitive category"),
    "customer": pgettext_lazy("personalization", "customer"),
    "audit": pgettext_lazy("personalization", "audit"),
    "costs": pgettext_lazy("personalization", "costs of products"),
}
"""What else than definitions entries are about."""


@require_GET
def show_audit(request: HttpRequest) -> HttpResponse:
    """One page of what was done, the newest first, or of what the filters leave."""
    chosen = _chosen_filters(request)
    page = Paginator(_filtered_entries(chosen).order_by("-at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    parameters = request.GET.copy()
    parameters.pop("page", None)
    context = {
        "page": page,
        "lines": _with_names(page.object_list),
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "actions": AuditAction.choices,
        "kinds": _kind_labels(),
        "query": parameters.urlencode(),
        "kept_days": AUDIT_DAYS,
    }
    return show(request, "audit", context, tab="audit")


@require_GET
def download_audit(request: HttpRequest) -> StreamingHttpResponse:
    """What the filters leave as a CSV file, the oldest first; that it was taken is in the audit, too."""
    AuditEntry.objects.record(request.user, AuditAction.EXPORT, kind="audit")
    return csv_download("audit", _csv_rows(_filtered_entries(_chosen_filters(request))))


def _chosen_filters(request: HttpRequest) -> dict[str, str]:
    return {key: request.GET.get(key, "").strip()[:150] for key in ("who", "action", "kind", "since", "until", "note")}


def _filtered_entries(chosen: dict[str, str]) -> Any:
    entries = AuditEntry.objects.all()
    if chosen["who"]:
        entries = entries.filter(by_name__icontains=chosen["who"].replace("\0", ""))
    if chosen["action"]:
        entries = entries.filter(action=chosen["action"][:10].replace("\0", ""))
    if chosen["kind"]:
        entries = entries.filter(kind=chosen["kind"][:12].replace("\0", ""))
    if chosen["note"]:
        entries = entries.filter(note__icontains=chosen["note"].replace("\0", ""))
    if since := _start_of(chosen["since"]):
        entries = entries.filter(at__gte=since)
    if until := _start_of(chosen["until"]):
        entries = entries.filter(at__lt=until + timedelta(days=1))
    return entries


def _start_of(text: str) -> datetime | None:
    """The first moment of a day in the shop's time zone; None for what is no date."""
    try:
        day = parse_date(text)
    except ValueError:  # the 30th of February
        return None
    if day is None or not 1900 <= day.year <= 9000:
        return None
    return datetime.combine(day, time.min, get_default_timezone())


def _with_names(entries: Iterable[AuditEntry]) -> list[tuple[AuditEntry, str, str]]:
    """(entry, what kind of thing it is about, the name of that thing)"""
    entries = list(entries)
    keys = {entry.object_id for entry in entries if entry.kind in DefinitionKind.values}
    names = dict(Definition.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}
    labels = _kind_labels()
    return [
        (
            entry,
            labels.get(entry.kind, entry.kind),
            names.get(entry.object_id or 0, "") if entry.kind in DefinitionKind.values else "",
        )
        for entry in entries
    ]


def _kind_labels() -> dict[str, str]:
    return {str(key): str(label) for key, label in [*DefinitionKind.choices, *OTHER_KINDS.items()]}


def _csv_rows(entries: Any) -> Iterator[tuple[Any, ...]]:
    yield ("at", "who", "action", "kind", "object", "name", "version", "customer", "note")
    for page in pages_by_key(entries, ("pk",), CSV_BATCH_SIZE):
        for entry, _kind, name in _with_names(page):  # type: ignore[arg-type]
            at = localtime(entry.at, get_default_timezone()).isoformat()
            subject = entry.subject_id or (pgettext("personalization", "gone") if entry.subject_hash else "")
            changed = (entry.action, entry.kind, entry.object_id, name, entry.version)
            yield (at, entry.by_name, *changed, subject, entry.note)
