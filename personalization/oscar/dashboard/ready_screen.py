"""The page that offers the ready-made campaigns, and the short form from which one is made as drafts."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from personalization.merchandising import publishing
from personalization.merchandising.ready_campaigns import (
    HOLD_BACK,
    CampaignSettings,
    ReadyCampaign,
    make_ready_campaign,
    ready_campaigns,
)
from personalization.oscar.dashboard.screens import show
from personalization.oscar.dashboard.voucher_forms import PERCENT, USUAL_DAYS, VoucherForm
from personalization.shop import catalogue


class ReadyForm(VoucherForm):
    """The few things that a ready-made campaign leaves open."""

    offered: ClassVar = {**VoucherForm.offered, "category": "categories"}
    category = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Category"), coerce=int, required=False, empty_value=None
    )

    def __init__(self, *arguments: Any, ready: ReadyCampaign, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ready = ready
        del self.fields["code_range"]
        if ready.needs_category:
            self.fields["category"].required = True
        else:
            del self.fields["category"]

    def chosen(self) -> CampaignSettings:
        """What was chosen. Call it when the form is valid."""
        parts, key = self.voucher_parts(), self.cleaned_data.get("category")
        category = catalogue.categories_by_id([key]).get(key) if key else None
        return CampaignSettings(
            category=key,
            category_name=category.label if category else "",
            category_path=category.get_absolute_url() if category else "",
            voucher=parts.get("voucher"),
            hold_back=parts.get("hold_back", 0.0),
        )


@require_GET
def offer_ready_campaigns(request: HttpRequest) -> HttpResponse:
    """All ready-made campaigns, each with what it makes."""
    return show(request, "ready_campaigns", {"campaigns": ready_campaigns().values()}, tab="campaigns")


@require_http_methods(["GET", "POST"])
def make_campaign(request: HttpRequest, code: str) -> HttpResponse:
    """The form of one of them; posting it makes the drafts of all parts."""
    ready = ready_campaigns().get(code)
    if ready is None:
        raise Http404("There is no such campaign.")
    if not request.user.has_perms(["personalization.change_segments", "personalization.change_messages"]):
        messages.error(request, _("It takes the permissions to change segments and messages, too."))
        return HttpResponseRedirect(reverse("personalization:personalization-campaigns"))
    initial = {
        "hold_back_percent": 100 * HOLD_BACK,
        "code_kind": PERCENT,
        "code_value": ready.percent,
        "code_days": USUAL_DAYS,
    }
    form = ReadyForm(request.POST if request.method == "POST" else None, initial=initial, ready=ready)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = make_ready_campaign(ready, form.chosen(), request.user)
        except publishing.InvalidDocumentError as error:
            form.add_error(None, str(error))
        except publishing.NotPossibleError as error:
            form.add_error(None, str(error))
        else:
            words = pgettext("personalization", "“%(name)s” is made, as drafts. Change what you like, then publish it.")
            messages.success(request, words % {"name": campaign.name})
            return HttpResponseRedirect(reverse("personalization:personalization-campaign-whole", args=[campaign.pk]))
    return show(request, "ready_campaign_form", {"ready": ready, "form": form}, tab="campaigns")
