"""Where customers link their loyalty cards, and unlink them: forms of the page about their data."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.privacy import MAX_KEY
from personalization.privacy import card_links
from personalization.privacy.flows import Refused
from personalization.privacy.requester import requester_from_request


class LinkCardForm(forms.Form):
    """A card, and a receipt that was bought with it."""

    number = forms.CharField(max_length=64)
    receipt = forms.CharField(max_length=64, required=False)


class UnlinkCardForm(forms.Form):
    """Which of the customer's own cards."""

    card = forms.IntegerField(min_value=1, max_value=MAX_KEY)


@transaction.non_atomic_requests
@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def link_own_card(request: HttpRequest) -> HttpResponse:
    """Links a card to the account that is signed in."""
    form = LinkCardForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Enter the number of your card, and the receipt's where it is asked for."))
        return _back_to_cards()
    try:
        lines = card_links.link_card(requester_from_request(request), **form.cleaned_data, now=now())
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        words = ngettext(
            "Your card is linked. %(number)s line of your receipts counts as yours from now on.",
            "Your card is linked. %(number)s lines of your receipts count as yours from now on.",
            lines,
        )
        messages.success(request, words % {"number": lines})
    return _back_to_cards()


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def unlink_own_card(request: HttpRequest) -> HttpResponse:
    """Unlinks a card of the account that is signed in; the next page does not use what was bought with it."""
    form = UnlinkCardForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
    if card_links.unlink_card(requester_from_request(request).user_id, form.cleaned_data["card"], now()):
        messages.success(
            request, pgettext("personalization", "The card is unlinked. What you bought with it is not yours any more.")
        )
    else:
        messages.info(request, _("Nothing was changed."))
    return _back_to_cards()


def _back_to_cards() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("personalization:privacy"))
