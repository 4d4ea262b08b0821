"""Households: customers who agreed that what each of them buys counts for all, and what they bought together."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Count
from django.utils.translation import pgettext_lazy

from personalization.models.genomes import GENOME_FORMAT, Genome

MAX_MEMBERS = 8
GENOME_COLUMNS = ("products", "categories", "purchases", "distinct_products", "computed_at", "format")


class HouseholdQuerySet(models.QuerySet):
    """Queries about households."""

    def lock_households(self, keys: Iterable[int]) -> "dict[int, Household]":
        """Those of these households that there are. Nobody joins or leaves one of them, and nobody works out its
        genome, before the end of the transaction.

        Visitors are locked first: who holds a household waits for no visitor.
        """
        rows = self.filter(pk__in=set(keys)).order_by("pk").select_for_update(no_key=True)
        return {household.pk: household for household in rows}

    def keys_after(self, key: int, limit: int) -> list[int]:
        """The keys of the next households, ascending."""
        return list(self.filter(pk__gt=key).order_by("pk").values_list("pk", flat=True)[:limit])

    def is_large_for(self, user_id: Any, purchases: int) -> bool:
        """Whether the household of this customer, if there is one, is known to have bought more often than that."""
        return self.filter(members__visitor__user_id=user_id, purchases__gt=purchases).exists()

    def store_genomes(self, households: Iterable["Household"]) -> None:
        """Writes the genomes of these, whose rows are locked."""
        self.bulk_update(list(households), GENOME_COLUMNS, batch_size=100)


class Household(models.Model):
    """Up to `MAX_MEMBERS` customers. One of whom nobody has accepted an invitation yet is alone in it, without a genome
    of it."""

    products = models.JSONField(default=list)
    categories = models.JSONField(default=list)
    purchases = models.PositiveIntegerField(default=0)
    distinct_products = models.PositiveIntegerField(default=0)
    """As in `Genome`, from what the members bought together."""
    computed_at = models.DateTimeField(null=True)
    """None as long as nobody joined."""
    format = models.PositiveSmallIntegerField(default=GENOME_FORMAT, db_default=1)
    """Of the lists above, as in `Genome`."""

    objects = HouseholdQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "household")
        verbose_name_plural = pgettext_lazy("personalization", "households")
        default_permissions = ()

    def __str__(self) -> str:
        return f"household {self.pk}"

    def take_genome(self, genome: Genome | None, now: datetime) -> None:
        """Makes this what the members bought together; None for nothing."""
        found = Genome() if genome is None else genome
        for name in GENOME_COLUMNS:
            setattr(self, name, getattr(found, name))
        self.computed_at = now

    def genome_for(self, own: Genome) -> Genome:
        """What pages of a member go by, whose own genome this is. What similar customers buy stays the member's own:
        customers are compared, not households."""
        return Genome(
            products=self.products,
            categories=self.categories,
            neighbour_products=own.neighbour_products,
            purchases=self.purchases,
            distinct_products=self.distinct_products,
        )


class HouseholdMemberQuerySet(models.QuerySet):
    """Queries about who is in which household."""

    def households_of(self, user_ids: Iterable[Any]) -> set[int]:
        """The keys of the households of these customers."""
        rows = self.filter(visitor__user_id__in=list(user_ids)).order_by()
        return set(rows.values_list("household_id", flat=True))

    def of_user(self, user_id: Any) -> "HouseholdMember | None":
        """The membership of this customer."""
        return self.filter(visitor__user_id=user_id).first()

    def present(self, households: Iterable[int]) -> list[tuple[int, Any, Any]]:
        """(household, visitor's key, customer's key) of the members of these."""
        rows = self.filter(household__in=list(households)).order_by("pk")
        return list(rows.values_list("household_id", "visitor_id", "visitor__user_id"))

    def count_in(self, household_id: int) -> int:
        """How many members a household has."""
        return self.filter(household=household_id).count()

    def remove(self, visitor_ids: Iterable[Any]) -> None:
        """Takes these visitors out of their households, and their invitations back. Under the lock of the
        households."""
        keys = list(visitor_ids)
        HouseholdInvitation.objects.filter(maker__in=keys)._raw_delete(self.db)
        self.filter(visitor__in=keys)._raw_delete(self.db)


class HouseholdMember(models.Model):
    """That a customer is in a household: they said so themselves, and their consent holds."""

    household = models.ForeignKey(Household, on_delete=models.CASCADE, related_name="members")
    visitor = models.OneToOneField("Visitor", on_delete=models.DO_NOTHING, related_name="membership")
    since = models.DateTimeField()
    """When they joined; of the first, when somebody joined them."""

    objects = HouseholdMemberQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "member of a household")
        verbose_name_plural = pgettext_lazy("personalization", "members of households")
        default_permissions = ()

    def __str__(self) -> str:
        return f"member since {self.since:%Y-%m-%d %H:%M}"


class HouseholdInvitationQuerySet(models.QuerySet):
    """Queries about invitations."""

    def open_one(self, code_hash: str, now: datetime) -> "HouseholdInvitation | None":
        """The invitation with this hashed code, while it holds."""
        return self.filter(code_hash=code_hash, expires_at__gt=now).first()

    def open_of(self, visitor_id: Any, now: datetime) -> "list[HouseholdInvitation]":
        """The invitations of this visitor that hold, the oldest first."""
        return list(self.filter(maker=visitor_id, expires_at__gt=now).order_by("pk"))

    def expired(self, now: datetime) -> "HouseholdInvitationQuerySet":
        """Those that do not hold any more."""
        return self.filter(expires_at__lte=now)

    def count_open(self, households: Iterable[int], now: datetime) -> dict[int, int]:
        """How many hold, by household."""
        rows = self.filter(household__in=list(households), expires_at__gt=now).order_by().values_list("household_id")
        return dict(rows.annotate(Count("pk")))


class HouseholdInvitation(models.Model):
    """What a member hands over, so that one more customer can join. Of its code only a keyed hash is stored."""

    household = models.ForeignKey(Household, on_delete=models.CASCADE, related_name="+")
    maker = models.ForeignKey("Visitor", on_delete=models.DO_NOTHING, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = HouseholdInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "invitation to a household")
        verbose_name_plural = pgettext_lazy("personalization", "invitations to households")
        default_permissions = ()

    def __str__(self) -> str:
        return f"invitation until {self.expires_at:%Y-%m-%d %H:%M}"
