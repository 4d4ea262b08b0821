"""The customers of a campaign: in which arm each is, since when, of which value they were, and their voucher code."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from personalization.models.definitions import Definition, DefinitionState
from personalization.models.deliveries import Arm, Delivery
from personalization.models.visitors import Consent, Visitor


class ValuePart(models.IntegerChoices):
    """The part that a customer was in by what they were expected to spend."""

    UNKNOWN = 0, pgettext_lazy("personalization", "not known yet")
    TOP = 1, pgettext_lazy("personalization", "top tenth")
    NEXT = 2, pgettext_lazy("personalization", "next fifth")
    OTHER = 3, pgettext_lazy("personalization", "all others")


class PartSums(NamedTuple):
    """All customers of a campaign of one value and one arm."""

    value_part: int
    arm: str
    people: int
    orders: int
    kept_amount: float
    kept_squares: float


class CampaignCustomerQuerySet(models.QuerySet):
    """The questions about the customers of campaigns."""

    def of_campaign(self, campaign_id: int) -> Self:
        """All customers of a campaign."""
        return self.filter(campaign=campaign_id)

    def enrol(self, rows: "Iterable[CampaignCustomer]") -> None:
        """Stores who is in the audience from now on; whoever asked for a code before keeps it."""
        self.bulk_create(
            rows,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["campaign", "user"],
            update_fields=["arm", "value_part", "enrolled_at"],
        )

    def not_enrolled(self, users: models.QuerySet[Any], campaign_id: int) -> models.QuerySet[Any]:
        """Those of these accounts who agreed to personalisation and were not found in a campaign's audience yet."""
        agreed = Visitor.objects.filter(user=models.OuterRef("pk"), consent=Consent.GRANTED)
        enrolled = self.filter(user=models.OuterRef("pk"), campaign=campaign_id, enrolled_at__isnull=False)
        return users.filter(models.Exists(agreed), ~models.Exists(enrolled))

    def lock_customer(self, campaign_id: int, user_id: Any) -> "CampaignCustomer":
        """The row of a customer, made where there is none, which nobody else changes until the transaction ends."""
        self.bulk_create([self.model(campaign_id=campaign_id, user_id=user_id)], ignore_conflicts=True)
        row: CampaignCustomer = self.select_for_update().get(campaign=campaign_id, user=user_id)
        return row

    def voucher_of(self, campaign_id: int, user_id: Any) -> int | None:
        """The key of the voucher that a customer has of a campaign; None for none. One query."""
        rows = self.filter(campaign=campaign_id, user=user_id).values_list("voucher_id", flat=True)
        return rows.first()

    def vouchers_of_customers(self, user_ids: Iterable[Any]) -> list[int]:
        """The keys of all vouchers that these customers have."""
        rows = self.filter(user__in=list(user_ids), voucher_id__isnull=False)
        return list(rows.values_list("voucher_id", flat=True))

    def count_codes(self, campaign_id: int) -> int:
        """How many customers have a code of a campaign, used or not; who had their data erased counts no more."""
        return self.filter(campaign=campaign_id, voucher_id__isnull=False).count()

    def in_open_batches(self, size: int) -> "Iterator[list[CampaignCustomer]]":
        """Those whose numbers may still change, by key."""
        last, rows = 0, self.filter(enrolled_at__isnull=False, is_settled=False).order_by("pk")
        while batch := list(rows.filter(pk__gt=last)[:size]):
            yield batch
            last = batch[-1].pk

    def sums_of_campaign(self, campaign_id: int) -> list[PartSums]:
        """What a campaign's customers came to, by their value and their arm. One query."""
        rows = self.filter(campaign=campaign_id, enrolled_at__isnull=False).order_by().values("value_part", "arm")
        sums = rows.annotate(
            people=models.Count("pk"),
            all_orders=models.Sum("orders"),
            all_kept=models.Sum("kept_amount"),
            squares=models.Sum(models.F("kept_amount") * models.F("kept_amount")),
        )
        columns = ("value_part", "arm", "people", "all_orders", "all_kept", "squares")
        return [PartSums(*row) for row in sums.values_list(*columns)]

    def ended_before(self, moment: datetime) -> Self:
        """Those who came in before a moment, of campaigns that are not live: who is taken out of a live one would come
        in once more, and be written to once more."""
        return self.filter(enrolled_at__lt=moment).exclude(campaign__state=DefinitionState.LIVE)

    def to_be_written_to(self, campaign_ids: Iterable[int], kind: str, allowed: models.Q, limit: int) -> list[Any]:
        """The customers of these campaigns, without those held back, to whom no message of this kind came up for the
        campaign, and who may be told something. One query. Parameters: `allowed`, a condition on the column `user`."""
        written = Delivery.objects.filter(
            user=models.OuterRef("user"), kind=kind, source_id=models.OuterRef("campaign")
        )
        rows = self.filter(allowed, campaign__in=list(campaign_ids), arm=Arm.TREATED, user__is_active=True)
        rows = rows.filter(~models.Exists(written), enrolled_at__isnull=False)
        return list(rows.select_related("user").order_by("pk")[:limit])


class CampaignCustomer(models.Model):
    """One customer of one campaign."""

    campaign = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    arm = models.CharField(max_length=10, choices=Arm.choices, default=Arm.TREATED)
    value_part = models.PositiveSmallIntegerField(choices=ValuePart.choices, default=ValuePart.UNKNOWN)
    """As it was when they came in: what a campaign does must not move anybody between the parts of its report."""
    enrolled_at = models.DateTimeField(null=True)
    """When they were first found in the audience; None for who only got a code so far, who is in no report."""
    voucher_id = models.BigIntegerField(null=True)
    """The key of Oscar's voucher; None while none is made."""

    orders = models.PositiveIntegerField(default=0)
    """Kept ones, within `measure.campaign_outcomes.WINDOW` from then on, ..."""
    kept_amount = models.FloatField(default=0)
    """... and what the shop kept of the money, in its own currency."""
    is_settled = models.BooleanField(default=False)
    """Whether the time is over, its orders are too old to come back, and it was counted since."""

    objects = CampaignCustomerQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["campaign", "user"], name="personalization_campaign_customer"),)

    def __str__(self) -> str:
        return f"{self.campaign_id}.{self.user_id}"
