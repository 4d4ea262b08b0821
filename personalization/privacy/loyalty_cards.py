"""Loyalty cards: how their numbers are stored, which ones a customer has, and what is left after an erasure."""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization import conf
from personalization.models import CardClaim, LoyaltyCard, Purchase

SEPARATORS = re.compile(r"[\s\-./]+")


def hash_card_number(number: str) -> str:
    """The keyed hash of a card's number, however it is grouped and spelt in upper and lower case; "" where the shop has
    no key for it, or for no number."""
    key, plain = conf.get_settings().CARD_NUMBER_KEY, SEPARATORS.sub("", number).lower()
    return hmac.digest(key.encode(), plain.encode(), "sha256").hex() if key and plain else ""


@dataclass(frozen=True)
class LinkedCard:
    """A card of a customer's, as they see it."""

    id: int
    since: datetime | None
    lines: int
    """How many lines of receipts are stored of it."""


def can_link_cards() -> bool:
    """Whether the shop has cards that customers can link."""
    return bool(conf.get_settings().CARD_NUMBER_KEY)


def linked_cards(user_id: Any) -> list[LinkedCard]:
    """The cards that a customer linked. No query in a shop that has none."""
    if user_id is None or not can_link_cards():
        return []
    cards = LoyaltyCard.objects.of_customer(user_id)
    lines = Purchase.objects.lines_by_card(card.pk for card in cards) if cards else {}
    return [LinkedCard(card.pk, card.since, lines.get(card.pk, 0)) for card in cards]


def erase_card_data(user_id: Any) -> None:
    """Deletes the links of a customer's cards and what they bought in stores; by the setting `KEEP_ERASED_PURCHASES`
    the lines stay, as nobody's."""
    cards = list(LoyaltyCard.objects.filter(user_id=user_id).values_list("pk", "number_hash"))
    lines = Purchase.objects.filter(user_id=user_id)
    if conf.get_settings().KEEP_ERASED_PURCHASES:
        lines.update(user=None, card=None)
    else:
        lines.delete_lines()
    CardClaim.objects.filter(user_id=user_id).delete()
    if cards:
        keys = [pk for pk, _ in cards]
        Purchase.objects.filter(card__in=keys).update(card=None)
        CardClaim.objects.settle(number_hash for _, number_hash in cards)
        LoyaltyCard.objects.filter(pk__in=keys)._raw_delete(LoyaltyCard.objects.db)
