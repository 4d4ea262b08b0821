"""The real pages of the shop as nobody, as segments or as a customer, on a device, in a language, at a moment."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import lazy
from django.utils.timezone import get_default_timezone, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from personalization.models import AuditAction, AuditEntry, Definition, DefinitionKind, DefinitionState, Visitor
from personalization.models.visitors import Consent
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.campaign_forms import LOCAL
from personalization.oscar.dashboard.screens import PlainSelects, show
from personalization.oscar.previews import PARAMETER, Preview
from personalization.shop.customers import customer_by_key

FURTHEST = timedelta(days=90)
Choices = list[tuple[Any, str]]


def _segments() -> Choices:
    live = Definition.objects.of_kind(DefinitionKind.SEGMENT).filter(state=DefinitionState.LIVE)
    return list(live.order_by("name").values_list("pk", "name"))


def _drafts() -> Choices:
    kinds = (DefinitionKind.CAMPAIGN, DefinitionKind.SYNONYM, DefinitionKind.REDIRECT)
    drafts = Definition.objects.present().filter(kind__in=kinds).exclude(draft=None)
    return [(one.pk, _draft_label(one)) for one in drafts.order_by("kind", "name")]


def _draft_label(definition: Definition) -> str:
    if definition.kind == DefinitionKind.CAMPAIGN:
        return definition.name
    return f"{definition.name} ({definition.get_kind_display()})"


class PreviewForm(PlainSelects):
    """What to look at, and as whom."""

    page = forms.CharField(
        label=pgettext_lazy("personalization", "Page"),
        max_length=500,
        initial="/",
        help_text=pgettext_lazy("personalization", "An address of the shop, as in / or /catalogue/ or /search/?q=tea"),
    )
    customer = forms.CharField(
        label=pgettext_lazy("personalization", "As the customer"),
        max_length=254,
        required=False,
        help_text=pgettext_lazy("personalization", "E-mail address or number. Empty: a stranger."),
    )
    segments = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "As a stranger in these segments"),
        coerce=int,
        required=False,
        choices=lazy(_segments, list),
    )
    drafts = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "With these drafts"),
        coerce=int,
        required=False,
        choices=lazy(_drafts, list),
    )
    moment = forms.DateTimeField(
        label=pgettext_lazy("personalization", "At the moment"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(format=LOCAL, attrs={"type": "datetime-local"}),
        help_text=pgettext_lazy("personalization", "Up to 90 days ahead. Empty: now."),
    )
    device = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Device"),
        required=False,
        choices=[
            ("computer", pgettext_lazy("personalization", "computer")),
            ("tablet", pgettext_lazy("personalization", "tablet")),
            ("phone", pgettext_lazy("personalization", "phone")),
        ],
    )
    language = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Language"),
        required=False,
        choices=lazy(lambda: [("", "\N{EN DASH}"), *settings.LANGUAGES], list),
    )
    compared_with = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Beside it"),
        required=False,
        choices=[
            ("", pgettext_lazy("personalization", "nothing")),
            ("plain", pgettext_lazy("personalization", "the page without personalisation")),
            ("campaigns", pgettext_lazy("personalization", "the page without campaigns")),
        ],
    )

    def clean_page(self) -> str:
        """The path and the query of an address of this shop."""
        parts = urlsplit(self.cleaned_data["page"].strip())
        path = parts.path
        if not path.startswith("/") or path.startswith("//") or "\\" in path:
            raise forms.ValidationError(pgettext("personalization", "Expected an address that begins with a slash."))
        return path + (f"?{parts.query}" if parts.query else "")

    def clean_customer(self) -> Any:
        """The customer of this e-mail address or number, or None."""
        text = self.cleaned_data["customer"].strip()
        if not text:
            return None
        found = customer_by_key(text)
        if found is None:
            found = get_user_model()._default_manager.filter(email__iexact=text).first()
        if found is None:
            raise forms.ValidationError(_("No customer has this e-mail address or number."))
        return found

    def clean_moment(self) -> Any:
        """A moment between now and 90 days from now."""
        moment = self.cleaned_data["moment"]
        if moment is not None:
            moment = moment.replace(tzinfo=None).replace(tzinfo=get_default_timezone())
            if not now() - timedelta(minutes=5) <= moment <= now() + FURTHEST:
                raise forms.ValidationError(pgettext("personalization", "Expected a moment of the next 90 days."))
        return moment


@require_GET
def show_preview(request: HttpRequest) -> HttpResponse:
    """The form, and once it is filled in the page in a frame, with another beside it to compare."""
    form = PreviewForm(request.GET if "page" in request.GET else None)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        if data["customer"] is not None and not has_permission(request.user, "view_customer"):
            form.add_error(None, pgettext("personalization", "You may not look at customers."))
        else:
            preview = _preview(request, data)
            note = data["page"][:100]
            AuditEntry.objects.record(request.user, AuditAction.PREVIEW, subject=data["customer"], note=note)
            context |= {
                "frames": _frames(preview, data),
                "is_phone": data["device"] == "phone",
                "no_profile": data["customer"] is not None and not _allows_profile(data["customer"]),
            }
    return show(request, "preview", context, tab="preview")


def _preview(request: HttpRequest, data: dict[str, Any]) -> Preview:
    customer = data["customer"]
    return Preview(
        staff=str(request.user.pk),
        customer="" if customer is None else str(customer.pk),
        segments=tuple(data["segments"]),
        moment=data["moment"].timestamp() if data["moment"] else None,
        drafts=tuple(data["drafts"]),
        language=data["language"],
        device=data["device"] or "computer",
    )


def _frames(preview: Preview, data: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, address) of each frame."""
    shown = [(pgettext("personalization", "As it would be"), preview)]
    if data["compared_with"] == "plain":
        shown.append((pgettext("personalization", "Without personalisation"), replace(preview, plain=True)))
    if data["compared_with"] == "campaigns":
        words = pgettext("personalization", "Without campaigns")
        shown.append((words, replace(preview, without_campaigns=True)))
    joint = "&" if "?" in data["page"] else "?"
    return [(title, f"{data['page']}{joint}{urlencode({PARAMETER: one.sign()})}") for title, one in shown]


def _allows_profile(customer: Any) -> bool:
    visitor = Visitor.objects.of_customer(customer.pk)
    return visitor is not None and visitor.consent == Consent.GRANTED
