"""The list of rows: of each surface what stands where, how it behaves, and who changed it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import localdate, now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization import conf
from personalization.decide.active_rules import read_rules_now
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.policy import policy_from_settings
from personalization.decide.slate import RowType
from personalization.measure.reports import Filters, Outcome, Period, read_report
from personalization.merchandising import campaign_words, documents, publishing
from personalization.merchandising.campaign_words import Names
from personalization.merchandising.compile_rows import row_source
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.compiled_rows import RowSettings, page_order
from personalization.merchandising.row_keys import row_key, split_row_key
from personalization.models import AuditEntry, Definition, DefinitionKind
from personalization.oscar.dashboard.campaign_list import all_names, live_state, undoable
from personalization.oscar.dashboard.readiness import row_readiness
from personalization.oscar.dashboard.row_words import describe_outcome, describe_row, row_labels, shown_title
from personalization.oscar.dashboard.screens import say_refusal, show
from personalization.surfaces import Surface, registered_surfaces

OUTCOME_DAYS = 7
MANY_ROWS = 3
"""With more rows of the shop's own than this on a page, the lower ones are seen by few."""


@dataclass(frozen=True)
class ListedRow:
    """A row as the list shows it."""

    surface: str
    code: str
    place: int
    """From 1; 0 for a draft that has none yet."""
    title: str
    kind: str
    """"personal", "everybody" or "yours"."""
    is_shown: bool
    is_floating: bool
    """Whether it stands where it suits each visitor, among the other personal rows."""
    sentence: str
    """Its settings in words; "" where nobody ever set anything."""
    readiness: str
    outcome: str
    """What came of it in the last full days, in words; "" where nobody saw it."""
    state: str
    definition: Definition | None
    changed_by: str
    problems: tuple[str | Promise, ...] = ()


@dataclass(frozen=True)
class SurfaceLines:
    """The rows of one surface."""

    name: str
    label: str
    lines: tuple[ListedRow, ...]
    most: int
    """So many rows the page shows."""
    most_personal: int
    has_many: bool
    """Whether so many are the shop's own that few see the lower ones."""
    has_own: bool


@require_GET
def list_rows(request: HttpRequest) -> HttpResponse:
    """The rows of all surfaces, or of one."""
    chosen = request.GET.get("surface", "")
    found = [one for one in surfaces_with_rows() if chosen in ("", one.name)]
    definitions = list(Definition.objects.rows_of_shop())
    context = {
        "surfaces": _surface_lines(found, definitions),
        "choices": [(one.name, surface_label(one.name)) for one in surfaces_with_rows()],
        "chosen": chosen,
        "undo": _undoable_row(request, definitions),
    }
    return show(request, "rows", context, tab="rows")


@require_POST
def move_row(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """Puts a row to another place of its page; "up" and "down" are one place."""
    requested = get_surface(surface)
    order = _order_of(requested)
    if code not in order:
        raise Http404("There is no such row to be moved.")
    wanted = request.POST.get("place", "")
    if not (wanted.isascii() and wanted.isdigit() and 0 < len(wanted) < 6):
        messages.error(request, pgettext("personalization", "Expected a place from 1."))
        return _back_to_rows(surface, code)
    place = min(max(int(wanted), 1), len(order))
    order.remove(code)
    order.insert(place - 1, code)
    try:
        with transaction.atomic():
            definition = publish_as_built_in(request, requested, code)
            placed = Definition.objects.rows_of_shop().filter(key__startswith=f"{surface}/", place__gt=0)
            places = {
                one.pk: order.index(other) + 1
                for one in placed
                if (other := split_row_key(one.key)[1]) in order and other != code
            }
            publishing.place_rows({**places, definition.pk: place}, request.user, definition)
    except publishing.NotPossibleError as error:
        say_refusal(request, error)
    else:
        words = pgettext("personalization", "Moved “%(name)s” to place %(place)d of %(total)d.")
        messages.success(request, words % {"name": definition.name, "place": place, "total": len(order)})
    return _back_to_rows(surface, code)


@require_POST
def change_row_state(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """Switches a row on or off, undoes what was last published of it, archives one of the shop's own, or gives a
    built-in one its built-in settings back."""
    requested, do = get_surface(surface), request.POST.get("do", "")
    changes = {
        "on": pgettext("personalization", "“%(name)s” is on."),
        "off": pgettext("personalization", "“%(name)s” is off."),
        "undo": pgettext("personalization", "Undone: “%(name)s” is as before."),
        "archive": pgettext("personalization", "“%(name)s” is archived."),
        "reset": pgettext("personalization", "“%(name)s” is as built in again."),
    }
    if do not in changes:
        return _back_to_rows(surface, code)
    try:
        with transaction.atomic():
            definition = _change(request, requested, code, do)
    except publishing.NotPossibleError as error:
        say_refusal(request, error)
    except publishing.InvalidDocumentError as error:
        messages.error(request, str(error))
    else:
        in_seconds = pgettext("personalization", "The shop follows in up to 10 seconds.")
        messages.success(request, f"{changes[do] % {'name': definition.name}} {in_seconds}")
    return _back_to_rows(surface, code)


@require_GET
def show_row_history(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """All versions of a row's settings, and what was done with them."""
    definition = find_definition(surface, code)
    if definition is None:
        raise Http404("Nobody ever set anything for this row.")
    versions = list(definition.versions.order_by("-number")[:100])
    names = all_names({pair for version in versions for pair in documents.references("row", version.document)})
    context = {
        "definition": definition,
        "surface": surface,
        "code": code,
        "versions": [(one, describe_row(one.document, names)) for one in versions],
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:100],
    }
    return show(request, "row_history", context, tab="rows")


def surfaces_with_rows() -> list[Surface]:
    """The surfaces whose pages show rows, the home page first."""
    found = [one for one in registered_surfaces().values() if one.rows or one.fallback_rows]
    return sorted(found, key=lambda one: (not one.whole_page, one.name))


def get_surface(name: str) -> Surface:
    """The surface of this name, if its page shows rows; else Http404."""
    for one in surfaces_with_rows():
        if one.name == name:
            return one
    raise Http404("There is no page of this name that shows rows.")


def surface_label(name: str) -> str:
    """What a surface is called."""
    return campaign_words.surface_labels().get(name, name.replace("_", " ").capitalize())


def row_types_of(surface: Surface) -> dict[str, RowType]:
    """By code, the row types that the surface shows where nobody set anything."""
    return {row_type.code: row_type for row_type in (*surface.fallback_rows, *surface.rows)}


def find_definition(surface: str, code: str) -> Definition | None:
    """The settings of a row; None where nobody ever made any."""
    return Definition.objects.rows_of_shop().filter(key=row_key(surface, code)).first()


def definition_name(surface: Surface, code: str) -> str:
    """What the settings of a built-in row are called."""
    label = row_labels(row_types_of(surface)).get(code, code)
    return f"{surface_label(surface.name)}: {label}"[:60]


def publish_as_built_in(request: HttpRequest, surface: Surface, code: str) -> Definition:
    """The settings of a row that is to be moved; new ones, which say nothing yet, where nobody ever made any.

    Raises: NotPossibleError where there is only a draft.
    """
    definition = find_definition(surface.name, code)
    if definition is None:
        name = definition_name(surface, code)
        definition = publishing.create("row", name, {}, request.user, key=row_key(surface.name, code))
        return publishing.publish(definition, request.user)
    if definition.live is None and code in row_types_of(surface):
        raise publishing.NotPossibleError(
            pgettext("personalization", "Its settings are a draft that was never published; publish them first.")
        )
    return definition


def _change(request: HttpRequest, surface: Surface, code: str, do: str) -> Definition:
    if code not in row_types_of(surface) and find_definition(surface.name, code) is None:
        raise Http404("There is no such row.")
    definition = publish_as_built_in(request, surface, code)
    if do == "undo":
        return publishing.undo(definition, request.user)
    if do == "archive":
        if code in row_types_of(surface):
            raise publishing.NotPossibleError(pgettext("personalization", "A built-in row cannot be archived."))
        publishing.archive(definition, request.user)
        return definition
    document: dict[str, Any] = {}
    if do == "reset":
        if code not in row_types_of(surface):
            raise publishing.NotPossibleError(pgettext("personalization", "Only a built-in row can be as built in."))
        publishing.place_rows({definition.pk: 0}, request.user, definition)
    else:
        if definition.draft is not None or definition.live is None:
            raise publishing.NotPossibleError(
                pgettext("personalization", "There is a newer draft; publish it, or change it there.")
            )
        document = {**definition.live.document, "shown": do == "on"}
        if do == "on":
            del document["shown"]
    newest = definition.newest
    publishing.save_draft(definition, document, request.user, base=newest.number if newest else 0)
    changed = Definition.objects.with_versions().get(pk=definition.pk)
    return publishing.publish(changed, request.user) if changed.draft is not None else changed


def _undoable_row(request: HttpRequest, definitions: list[Definition]) -> tuple[Definition, str, str] | None:
    """(definition, surface, code) of what this person published a moment ago."""
    found = undoable(request, DefinitionKind.ROW, definitions)
    return (found, *split_row_key(found.key)) if found else None


def _surface_lines(found: Iterable[Surface], definitions: list[Definition]) -> list[SurfaceLines]:
    names = all_names({pair for one in definitions for pair in _references(one)})
    policy, rules = policy_from_settings(conf.get_settings()), read_rules_now()
    outcomes = read_report("row", _last_days(), Filters(), settings.OSCAR_DEFAULT_CURRENCY).lines
    result = []
    for surface in found:
        lines = tuple(_lines_of(surface, definitions, rules, names, outcomes))
        own = [line for line in lines if line.kind == "yours" and line.is_shown and line.place]
        result.append(
            SurfaceLines(
                surface.name,
                surface_label(surface.name),
                lines,
                policy.max_home_rows if surface.whole_page else policy.max_page_rows,
                policy.max_personal_rows,
                len(own) > MANY_ROWS,
                any(line.kind == "yours" for line in lines),
            )
        )
    return result


def _last_days() -> Period:
    """The last full days, a week of them."""
    yesterday = localdate() - timedelta(days=1)
    return Period(yesterday - timedelta(days=OUTCOME_DAYS - 1), yesterday)


def _references(definition: Definition) -> set[tuple[str, str]]:
    return documents.references("row", definition.newest.document) if definition.newest else set()


def _lines_of(
    surface: Surface,
    definitions: Iterable[Definition],
    rules: CompiledRules,
    names: Names,
    outcomes: Mapping[Any, Outcome],
) -> Iterator[ListedRow]:
    """The rows of a surface from the top, then those of the shop's own that were never published."""
    own = {split_row_key(one.key)[1]: one for one in definitions if split_row_key(one.key)[0] == surface.name}
    maker = _LineMaker(surface, row_types_of(surface), own, rules, names, _arrays(), outcomes)
    order = _order_of(surface, rules)
    drafts = [code for code in own if code not in order]
    return (maker.line(code, place) for place, code in [*enumerate(order, 1), *((0, code) for code in drafts)])


@dataclass(frozen=True)
class _LineMaker:
    """What the lines of one surface are made from."""

    surface: Surface
    types: Mapping[str, RowType]
    definitions: Mapping[str, Definition]
    rules: CompiledRules
    names: Names
    arrays: Mapping[str, Any]
    outcomes: Mapping[Any, Outcome]
    """By surface and code."""

    @property
    def settings(self) -> Mapping[str, RowSettings]:
        """What serves, by code."""
        return self.rules.rows.get(self.surface.name, {})

    def line(self, code: str, place: int) -> ListedRow:
        """The line of a row."""
        row_type, definition, settings = self.types.get(code), self.definitions.get(code), self.settings.get(code)
        version = (definition.live or definition.draft) if definition else None
        document: Mapping[str, Any] = version.document if version else {}
        source = row_source(document) if row_type is None else None
        is_served = row_type is None or (definition is not None and definition.live is not None)
        is_personal = row_type is not None and row_type.personal
        return ListedRow(
            self.surface.name,
            code,
            place,
            shown_title(document if is_served else {}, row_labels(self.types).get(code, "")),
            "yours" if row_type is None else "personal" if is_personal else "everybody",
            settings is None or settings.is_shown,
            is_personal and not (settings is not None and settings.has_own_place),
            describe_row(document, self.names) if definition else "",
            row_readiness(code, self.arrays, source, None if settings is None else len(settings.product_ids)),
            describe_outcome(self.outcomes.get((self.surface.name, code))),
            live_state(definition, now()) if definition else "",
            definition,
            definition.newest.by_name if definition and definition.newest else "",
            self.rules.problems.get(definition.pk, ()) if definition else (),
        )


def _order_of(surface: Surface, rules: CompiledRules | None = None) -> list[str]:
    """The codes of the rows of a page from the top, as they serve now."""
    types, codes = row_types_of(surface), _codes(surface)
    settings = (rules or read_rules_now()).rows.get(surface.name, {})
    personal = [code for code in codes if types[code].personal]
    return page_order(personal, [code for code in codes if code not in personal], settings)


def _codes(surface: Surface) -> list[str]:
    """The codes of its row types, in its sequence."""
    return list(dict.fromkeys(row_type.code for row_type in (*surface.rows, *surface.fallback_rows)))


def _arrays() -> Mapping[str, Any]:
    snapshot = get_active_snapshot()
    return snapshot.arrays if snapshot else {}


def _back_to_rows(surface: str, code: str) -> HttpResponse:
    address = reverse("personalization:personalization-rows")
    return HttpResponseRedirect(f"{address}?moved={surface}-{code}#row-{surface}-{code}")
