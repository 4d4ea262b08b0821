"""Loyalty cards that two customers claim: staff find out whose they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from personalization.models import AuditAction, AuditEntry, CardClaim, LoyaltyCard
from personalization.privacy.card_links import unlink_card
from personalization.privacy.loyalty_cards import can_link_cards

MAX_CLAIMS = 50
"""As many are listed, the latest."""


@dataclass(frozen=True)
class ClaimedCard:
    """A card that a customer linked, and another one claims."""

    card_id: int
    owner: Any
    claimant: Any
    linked_at: datetime | None
    claimed_at: datetime


def claimed_cards() -> list[ClaimedCard]:
    """Those about which nobody decided yet. No query in a shop without cards."""
    if not can_link_cards():
        return []
    return [
        ClaimedCard(card.pk, card.user, claim.user, card.since, claim.at)
        for claim, card in CardClaim.objects.open_claims(MAX_CLAIMS)
        if card.user is not None
    ]


@require_POST
@transaction.atomic
def unlink_claimed_card(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes a card from the customer who has it: whoever has it in their hands can link it then."""
    card = get_object_or_404(LoyaltyCard.objects.filter(user__isnull=False).select_related("user"), pk=pk)
    AuditEntry.objects.record(request.user, AuditAction.CHANGE, kind="card", object_id=pk, subject=card.user)
    unlink_card(card.user_id, pk, now())
    messages.success(request, pgettext("personalization", "The card is unlinked. The other customer can link it now."))
    return HttpResponseRedirect(reverse("personalization:personalization-data"))
