"""Writing a message: the form, the real mail beside it, a test to oneself, and the page that publishes it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from personalization.lifecycle.kinds import registered_kinds
from personalization.merchandising import documents, publishing
from personalization.models import Definition, DefinitionKind
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.campaign_list import all_names
from personalization.oscar.dashboard.campaign_part_words import chosen_campaign
from personalization.oscar.dashboard.message_forms import MessageForm, message_initial, placeholder_note
from personalization.oscar.dashboard.message_preview import ReaderForm
from personalization.oscar.dashboard.message_words import describe_message, message_refusals, message_warnings
from personalization.oscar.dashboard.screens import chosen_version, posted_number, say_refusal, show


@require_http_methods(["GET", "POST"])
def create_message(request: HttpRequest) -> HttpResponse:
    """An empty form, of the kind that the address names; posting it stores a draft."""
    asked = request.GET.get("kind", "")
    kind = asked if asked in registered_kinds() else ""
    posted, campaign = request.POST if request.method == "POST" else None, chosen_campaign(request)
    form = MessageForm(posted, initial=message_initial("", {"kind": kind}), is_part=campaign is not None)
    if request.method == "POST" and form.is_valid():
        try:
            name, written = form.cleaned_data["name"], form.document()
            definition = publishing.create(DefinitionKind.MESSAGE, name, written, request.user, campaign=campaign)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving_message(request, definition)
    return _show_message_form(request, {"form": form, "base": 0, "campaign": campaign})


@require_http_methods(["GET", "POST"])
def edit_message(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.MESSAGE)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"message {pk} has no version")
    document = documents.upgrade(DefinitionKind.MESSAGE, shown.schema, shown.document)
    data = request.POST if request.method == "POST" else None
    campaign, initial = definition.campaign, message_initial(definition.name, document)
    form = MessageForm(data, initial=initial, kind=document["kind"], is_part=campaign is not None)
    context: dict[str, Any] = {"form": form, "definition": definition, "base": shown.number, "campaign": campaign}
    if request.method == "POST" and has_permission(request.user, "change_messages") and form.is_valid():
        written, base = form.document(), posted_number(request, "base")
        try:
            name = form.cleaned_data["name"]
            publishing.save_draft(definition, written, request.user, base=base, name=name)
        except publishing.ChangedMeanwhileError as error:
            newest = error.newest
            names = all_names(
                pair for one in (newest.document, written) for pair in documents.references("message", one)
            )
            context |= {
                "meanwhile": newest,
                "theirs": describe_message(newest.document, names),
                "mine": describe_message(written, names),
            }
            return _show_message_form(request, context, status=409)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving_message(request, definition)
    return _show_message_form(request, context)


@require_http_methods(["GET", "POST"])
def publish_message(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, and says what would keep it from being sent; posting it makes the draft live."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.MESSAGE)
    version = chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-messages"))
    document = documents.upgrade(DefinitionKind.MESSAGE, version.schema, version.document)
    refusals = message_refusals(document)
    if request.method == "POST" and not refusals:
        try:
            publishing.publish(definition, request.user, number=version.number)
        except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
            say_refusal(request, publishing.NotPossibleError(str(error)))
            return HttpResponseRedirect(_address(pk))
        words = pgettext("personalization", "“%(name)s” is live: the next run sends what is due.")
        messages.success(request, words % {"name": definition.name})
        return HttpResponseRedirect(reverse("personalization:personalization-messages"))
    context = {
        "definition": definition,
        "version": version,
        "refusals": refusals,
        "warnings": message_warnings(document),
        "sentence": describe_message(document, all_names(documents.references("message", document))),
    }
    return show(request, "message_publish", context, tab="messages")


def _show_message_form(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    kind = context["form"].chosen_kind
    shared = {
        "reader": ReaderForm(prefix="view"),
        "placeholder_note": placeholder_note(kind, context["form"].placeholders(kind) if kind else ()),
        "explanation": kind.explanation if kind else "",
        "usual_percent": 100 * kind.hold_back if kind else None,
    }
    return show(request, "message_form", shared | context, tab="messages", status=status)


def _after_saving_message(request: HttpRequest, definition: Definition) -> HttpResponse:
    definition.refresh_from_db(fields=["name"])
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": definition.name})
    is_alone = definition.campaign_id is None
    if "publish" in request.POST and is_alone and has_permission(request.user, "send_messages"):
        return HttpResponseRedirect(reverse("personalization:personalization-message-publish", args=[definition.pk]))
    return HttpResponseRedirect(_address(definition.pk))


def _address(pk: int) -> str:
    return reverse("personalization:personalization-message", args=[pk])
