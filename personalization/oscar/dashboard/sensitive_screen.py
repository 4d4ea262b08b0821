"""Sensitive categories: what reveals too much about a person to be used, listed and chosen from the tree."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.models import AuditAction, AuditEntry, SensitiveCategory
from personalization.oscar.dashboard.screens import show
from personalization.shop import named_objects


@require_GET
def list_sensitive(request: HttpRequest) -> HttpResponse:
    """The sensitive categories, and the others to choose from."""
    listed = dict(SensitiveCategory.objects.values_list("category_id", "pk"))
    trails = named_objects.category_trails()
    rows = [(listed[key], trail) for key, trail in trails.items() if key in listed]
    choices = [(key, trail) for key, trail in trails.items() if key not in listed]
    return show(request, "sensitive", {"rows": rows, "choices": choices}, tab="sensitive")


@require_POST
def add_sensitive(request: HttpRequest) -> HttpResponse:
    """Makes a category sensitive, with all below it."""
    key = request.POST.get("category", "")
    is_number = key.isascii() and key.isdigit() and len(key) < 19
    names = named_objects.names_of([("category", str(int(key)))]) if is_number else {}
    if not names:
        messages.error(request, pgettext("personalization", "Choose a category."))
        return _back_to_list()
    (name,) = names.values()
    with transaction.atomic():
        _row, is_new = SensitiveCategory.objects.get_or_create(category_id=int(key))
        if is_new:
            _note(request, AuditAction.CREATE, int(key), name)
    words = _("“%(name)s” is sensitive now. What is stored about its products is deleted by the next daily run.")
    messages.success(request, words % {"name": name})
    return _back_to_list()


@require_POST
def remove_sensitive(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes a category an ordinary one again."""
    row = get_object_or_404(SensitiveCategory.objects.select_related("category"), pk=pk)
    name, key = row.category.name, row.category_id
    with transaction.atomic():
        row.delete()
        _note(request, AuditAction.ARCHIVE, key, name)
    messages.success(request, pgettext("personalization", "“%(name)s” is not sensitive any more.") % {"name": name})
    return _back_to_list()


def _note(request: HttpRequest, action: AuditAction, category_id: int, name: str) -> None:
    AuditEntry.objects.record(request.user, action, kind="sensitive", object_id=category_id, note=name)


def _back_to_list() -> HttpResponse:
    return HttpResponseRedirect(reverse("personalization:personalization-sensitive"))
