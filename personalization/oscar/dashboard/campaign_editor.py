"""Writing a campaign: the form, what it would touch and collide with, and the page that publishes it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import campaign_words, documents, publishing
from personalization.merchandising.compile import Compiler
from personalization.merchandising.compiled import Campaign
from personalization.merchandising.conflicts import find_conflicts, touched_products
from personalization.models import Band, Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.action_forms import ActionFormSet, action_choices, action_initials
from personalization.oscar.dashboard.campaign_forms import CampaignForm, campaign_initial
from personalization.oscar.dashboard.campaign_list import all_names, conflict_names
from personalization.oscar.dashboard.campaign_prefill import prefilled_campaign
from personalization.oscar.dashboard.screens import chosen_version, posted_number, say_refusal, show
from personalization.shop import named_objects

TOP = 0
"""The place of a campaign that was never live: it would come to the top of its band."""


@dataclass(frozen=True)
class Effect:
    """What a campaign would do if it were live now."""

    sentence: str
    touched: int | None
    conflicts: tuple[str, ...]
    """What would happen to it because of others, and to others because of it."""
    problems: tuple[str | Promise, ...]


@require_http_methods(["GET", "POST"])
def create_campaign(request: HttpRequest) -> HttpResponse:
    """An empty form, one of three templates, or one for what is searched for, or for a product on a page; posting it
    stores a draft."""
    name, document = _initial_campaign(request)
    form, formset = _forms(request, document, name=name, band=Band.CAMPAIGN)
    if request.method == "POST" and _are_valid(form, formset):
        try:
            definition = publishing.create(
                DefinitionKind.CAMPAIGN, form.cleaned_data["name"], form.document(formset.actions()), request.user
            )
        except publishing.InvalidDocumentError as error:
            _say_errors(form, error)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving(request, definition, form)
    return show(request, "campaign_form", {"form": form, "formset": formset, "base": 0}, tab="campaigns")


@require_http_methods(["GET", "POST"])
def edit_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"campaign {pk} has no version")
    document = documents.upgrade("campaign", shown.schema, shown.document)
    form, formset = _forms(request, document, name=definition.name, band=definition.band)
    context = {"form": form, "formset": formset, "definition": definition, "base": shown.number}
    if request.method == "POST" and has_permission(request.user, "change_campaigns") and _are_valid(form, formset):
        written = form.document(formset.actions())
        try:
            publishing.save_draft(
                definition,
                written,
                request.user,
                base=posted_number(request, "base"),
                name=form.cleaned_data["name"],
            )
        except publishing.ChangedMeanwhileError as error:
            names = all_names(
                documents.references("campaign", written) | documents.references("campaign", error.newest.document)
            )
            context |= {
                "meanwhile": error.newest,
                "theirs": campaign_words.describe_campaign(error.newest.document, names),
                "mine": campaign_words.describe_campaign(written, names),
            }
            return show(request, "campaign_form", context, tab="campaigns", status=409)
        except publishing.InvalidDocumentError as error:
            _say_errors(form, error)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving(request, definition, form)
    return show(request, "campaign_form", context, tab="campaigns")


@require_POST
def show_effect(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """What the campaign in the form would touch and collide with; a part of the page, asked for while it is typed."""
    form, formset = _forms(request, {}, name="", band=Band.CAMPAIGN)
    effect = None
    if _are_valid(form, formset):
        document = form.document(formset.actions())
        if not documents.document_errors("campaign", document):
            band = form.cleaned_data["band"]
            kept = Definition.objects.filter(pk=pk).first()
            definition = Definition(pk=pk, name=form.cleaned_data["name"], band=band, place=kept.place if kept else TOP)
            effect = campaign_effect(definition, document)
    return show(request, "campaign_effect", {"effect": effect})


@require_http_methods(["GET", "POST"])
def publish_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, with what changes on the shop; posting it makes the draft live."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    version = chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
    effect = campaign_effect(definition, version.document)
    refusals = _refusals(version, effect)
    if request.method == "POST" and not refusals:
        try:
            publishing.publish(definition, request.user, number=version.number)
        except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
            say_refusal(request, publishing.NotPossibleError(str(error)))
        else:
            words = pgettext("personalization", "“%(name)s” is live in up to 10 seconds.")
            messages.success(request, words % {"name": definition.name})
        return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
    context = {"definition": definition, "version": version, "effect": effect, "refusals": refusals}
    return show(request, "campaign_publish", context, tab="campaigns")


@require_GET
def find_products(request: HttpRequest) -> HttpResponse:
    """The products whose title or UPC matches what is typed, to put them into a field."""
    text = request.GET.get("q", "")[:100]
    return show(request, "found_products", {"products": named_objects.search_products(text), "text": text})


def campaign_effect(definition: Definition, document: dict[str, Any]) -> Effect:
    """What the campaign would do with this document, beside all that is live now."""
    compiler, rules = Compiler(), read_rules_now()
    campaign = compiler.campaign(definition, document, 0)
    others = [other for other in rules.campaigns if other.id != definition.pk]
    conflicts = [
        one
        for one in find_conflicts(_in_order(campaign, definition, others))
        if definition.pk in (one.campaign, one.other)
    ]
    names = all_names(documents.references("campaign", document) | conflict_names(conflicts))
    campaigns = {other.id: other.name for other in others} | {definition.pk: definition.name}
    return Effect(
        campaign_words.describe_campaign(document, names),
        touched_products(campaign),
        tuple(dict.fromkeys(campaign_words.describe_conflict(one, names, campaigns) for one in conflicts)),
        tuple(compiler.problems[definition.pk]),
    )


def _in_order(campaign: Campaign, definition: Definition, others: list[Campaign]) -> list[Campaign]:
    """The campaign among the others, where it stands or would come to stand."""
    places = dict(Definition.objects.filter(pk__in=[other.id for other in others]).values_list("pk", "place"))
    ranked = [((other.band, places.get(other.id, TOP), other.id), other) for other in others]
    ranked.append(((campaign.band, definition.place, definition.pk or 0), campaign))
    return [found for _rank, found in sorted(ranked, key=lambda pair: pair[0])]


def _refusals(version: Any, effect: Effect) -> list[str]:
    """Why it cannot be published."""
    found = []
    ends = documents.moment(version.document.get("when", {}).get("to"))
    if ends is not None and ends <= now():
        found.append(pgettext("personalization", "Its end has passed."))
    if effect.touched == 0:
        found.append(pgettext("personalization", "It matches no product."))
    return found


def _forms(request: HttpRequest, document: dict[str, Any], *, name: str, band: int) -> tuple[CampaignForm, Any]:
    options: dict[str, Any] = {"form_kwargs": {"choices": action_choices()}, "prefix": "what"}
    if request.method == "POST":
        return CampaignForm(request.POST), ActionFormSet(request.POST, **options)
    return (
        CampaignForm(initial=campaign_initial(name, band, document)),
        ActionFormSet(initial=action_initials(document), **options),
    )


def _are_valid(form: CampaignForm, formset: Any) -> bool:
    return all([form.is_valid(), formset.is_valid()])


def _say_errors(form: CampaignForm, error: publishing.InvalidDocumentError) -> None:
    for path, message in error.errors:
        form.add_error(None, f"{path}: {message}" if path else message)


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
