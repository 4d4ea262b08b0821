"""Writing the settings of a row, and the page that publishes them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from personalization.merchandising import documents, publishing
from personalization.merchandising.compile_rows import compile_row
from personalization.merchandising.compiled_rows import RowSource
from personalization.merchandising.compiler import Compiler
from personalization.merchandising.row_keys import own_code, row_key, split_row_key
from personalization.models import Definition, Version
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.back_test_screen import row_form_back_test
from personalization.oscar.dashboard.campaign_list import all_names
from personalization.oscar.dashboard.definition_changes import publish_by_button
from personalization.oscar.dashboard.row_forms import DEFAULT_BOUGHT_DAYS, RowForm, row_initial
from personalization.oscar.dashboard.row_list import (
    definition_name,
    find_definition,
    get_surface,
    row_types_of,
    surface_label,
    surfaces_with_rows,
)
from personalization.oscar.dashboard.row_preview import NEW_CODE, preview_context
from personalization.oscar.dashboard.row_words import describe_row, row_labels, shown_title
from personalization.oscar.dashboard.screens import chosen_version, posted_number, show
from personalization.rows import registered_row_types

TRY = "past"
"""The name of the button that tries what is written on the past, and stores nothing."""


@dataclass(frozen=True)
class RowEffect:
    """What publishing would change."""

    sentence: str
    before: str
    """What serves now, in words; "" where nothing was set."""
    products: int | None
    """How many products a row of the shop's own holds now; None for a built-in one."""
    problems: tuple[str | Promise, ...]
    refusals: tuple[str, ...]


@require_http_methods(["GET", "POST"])
def create_row(request: HttpRequest) -> HttpResponse:
    """The empty form of a row of the shop's own; posting it stores a draft."""
    surface = get_surface(request.POST.get("surface") or request.GET.get("surface") or surfaces_with_rows()[0].name)
    form = _form(request, None, {"leave_out": {"bought_days": DEFAULT_BOUGHT_DAYS}}, "")
    context: dict[str, Any] = {}
    if TRY in request.POST and has_permission(request.user, "preview_as"):
        context = {"is_tried": True, "past": row_form_back_test(request, surface.name, NEW_CODE)}
    elif request.method == "POST" and form.is_valid():
        name, taken = form.cleaned_data["name"], _taken_codes()
        try:
            definition = publishing.create(
                "row", name, form.document(), request.user, key=row_key(surface.name, own_code(name, taken))
            )
        except publishing.InvalidDocumentError as error:
            _add_errors(form, error)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _say_saved(request, definition)
    choices = [(one.name, surface_label(one.name)) for one in surfaces_with_rows()]
    context |= {"form": form, "base": 0, "surface": surface.name, "choices": choices}
    context |= preview_context(surface.name, form.shop_choices)
    return show(request, "row_form", context, tab="rows")


@require_http_methods(["GET", "POST"])
def edit_row(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """The newest settings in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    requested, definition = get_surface(surface), find_definition(surface, code)
    row_type = row_types_of(requested).get(code)
    if definition is None and row_type is None:
        raise Http404("There is no such row.")
    newest = definition.newest if definition else None
    document = documents.upgrade("row", newest.schema, newest.document) if newest else {}
    built_in = row_labels(row_types_of(requested)).get(code, "")
    form = _form(request, row_type, document, definition.name if definition else "")
    context: dict[str, Any] = {
        "form": form,
        "definition": definition,
        "base": newest.number if newest else 0,
        "surface": surface,
        "surface_label": surface_label(surface),
        "code": code,
        "title": shown_title(document, built_in),
        "built_in": built_in,
        **preview_context(surface, form.shop_choices),
    }
    if TRY in request.POST and has_permission(request.user, "preview_as"):
        context |= {"is_tried": True, "past": row_form_back_test(request, surface, code)}
        return show(request, "row_form", context, tab="rows")
    if request.method != "POST" or not has_permission(request.user, "change_rows") or not form.is_valid():
        return show(request, "row_form", context, tab="rows")
    written = form.document()
    new_name = definition_name(requested, code)
    try:
        stored = _store_settings(request, definition, form, new_name=new_name, key=row_key(surface, code))
    except publishing.ChangedMeanwhileError as error:
        names = all_names(documents.references("row", written) | documents.references("row", error.newest.document))
        theirs = describe_row(error.newest.document, names)
        context |= {"meanwhile": error.newest, "theirs": theirs, "mine": describe_row(written, names)}
        return show(request, "row_form", context, tab="rows", status=409)
    except publishing.InvalidDocumentError as error:
        _add_errors(form, error)
    except publishing.NotPossibleError as error:
        form.add_error("name" if "name" in form.fields else None, str(error))
    else:
        return _say_saved(request, stored)
    return show(request, "row_form", context, tab="rows")


@require_http_methods(["GET", "POST"])
def publish_row(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """Asks once, with what changes on the page; posting it makes the draft live."""
    get_surface(surface)
    definition = find_definition(surface, code)
    if definition is None:
        raise Http404("Nobody ever set anything for this row.")
    version = chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-rows"))
    effect = _effect(definition, version)
    if request.method == "POST" and not effect.refusals:
        publish_by_button(request, definition, version)
        return HttpResponseRedirect(f"{reverse('personalization:personalization-rows')}#row-{surface}-{code}")
    context = {
        "definition": definition,
        "version": version,
        "effect": effect,
        "surface": surface,
        "surface_label": surface_label(surface),
        "code": code,
    }
    return show(request, "row_publish", context, tab="rows")


def _form(request: HttpRequest, row_type: Any, document: dict[str, Any], name: str) -> RowForm:
    data = request.POST if request.method == "POST" else None
    return RowForm(data, row_type=row_type, document=document, initial=row_initial(name, document))


def _store_settings(
    request: HttpRequest, definition: Definition | None, form: RowForm, *, new_name: str, key: str
) -> Definition:
    """Stores the draft. Where nobody ever set anything for a built-in row, its settings are made with it."""
    if definition is None:
        return publishing.create("row", new_name, form.document(), request.user, key=key)
    base = posted_number(request, "base")
    name = form.cleaned_data.get("name", "")
    publishing.save_draft(definition, form.document(), request.user, base=base, name=name)
    return definition


def _taken_codes() -> set[str]:
    """All codes that a row has, or had."""
    keys = Definition.objects.filter(kind="row").values_list("key", flat=True)
    return {split_row_key(key)[1] for key in keys} | registered_row_types().keys()


def _effect(definition: Definition, version: Version) -> RowEffect:
    compiler = Compiler()
    document = documents.upgrade("row", version.schema, version.document)
    settings = compile_row(definition, document, compiler)
    live = definition.live.document if definition.live else {}
    names = all_names(documents.references("row", document) | documents.references("row", live))
    refusals = []
    ends = documents.moment(document.get("when", {}).get("to"))
    if ends is not None and ends <= now():
        refusals.append(pgettext("personalization", "Its end has passed."))
    if settings.source is RowSource.RANGE and not len(settings.product_ids):
        refusals.append(_("This Range has no public product."))
    return RowEffect(
        describe_row(document, names),
        describe_row(live, names) if definition.live else "",
        len(settings.product_ids) if settings.source is not None else None,
        tuple(compiler.problems[definition.pk]),
        tuple(refusals),
    )


def _add_errors(form: RowForm, error: publishing.InvalidDocumentError) -> None:
    for path, message in error.errors:
        form.add_error(None, f"{path}: {message}" if path else message)


def _say_saved(request: HttpRequest, definition: Definition) -> HttpResponse:
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": definition.name})
    target = "row-publish" if "publish" in request.POST else "row"
    return HttpResponseRedirect(
        reverse(f"personalization:personalization-{target}", args=split_row_key(definition.key))
    )
