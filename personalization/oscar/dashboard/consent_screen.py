"""Consent records: how many allow what, and the proof for one customer, which is read for a reason only."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from personalization.models import AuditAction, AuditEntry, Consent, ConsentRecord, Visitor
from personalization.oscar.dashboard.screens import show
from personalization.privacy.consent_lists import consent_counts
from personalization.shop.customers import NoSuchField, customers_by_field

SHOWN_RECORDS = 200


class ConsentSearchForm(forms.Form):
    """Whose records, and why. It is posted, so that no address names a customer."""

    customer = forms.CharField(
        label=gettext_lazy("Customer's e-mail address or number"), max_length=254, widget=forms.TextInput
    )
    reason = forms.CharField(
        label=pgettext_lazy("personalization", "Reason"),
        max_length=100,
        help_text=gettext_lazy("Stands in the audit, for instance “asked by letter of 3 May”."),
    )


@require_http_methods(["GET", "POST"])
def show_consent(request: HttpRequest) -> HttpResponse:
    """The numbers; posting the form shows the records of a customer, and notes that in the audit."""
    form = ConsentSearchForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        user, problem = _find_customer(form.cleaned_data["customer"].strip())
        if user is None:
            form.add_error("customer", problem)
        else:
            AuditEntry.objects.record(
                request.user,
                AuditAction.VIEW_CUSTOMER,
                kind="consent",
                subject=user,
                note=form.cleaned_data["reason"],
            )
            visitor = Visitor.objects.filter(user=user).first()
            records = ConsentRecord.objects.filter(visitor=visitor).order_by("-recorded_at", "-pk")
            context |= {
                "customer": user,
                "visitor": visitor,
                "records": list(records[:SHOWN_RECORDS]) if visitor else [],
            }
    counts = consent_counts()
    context["counts"] = [
        (label, counts.customers.get(value, 0), counts.browsers.get(value, 0)) for value, label in Consent.choices
    ]
    return show(request, "consent", context, tab="consent")


def _find_customer(text: str) -> tuple[Any, str]:
    """(the customer or None, why there is none)"""
    field = "email" if "@" in text else "id"
    text = text.replace("\0", "")
    try:
        found = customers_by_field([text], field)
    except NoSuchField:
        return None, _("This shop's customers have no e-mail address; expected a number.")
    if text not in found:
        return None, _("No customer has this e-mail address or number.")
    if found[text] is None:
        return None, _("Several customers have this e-mail address; give a number.")
    return get_user_model()._default_manager.filter(pk=found[text]).first(), ""
