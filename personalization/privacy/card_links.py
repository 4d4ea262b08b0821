"""Linking loyalty cards to an account, and unlinking them, at once for all that is learned from them."""

from datetime import datetime
from typing import Any

from django.db import transaction

from personalization import conf, rate_limits
from personalization.models import CardClaim, Consent, Genome, LoyaltyCard, Purchase, Visitor
from personalization.models.fail_open import fail_open
from personalization.privacy import identity
from personalization.privacy.flows import Refused
from personalization.privacy.loyalty_cards import hash_card_number
from personalization.privacy.requester import Requester
from personalization.profile import genome


def link_card(requester: Requester, number: str, receipt: str, now: datetime) -> int:
    """Makes what was bought with a card the customer's, and works out their genome; how many lines of receipts.

    Parameters: `receipt`, the number of one that was bought with it, where `CARD_NEEDS_RECEIPT` asks for it.

    Raises
    ------
    Refused
        With `no_consent`; with `unknown_card`, whether it is the card that is unknown or the receipt; with `card_taken`
        where another customer has it, which staff are told.
    RateLimited
        For one try too many.
    """
    rate_limits.check_card(requester.address, requester.limit_key)
    if not requester.is_signed_in or identity.get_or_create_consented(requester, now) is None:
        raise Refused("no_consent")
    found = _link(requester.user_id, hash_card_number(number), receipt.strip(), now)
    if isinstance(found, str):
        raise Refused(found)
    with fail_open("Working out a genome after a card was linked", whole_page=True):
        genome.refresh_genome([requester.user_id], now=now.timestamp())
    return found


@transaction.atomic
def _link(user_id: Any, number_hash: str, receipt: str, now: datetime) -> int | str:
    """How many lines became theirs, or why the card cannot be linked."""
    Visitor.objects.lock_for([user_id])  # before the card, as whoever erases them does
    card = LoyaltyCard.objects.lock_one(number_hash) if number_hash else None
    if card is None or not _is_proven(card, receipt):
        return "unknown_card"
    if card.user_id not in (None, user_id):
        CardClaim.objects.record(number_hash, user_id, now)
        return "card_taken"
    if card.user_id is None:
        card.user_id, card.since = user_id, now
        card.save(update_fields=["user", "since"])
    return Purchase.objects.move(card, None, user_id)


def _is_proven(card: LoyaltyCard, receipt: str) -> bool:
    if not conf.get_settings().CARD_NEEDS_RECEIPT:
        return True
    return bool(receipt) and Purchase.objects.filter(card=card, external_id=receipt).exists()


@transaction.atomic
def unlink_card(user_id: Any, card_id: int, now: datetime) -> bool:
    """Takes a card and what was bought with it from a customer, out of their genome, too; False where they have no such
    card. Never too often.

    The lines are nobody's from now on. Those of a customer who objects to learning from them are deleted.
    """
    visitor = Visitor.objects.lock_for([user_id]).get(user_id)
    card = LoyaltyCard.objects.filter(pk=card_id, user_id=user_id).select_for_update(no_key=True).first()
    if user_id is None or card is None:
        return False
    if visitor is not None and visitor.consent == Consent.WITHDRAWN:
        Purchase.objects.filter(card=card, user_id=user_id).delete_lines()
    else:
        Purchase.objects.move(card, user_id, None)
    card.user, card.since = None, None
    card.save(update_fields=["user", "since"])
    CardClaim.objects.settle([card.number_hash])
    Genome.objects.filter(user_id=user_id).update(neighbour_products=[])  # from what they bought, until the night
    genome.refresh_genome([user_id], now=now.timestamp())
    return True
