"""What is done with several campaigns at once, and copies of campaigns for other pages of the shop."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext
from django.views.decorators.http import require_http_methods, require_POST

from personalization.merchandising import campaign_words, documents, publishing
from personalization.models import Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.campaign_list import all_names
from personalization.oscar.dashboard.place_forms import PlaceForm
from personalization.oscar.dashboard.screens import show

MOST_CHOSEN = 200
CHANGES: dict[str, Callable[[Definition, Any], object]] = {
    "pause": publishing.pause,
    "resume": publishing.resume,
    "archive": publishing.archive,
}
"""What can be done with several campaigns, by the name of the button."""


class CopyForm(PlaceForm):
    """Where the copies act; nothing chosen: where the campaign does that is copied."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["surfaces"].required = False
        for name in ("rows", "seen_products"):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """With nothing for the fields that a copy is not asked about."""
        return {"rows": [], "seen_products": [], **super().clean()}


@require_POST
def change_campaigns(request: HttpRequest) -> HttpResponse:
    """Pauses, resumes or archives the chosen campaigns, each by itself; those that refuse are named with the reason."""
    change, chosen = CHANGES.get(request.POST.get("do", "")), _chosen_campaigns(request.POST.getlist("chosen"))
    if change is None or not chosen:
        messages.error(request, pgettext("personalization", "Choose at least one campaign."))
        return _back_to_list()
    changed: list[str] = []
    for definition in chosen:
        try:
            change(definition, request.user)
        except publishing.NotPossibleError as error:
            messages.error(request, _with_reason(definition.name, str(error)))
        else:
            changed.append(definition.name)
    if changed:
        messages.success(request, _done_words(request.POST["do"], changed))
    return _back_to_list()


@require_http_methods(["GET", "POST"])
def copy_campaigns(request: HttpRequest) -> HttpResponse:
    """Asks where the copies of the chosen campaigns act; posting it stores each copy as a draft."""
    is_asked = request.method == "POST" and "begin" not in request.POST
    chosen = _chosen_campaigns((request.POST if request.method == "POST" else request.GET).getlist("chosen"))
    if not chosen:
        messages.error(request, pgettext("personalization", "Choose at least one campaign."))
        return _back_to_list()
    form = CopyForm(request.POST if is_asked else None)
    if is_asked and form.is_valid():
        where = form.place_documents()
        copied = [copy for one in chosen if (copy := _store_copy(request, one, where)) is not None]
        if copied:
            names = _joined(one.name for one in copied)
            words = ngettext("%(names)s is a draft now.", "%(names)s are drafts now.", len(copied))
            messages.success(request, words % {"names": names})
        if len(copied) == len(chosen) == 1:
            return HttpResponseRedirect(reverse("personalization:personalization-campaign", args=[copied[0].pk]))
        return _back_to_list()
    context = {"form": form, "copied": [(one, _sentence(one)) for one in chosen]}
    return show(request, "campaign_copy", context, tab="campaigns")


def _chosen_campaigns(texts: list[str]) -> list[Definition]:
    keys = [int(text) for text in texts[:MOST_CHOSEN] if text.isascii() and text.isdigit() and len(text) < 18]
    present = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().with_versions()
    return list(present.filter(pk__in=keys))


def _store_copy(request: HttpRequest, source: Definition, where: list[dict[str, Any]]) -> Definition | None:
    """The draft that is a copy of this campaign, for these places; None where it was refused, which is said."""
    shown = source.newest
    if shown is None:
        return None
    try:
        document = documents.upgrade("campaign", shown.schema, shown.document)
        copied = {**document, "where": where} if where else document
        return publishing.create(DefinitionKind.CAMPAIGN, _copy_name(source.name), copied, request.user)
    except (publishing.NotPossibleError, publishing.InvalidDocumentError, documents.NewerSchemaError) as error:
        messages.error(request, _with_reason(source.name, str(error)))
    return None


def _copy_name(name: str) -> str:
    """The name of a copy that no other campaign has."""
    for number in range(1, MOST_CHOSEN + 2):
        ending = " " + (
            pgettext("personalization", "(copy)")
            if number == 1
            else pgettext("personalization", "(copy %(number)d)") % {"number": number}
        )
        found = name[: MAX_NAME - len(ending)] + ending
        if not Definition.objects.has_name(DefinitionKind.CAMPAIGN, found):
            return found
    raise publishing.NotPossibleError(_("There is another one of this name already."))


def _sentence(definition: Definition) -> str:
    document = definition.newest.document if definition.newest else {}
    return campaign_words.describe_campaign(document, all_names(documents.references("campaign", document)))


def _with_reason(name: str, reason: str) -> str:
    return pgettext("personalization", "“%(name)s”: %(reason)s") % {"name": name, "reason": reason}


def _joined(names: Iterable[str]) -> str:
    return ", ".join(pgettext("personalization", "“%(name)s”") % {"name": name} for name in names)


def _done_words(change: str, names: list[str]) -> str:
    count = len(names)
    words = {
        "pause": npgettext("personalization", "%(names)s is paused.", "%(names)s are paused.", count),
        "resume": npgettext("personalization", "%(names)s is live again.", "%(names)s are live again.", count),
        "archive": npgettext("personalization", "%(names)s is archived.", "%(names)s are archived.", count),
    }[change]
    follows = pgettext("personalization", "The shop follows in up to 10 seconds.")
    return words % {"names": _joined(names)} + " " + follows


def _back_to_list() -> HttpResponse:
    return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
