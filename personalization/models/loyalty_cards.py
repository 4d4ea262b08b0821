"""Loyalty cards, of whose numbers only a keyed hash is stored, and who claimed one that another customer has."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy


class LoyaltyCardQuerySet(models.QuerySet):
    """Queries about cards."""

    def lock_all(self, hashes: Iterable[str]) -> "dict[str, LoyaltyCard]":
        """The cards of these hashed numbers, by the hash, made if need be; nobody links or unlinks them before the end
        of the transaction."""
        hashes = sorted(set(hashes))
        self.bulk_create([self.model(number_hash=each) for each in hashes], ignore_conflicts=True)
        rows = self.filter(number_hash__in=hashes).order_by("pk").select_for_update(no_key=True)
        return {card.number_hash: card for card in rows}

    def lock_one(self, number_hash: str) -> "LoyaltyCard | None":
        """The card of a hashed number, locked in the same way; None where nothing was bought with it."""
        return self.filter(number_hash=number_hash).select_for_update(no_key=True).first()

    def of_customer(self, user_id: Any) -> "list[LoyaltyCard]":
        """The cards that a customer linked, the oldest link first."""
        return list(self.filter(user_id=user_id).order_by("since", "pk"))


class LoyaltyCard(models.Model):
    """A card that a till knows, and the customer who linked it."""

    number_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    since = models.DateTimeField(null=True)
    """When the customer linked it."""

    objects = LoyaltyCardQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "loyalty card")
        verbose_name_plural = pgettext_lazy("personalization", "loyalty cards")
        default_permissions = ()

    def __str__(self) -> str:
        return f"card of customer {self.user_id}" if self.user_id else "card that nobody linked"


class CardClaimQuerySet(models.QuerySet):
    """Queries about refused claims."""

    def record(self, number_hash: str, user_id: Any, now: datetime) -> None:
        """Stores that a customer claimed a card that another one has. May be repeated."""
        row = self.model(number_hash=number_hash, user_id=user_id, at=now)
        keys = ["number_hash", "user"]
        self.bulk_create([row], update_conflicts=True, unique_fields=keys, update_fields=["at"])

    def settle(self, hashes: Iterable[str]) -> None:
        """Nobody has to decide about these cards any more."""
        self.filter(number_hash__in=list(hashes)).delete()

    def open_claims(self, limit: int) -> "list[tuple[CardClaim, LoyaltyCard]]":
        """(claim, the card with who has it), the newest first, in two queries."""
        claims = list(self.select_related("user").order_by("-at", "-pk")[:limit])
        cards = LoyaltyCard.objects.filter(number_hash__in=[claim.number_hash for claim in claims])
        found = {card.number_hash: card for card in cards.select_related("user")}
        return [(claim, found[claim.number_hash]) for claim in claims if claim.number_hash in found]

    def before(self, moment: datetime) -> "CardClaimQuerySet":
        """The earlier ones."""
        return self.filter(at__lt=moment)


class CardClaim(models.Model):
    """That a customer claimed a card which another one had linked: staff have to ask whose it is."""

    number_hash = models.CharField(max_length=64)
    """Not the card itself: a claim says nothing about the one who has it."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    objects = CardClaimQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "claim of a card")
        verbose_name_plural = pgettext_lazy("personalization", "claims of cards")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["number_hash", "user"], name="personalization_one_card_claim"),)

    def __str__(self) -> str:
        return f"claim at {self.at:%Y-%m-%d %H:%M}"
