"""Consent: how many allow what, and the search for a customer, who is opened for a reason only."""

from typing import Any

from django.forms import CharField, TextInput
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from personalization.models import Consent
from personalization.oscar.dashboard.customer_screen import ReasonForm, open_customer
from personalization.oscar.dashboard.screens import show
from personalization.privacy.consent_lists import consent_counts
from personalization.shop import customers

MAX_MATCHES = 20
"""As many customers are listed; who looks for one among more types more of the name."""


class CustomerSearchForm(ReasonForm):
    """Which customer, and why. It is posted, so that no address names a customer."""

    customer = CharField(
        label=gettext_lazy("Customer's name, e-mail address or number"), max_length=254, widget=TextInput
    )
    field_order = ("customer", "reason")


@require_http_methods(["GET", "POST"])
def show_consent(request: HttpRequest) -> HttpResponse:
    """The numbers; posting the form opens the customer, or lists those of whom one may be meant."""
    form = CustomerSearchForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        matches = customers.search_customers(form.cleaned_data["customer"], MAX_MATCHES + 1)
        if len(matches) == 1:
            return open_customer(request, matches[0], form.cleaned_data["reason"])
        if not matches:
            form.add_error("customer", _("No customer has this name, e-mail address or number."))
        context |= {
            "matches": [(user, customers.customer_name(user)) for user in matches[:MAX_MATCHES]],
            "has_more": len(matches) > MAX_MATCHES,
            "reason": form.cleaned_data["reason"],
        }
    counts = consent_counts()
    context["counts"] = [
        (label, counts.customers.get(value, 0), counts.browsers.get(value, 0)) for value, label in Consent.choices
    ]
    return show(request, "consent", context, tab="consent")
