"""One customer: what the shop knows of them. It is opened for a reason, which stands in the audit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from personalization import conf
from personalization.models import AuditAction, AuditEntry, ConsentRecord, ValueRun, Visitor
from personalization.models.fail_open import fail_open
from personalization.oscar.dashboard import customer_blocks, customer_messages, customer_segments, customer_timeline
from personalization.oscar.dashboard.expected_value import expected_value
from personalization.oscar.dashboard.screens import is_part, show
from personalization.privacy import consent, flows, households
from personalization.privacy.client_address import client_address
from personalization.privacy.data_download import AsyncDataDownload, DataDownload
from personalization.privacy.requester import Requester
from personalization.profile.taste_changes import read_taste_changes
from personalization.rate_limits import RateLimited
from personalization.shop import customers, orders

OPENING_TIME = timedelta(minutes=15)
"""For so long nobody who opened a customer is asked for a reason again."""
SHOWN_RECORDS = 200
SHOWN_IN_PART = 20
"""As much of the timeline is shown on the customer's page; the rest has a page of its own."""
KIND = "customer"
"""What the entries of the audit are about."""


class ReasonForm(forms.Form):
    """Why a customer is opened."""

    reason = forms.CharField(
        label=pgettext_lazy("personalization", "Reason"),
        max_length=100,
        help_text=gettext_lazy("Stands in the audit, for instance “asked by letter of 3 May”."),
    )


@dataclass(frozen=True)
class OpenedCustomer:
    """A customer whom a member of staff has opened, and why."""

    account: Any
    reason: str
    visitor: Visitor | None
    allows_profile: bool

    @classmethod
    def of_entry(cls, entry: AuditEntry) -> "OpenedCustomer":
        """The customer of an entry that `AuditQuerySet.latest_opening` read."""
        account: Any = entry.subject
        visitor = Visitor.objects.of_customer(account.pk, with_household=conf.get_settings().HOUSEHOLDS)
        allowed = consent.tracking_allowed(Requester(user=account, owns_session=False), visitor)
        return cls(account, entry.note, visitor, allowed)


OpenedView = Callable[[HttpRequest, OpenedCustomer], HttpResponse | StreamingHttpResponse]


def opened_lately(view: OpenedView) -> Callable[..., HttpResponse | StreamingHttpResponse]:
    """A view of a customer, for whom a reason was given a short time ago; else the page that asks for one."""

    @wraps(view)
    def ask_or_show(request: HttpRequest, key: str) -> HttpResponse | StreamingHttpResponse:
        account_key = _account_key(key)
        entry = AuditEntry.objects.latest_opening(request.user, account_key, now() - OPENING_TIME)
        if entry is not None:
            return view(request, OpenedCustomer.of_entry(entry))
        address = customer_address(_account_or_404(key))
        if is_part(request):
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)

    return ask_or_show


@require_http_methods(["GET", "POST"])
def show_customer(request: HttpRequest, key: str) -> HttpResponse:
    """Asks for a reason, and shows the customer once it was given; for a quarter of an hour it is not asked again."""
    if request.method == "GET":
        entry = AuditEntry.objects.latest_opening(request.user, _account_key(key), now() - OPENING_TIME)
        if entry is not None:
            return _customer_page(request, OpenedCustomer.of_entry(entry))
    account = _account_or_404(key)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return open_customer(request, account, form.cleaned_data["reason"])
    return show(request, "customer_reason", {"form": form, "key": account.pk}, tab="consent")


def open_customer(request: HttpRequest, account: Any, reason: str) -> HttpResponse:
    """Notes in the audit that this customer is opened, and leads to the page."""
    AuditEntry.objects.record(request.user, AuditAction.VIEW_CUSTOMER, kind=KIND, subject=account, note=reason)
    return HttpResponseRedirect(customer_address(account))


def customer_address(account: Any) -> str:
    """The address of a customer's page."""
    return reverse("personalization:personalization-customer", args=[account.pk])


def _customer_page(request: HttpRequest, opened: OpenedCustomer) -> HttpResponse:
    facts = getattr(opened.account, "personalization_facts", None) if opened.allows_profile else None
    context: dict[str, Any] = {"opened": opened, "customer": opened.account}
    context["name"] = customers.customer_name(opened.account)
    with fail_open("Reading a customer's orders for the dashboard", whole_page=True):
        context["value"] = customer_blocks.customer_value(orders.sums_by_currency(opened.account.pk), facts, now())
    if opened.allows_profile:
        with fail_open("Reading what is expected of a customer for the dashboard", whole_page=True):
            context["expected"] = expected_value(facts, ValueRun.objects.latest_run())
    with fail_open("Reading a customer's consent for the dashboard", whole_page=True):
        records = ConsentRecord.objects.filter(visitor=opened.visitor).order_by("-recorded_at", "-pk")
        context["records"] = list(records[:SHOWN_RECORDS]) if opened.visitor else []
    if opened.allows_profile and conf.get_settings().HOUSEHOLDS:
        with fail_open("Reading a customer's household for the dashboard", whole_page=True):
            context["household"] = households.household_state(opened.visitor, now())
    can_send = not conf.missing_message_settings()
    with fail_open("Reading a customer's messages for the dashboard", queries=can_send, whole_page=True):
        context["messages_to_them"] = customer_messages.customer_messages(opened.account)
    if opened.allows_profile and opened.visitor is not None:
        with fail_open("Reading a customer's tastes for the dashboard", whole_page=True):
            context["profile"] = customer_blocks.customer_profile(opened.visitor, facts, now())
        with fail_open("Reading what changed of a customer for the dashboard", whole_page=True):
            changes = read_taste_changes(opened.account.pk, facts, now().timestamp()) if facts else None
            context |= {"changes": changes, "changes_read": True}
    return show(request, "customer", context, tab="consent")


@require_GET
@opened_lately
def show_segments(request: HttpRequest, opened: OpenedCustomer) -> HttpResponse:
    """The live segments that the customer is in now; nothing of one who allows no profile."""
    context: dict[str, Any] = {"customer": opened.account, "opened": opened}
    if opened.allows_profile and opened.visitor is not None:
        context["membership"] = customer_segments.read_membership(opened.account, opened.visitor, now())
    return show(request, "customer_segments", context, tab="consent")


@require_GET
@opened_lately
def show_timeline(request: HttpRequest, opened: OpenedCustomer) -> HttpResponse:
    """The last orders and, where the customer allows a profile, events; within the customer's page the newest."""
    chosen = request.GET.get("kind", "")
    kinds = customer_timeline.timeline_kinds(with_events=opened.allows_profile)
    chosen = chosen if chosen in kinds else ""
    visitor = opened.visitor if opened.allows_profile else None
    entries = customer_timeline.read_timeline(opened.account.pk, visitor, chosen)
    shown = SHOWN_IN_PART if is_part(request) else customer_timeline.MAX_ENTRIES
    context = {
        "customer": opened.account,
        "opened": opened,
        "kinds": kinds,
        "chosen": chosen,
        "entries": entries[:shown],
        "has_more": len(entries) > shown or len(entries) == customer_timeline.MAX_ENTRIES,
        "most": customer_timeline.MAX_ENTRIES,
    }
    return show(request, "customer_timeline", context, tab="consent")


@require_POST
@opened_lately
def download_customer(request: HttpRequest, opened: OpenedCustomer) -> HttpResponse | StreamingHttpResponse:
    """What the customer would download themselves, as a JSON file; the audit says so."""
    try:
        download = DataDownload(_as_customer(request, opened), now())
    except RateLimited:
        messages.error(request, _("This is being downloaded already, or was too often. Try again in a minute."))
        return HttpResponseRedirect(customer_address(opened.account))
    AuditEntry.objects.record(request.user, AuditAction.EXPORT, kind=KIND, subject=opened.account, note=opened.reason)
    content = AsyncDataDownload(download) if isinstance(request, ASGIRequest) else download
    response = StreamingHttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="customer-{opened.account.pk}.json"'
    response["Cache-Control"] = "no-store, private"
    return response


@transaction.non_atomic_requests
@require_http_methods(["GET", "POST"])
@opened_lately
def forget_customer(request: HttpRequest, opened: OpenedCustomer) -> HttpResponse:
    """Asks once; posting it deletes everything that the customer could have deleted themselves."""
    if request.method == "GET":
        return show(request, "customer_erase", {"customer": opened.account, "opened": opened}, tab="consent")
    AuditEntry.objects.record(request.user, AuditAction.ERASE, kind=KIND, subject=opened.account, note=opened.reason)
    try:
        flows.erase_data(_as_customer(request, opened), now())
    except flows.NotYetDeleted:
        words = _("Nothing of this customer is used any more. Deleting takes longer than usual, and is made up for.")
        messages.warning(request, words)
    else:
        words = pgettext("personalization", "What was stored of customer %(key)s is deleted.")
        messages.success(request, words % {"key": opened.account.pk})
    return HttpResponseRedirect(reverse("personalization:personalization-consent"))


def _as_customer(request: HttpRequest, opened: OpenedCustomer) -> Requester:
    """The customer, as they would ask from the computer of this member of staff."""
    return Requester(user=opened.account, owns_session=False, address=client_address(request))


def _account_or_404(key: str) -> Any:
    account = customers.customer_by_key(key)
    if account is None:
        raise Http404
    return account


def _account_key(key: str) -> Any:
    parsed = customers.customer_primary_key(key.replace("\0", ""))
    if parsed is None:
        raise Http404
    return parsed
