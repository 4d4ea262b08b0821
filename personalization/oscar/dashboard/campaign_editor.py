"""Writing a campaign: the form, and the page that publishes it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from personalization import conf
from personalization.merchandising import campaign_words, documents, publishing
from personalization.models import Band, Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.back_test_screen import campaign_back_test
from personalization.oscar.dashboard.campaign_effect import (
    Effect,
    Sample,
    campaign_effect,
    chosen_sample,
    rules_of_form,
)
from personalization.oscar.dashboard.campaign_forms import CampaignForm, CampaignForms
from personalization.oscar.dashboard.campaign_list import all_names
from personalization.oscar.dashboard.campaign_prefill import prefilled_campaign
from personalization.oscar.dashboard.conflict_remedies import ABOVE, PLACE, read_remedy, rise_above
from personalization.oscar.dashboard.definition_changes import publish_by_button
from personalization.oscar.dashboard.draft_rules import rules_with_draft
from personalization.oscar.dashboard.publish_warnings import publish_warnings
from personalization.oscar.dashboard.sample_forms import SampleForm
from personalization.oscar.dashboard.screens import chosen_version, posted_number, show
from personalization.shop import named_objects

LOOK, REMEDY, TRY = "look", "remedy", "past"
"""The names of the buttons that show what is written, that mend a conflict, and that try it on the past; none stores
what is written."""
NOT_SAVING = {LOOK, REMEDY, TRY}


@require_http_methods(["GET", "POST"])
def create_campaign(request: HttpRequest) -> HttpResponse:
    """An empty form, one of three templates, or one for what is searched for, or for a product on a page; posting it
    stores a draft."""
    name, document = _initial_campaign(request)
    forms = _forms(request, document, name=name, band=Band.CAMPAIGN)
    if _is_saved(request) and forms.is_valid():
        try:
            name = forms.form.cleaned_data["name"]
            definition = publishing.create(DefinitionKind.CAMPAIGN, name, forms.document(), request.user)
        except publishing.InvalidDocumentError as error:
            forms.add_errors(error.errors)
        except publishing.NotPossibleError as error:
            forms.form.add_error("name", str(error))
        else:
            return _after_saving(request, definition, forms.form)
    return show(request, "campaign_form", _editor_context(request, forms), tab="campaigns")


@require_http_methods(["GET", "POST"])
def edit_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"campaign {pk} has no version")
    document = documents.upgrade("campaign", shown.schema, shown.document)
    forms = _forms(request, document, name=definition.name, band=definition.band)
    what, numbers = read_remedy(request.POST.get(REMEDY, ""))
    if what == ABOVE and has_permission(request.user, "publish_campaigns"):
        rise_above(request, definition, numbers[0])
    more: dict[str, Any] = {"definition": definition, "base": request.POST.get("base") or shown.number}
    if _is_saved(request) and has_permission(request.user, "change_campaigns") and forms.is_valid():
        written = forms.document()
        try:
            publishing.save_draft(
                definition,
                written,
                request.user,
                base=posted_number(request, "base"),
                name=forms.form.cleaned_data["name"],
            )
        except publishing.ChangedMeanwhileError as error:
            names = all_names(
                documents.references("campaign", written) | documents.references("campaign", error.newest.document)
            )
            more |= {
                "meanwhile": error.newest,
                "theirs": campaign_words.describe_campaign(error.newest.document, names),
                "mine": campaign_words.describe_campaign(written, names),
            }
            return show(request, "campaign_form", _editor_context(request, forms, **more), tab="campaigns", status=409)
        except publishing.InvalidDocumentError as error:
            forms.add_errors(error.errors)
        except publishing.NotPossibleError as error:
            forms.form.add_error("name", str(error))
        else:
            return _after_saving(request, definition, forms.form)
    return show(request, "campaign_form", _editor_context(request, forms, **more), tab="campaigns")


@require_http_methods(["GET", "POST"])
def publish_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, with what changes on the shop; posting it makes the draft live."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    version = chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
    rules = rules_with_draft(definition, documents.upgrade("campaign", version.schema, version.document))
    effect = campaign_effect(rules)
    refusals = _refusals(version, effect)
    if request.method == "POST" and not refusals:
        publish_by_button(request, definition, version)
        return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
    row_size = conf.get_settings().ROW_SIZE
    context = {
        "definition": definition,
        "version": version,
        "effect": effect,
        "refusals": refusals,
        "warnings": publish_warnings(rules, effect.reach, getattr(request, "strategy", None), row_size),
        "remedy_form": "mend",
        "is_stored": True,
    }
    return show(request, "campaign_publish", context, tab="campaigns")


@require_GET
def find_products(request: HttpRequest) -> HttpResponse:
    """The products whose title or UPC matches what is typed, to put them into a field."""
    text = request.GET.get("q", "")[:100]
    return show(request, "found_products", {"products": named_objects.search_products(text), "text": text})


def _refusals(version: Any, effect: Effect) -> list[str]:
    """Why it cannot be published."""
    found = []
    ends = documents.moment(version.document.get("when", {}).get("to"))
    if ends is not None and ends <= now():
        found.append(pgettext("personalization", "Its end has passed."))
    if effect.reach.products == 0:
        found.append(pgettext("personalization", "It matches no product."))
    return found


def _forms(request: HttpRequest, document: dict[str, Any], *, name: str, band: int) -> CampaignForms:
    data = request.POST if request.method == "POST" else None
    forms = CampaignForms(data, document=document, name=name, band=band)
    what, numbers = read_remedy(request.POST.get(REMEDY, ""))
    return CampaignForms(forms.data_with_place(*numbers)) if what == PLACE else forms


def _is_saved(request: HttpRequest) -> bool:
    """Whether the form was posted to be stored."""
    return request.method == "POST" and not NOT_SAVING & request.POST.keys()


def _editor_context(request: HttpRequest, forms: CampaignForms, **more: Any) -> dict[str, Any]:
    """What the editor is shown with; after its buttons "Show" and "Try it" also what the campaign would do."""
    sample = Sample(SampleForm(choices=forms.shop_choices))
    context = {"form": forms.form, "formset": forms.formset, "base": 0, "sample": sample, **more}
    if NOT_SAVING & request.POST.keys():
        definition = more.get("definition")
        rules = rules_of_form(forms, definition.pk if definition else 0)
        context |= {
            "effect": campaign_effect(rules) if rules else None,
            "sample": chosen_sample(request, rules, forms.shop_choices, may_wait=True),
            "is_shown": True,
            "remedy_form": "campaign",
            "is_stored": definition is not None,
        }
        if TRY in request.POST:
            context |= {"is_tried": True, "past": campaign_back_test(rules)}
    return context


def _after_saving(request: HttpRequest, definition: Definition, form: CampaignForm) -> HttpResponse:
    band = form.cleaned_data["band"]
    if band != definition.band and (definition.live is None or has_permission(request.user, "publish_campaigns")):
        publishing.move(definition, request.user, band=band, place=1)
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": form.cleaned_data["name"]})
    target = "publish" if "publish" in request.POST else ""
    if target and has_permission(request.user, "publish_campaigns"):
        return HttpResponseRedirect(reverse("personalization:personalization-campaign-publish", args=[definition.pk]))
    return HttpResponseRedirect(reverse("personalization:personalization-campaign", args=[definition.pk]))


def _initial_campaign(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """(name, document) of what the address asks to be filled in."""
    if request.method == "POST":
        return "", {}
    if prefilled := prefilled_campaign(request.GET):
        return prefilled
    word = request.GET.get("word", "").strip()[:MAX_NAME]
    return word, _word_document(word) if word else _template_document(request.GET.get("template", ""))


def _word_document(word: str) -> dict[str, Any]:
    """What is filled in for a campaign where this is searched for."""
    words = [{"text": word, "match": "all"}]
    return {
        "where": [{"surface": "search", "words": words}, {"surface": "zero_results", "words": words}],
        "what": [],
    }


def _template_document(name: str) -> dict[str, Any]:
    """What a template fills in; an empty document for none."""
    templates: dict[str, dict[str, Any]] = {
        "new": {
            "where": [{"surface": "category"}],
            "what": [{"do": "boost", "target": {"newer": 30}, "strength": 2}],
        },
        "clear": {
            "where": [{"surface": "home"}, {"surface": "category"}, {"surface": "search"}],
            "what": [{"do": "boost", "target": {"stock": [50, None]}, "strength": 1}],
        },
        "lapsed": {
            "who": {"people": "customers"},
            "where": [{"surface": "home"}],
            "what": [{"do": "boost", "target": {"on_offer": True}, "strength": 2}],
        },
    }
    return templates.get(name, {})
