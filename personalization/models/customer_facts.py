"""What segments ask of a customer: one row of numbers and dates each, and a narrow table of what they bought and chose.

Both are written with the genome, by one function, and are deleted with it. Left out, as the shop's tables do not hold
it or it would be out of date the moment after: what lies in the basket, margins, the language and the device of an
account, permissions to be mailed, households.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import pgettext_lazy

from personalization.batching import batched
from personalization.models.deliveries import Delivery
from personalization.models.value_runs import ValueRun

MAX_TASTES = 30
"""As many of each kind are kept of a customer: those with the largest share, then the latest."""
USERS_PER_BATCH = 500


class TasteKind(models.TextChoices):
    """What the key of a taste is the key of."""

    CATEGORY = "category", pgettext_lazy("personalization", "category")
    BRAND = "brand", pgettext_lazy("personalization", "brand")
    ATTRIBUTE = "attribute", pgettext_lazy("personalization", "attribute")
    PRODUCT = "product", pgettext_lazy("personalization", "product")
    WISH = "wish", pgettext_lazy("personalization", "product on a wish list")
    ALERT = "alert", pgettext_lazy("personalization", "product that they wait for")
    VOUCHER = "voucher", pgettext_lazy("personalization", "voucher")
    NEW = "new", pgettext_lazy("personalization", "new category")
    OFFER = "offer", pgettext_lazy("personalization", "offer")
    GROUP = "group", pgettext_lazy("personalization", "group of customers")


class Taste(NamedTuple):
    """One thing that a customer bought, used, waits for or belongs to."""

    kind: str
    key: int
    share: float = 0.0
    """The part of the weight of all that they bought; 0 for what cannot be bought."""
    purchases: int = 0
    """The number of days (UTC) on which they bought it."""
    last_at: float | None = None
    """The last moment, in whole seconds since 1970; None where nothing tells. Of a new category the first one."""


class CustomerFactsQuerySet(models.QuerySet):
    """The questions about facts."""

    def of_customers(self, user_ids: Iterable[object]) -> "dict[object, CustomerFacts]":
        """The facts of these customers by the customer's key, in one query."""
        return {facts.user_id: facts for facts in self.filter(user_id__in=list(user_ids))}

    def computed_times(self) -> dict[Any, datetime]:
        """When the facts of each customer were worked out. One query."""
        return dict(self.order_by().values_list("user_id", "computed_at"))

    def allowing(self, allowed: models.Q, after: int, limit: int) -> list[Any]:
        """The next facts of active accounts that may be told something, each with its account's `address`, in the order
        of their keys. One query. Parameters: `allowed`, a condition on the column `user`; `after`, a key."""
        address = models.F(f"user__{get_user_model().get_email_field_name()}")
        rows = self.filter(allowed, pk__gt=after, user__is_active=True).annotate(address=address)
        return list(rows.exclude(address="").order_by("pk").defer("tastes")[:limit])

    def without_order(self, kind: str, allowed: models.Q, since: datetime, until: datetime, limit: int) -> list[Any]:
        """The facts of active accounts that were made between two moments, have not ordered, and may be told something,
        each with its account's `address`; without those to whom a message of this kind came up before. One query.
        Parameters: `allowed`, a condition on the column `user`."""
        written = Delivery.objects.filter(user=models.OuterRef("user"), kind=kind)
        address = models.F(f"user__{get_user_model().get_email_field_name()}")
        rows = self.filter(
            allowed, ~models.Exists(written), joined__gte=since, joined__lte=until, orders=0, user__is_active=True
        ).annotate(address=address)
        return list(rows.exclude(address="").order_by("pk").defer("tastes")[:limit])

    def median_kept_revenue(self) -> Any:
        """What half of the customers who kept an order brought less than; None where there are none. Two queries over
        an index."""
        rows = self.filter(kept_revenue__gt=0).order_by("kept_revenue")
        count = rows.count()
        return rows.values_list("kept_revenue", flat=True)[count // 2] if count else None

    def store(self, rows: "Iterable[CustomerFacts]") -> None:
        """Writes these, over those that the same customers had, whose tiers stay; and their tastes, where they changed.
        Inside a transaction that holds the customers' visitors."""
        rows = list(rows)
        known = dict(self.filter(user_id__in=[row.user_id for row in rows]).values_list("user_id", "tastes"))
        changed = [row for row in rows if known.get(row.user_id, "") != row.tastes]
        self.bulk_create(
            rows, update_conflicts=True, unique_fields=["user"], update_fields=COMPUTED_FIELDS, batch_size=200
        )
        CustomerTaste.objects.replace({row.user_id: row.read_tastes() for row in changed})

    def store_tiers(self) -> None:
        """Works out the tiers of all customers, who are compared with each other for it."""
        rows = list(self.filter(kept_orders__gt=0).order_by("user_id").values_list("user_id", *TIERS.values()))
        tiers = [_tiers([row[column] for row in rows], count) for column, count in ((1, 10), (2, 5), (3, 5))]
        found = dict(zip((row[0] for row in rows), zip(*tiers, strict=True), strict=True))
        before = {user: tuple(old) for user, *old in self.values_list("user_id", *TIERS)}
        groups: dict[tuple[int | None, ...], list[Any]] = {}
        for user, old in before.items():
            new = found.get(user, (None,) * len(TIERS))
            if new != old:
                groups.setdefault(new, []).append(user)
        for new, users in groups.items():
            for batch in batched(users, USERS_PER_BATCH):
                self.filter(user_id__in=batch).update(**dict(zip(TIERS, new, strict=True)))

    def for_months(self, user_ids: Iterable[object]) -> "list[CustomerFacts]":
        """The facts of these customers, as far as a row of a month holds them. One query."""
        return list(self.filter(user_id__in=list(user_ids)).order_by("user_id").only(*MONTH_FIELDS))

    def store_tier_dates(self, dates: dict[Any, datetime | None]) -> None:
        """Writes since when these customers are in their value tier, where that changed. Inside a transaction that
        holds their visitors."""
        known = self.filter(user_id__in=list(dates)).values_list("user_id", "value_tier_since")
        groups: dict[datetime | None, list[Any]] = {}
        for user, since in known:
            if dates[user] != since:
                groups.setdefault(dates[user], []).append(user)
        for since, users in groups.items():
            self.filter(user_id__in=users).update(value_tier_since=since)

    def store_values(self, values: "Iterable[CustomerFacts]", run: ValueRun) -> None:
        """Writes what a run expects of these customers, those of them who have facts. Inside a transaction that holds
        their visitors."""
        rows = {row.user_id: row for row in values}
        present = self.filter(user_id__in=list(rows)).values_list("user_id", flat=True)
        own = [rows[user] for user in present]
        for row in own:
            row.value_run = run
        self.bulk_create(own, update_conflicts=True, unique_fields=["user"], update_fields=VALUE_FIELDS, batch_size=200)

    def forget_values_before(self, run: ValueRun) -> None:
        """Empties what earlier runs expected of customers of whom this one says nothing."""
        blank: dict[str, Any] = {**dict.fromkeys(VALUE_FIELDS), "order_days": [], "value_reasons": []}
        self.filter(~models.Q(value_run=run), expected_tier__isnull=False).update(**blank)

    def delete_except(self, user_ids: Iterable[object]) -> None:
        """Deletes facts and tastes of all other customers."""
        kept = set(user_ids)
        gone = {pk for pk in self.values_list("user_id", flat=True) if pk not in kept}
        gone |= {pk for pk in CustomerTaste.objects.customers() if pk not in kept}
        self.delete_of(gone)

    def delete_of(self, user_ids: Iterable[object]) -> None:
        """Deletes facts and tastes of these customers."""
        for batch in batched(list(user_ids), USERS_PER_BATCH):
            self.filter(user_id__in=batch)._raw_delete(self.db)
            CustomerTaste.objects.filter(user_id__in=batch)._raw_delete(self.db)


def _tiers(values: list[Any], count: int) -> list[int]:
    """For each value its part of `count` equally large ones, 1 for the smallest; equal values have one tier."""
    below: dict[Any, int] = {}
    for index, value in enumerate(sorted(values)):
        below.setdefault(value, index)
    return [1 + count * below[value] // len(values) for value in values]


class CustomerFacts(models.Model):
    """Numbers and dates of a customer, of their orders and of their purchases in stores, as far as they may be used."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="personalization_facts",
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    orders = models.PositiveIntegerField(pgettext_lazy("personalization", "orders"), default=0)
    """All, with those that were cancelled or came back."""
    kept_orders = models.PositiveIntegerField(pgettext_lazy("personalization", "kept orders"), default=0)
    """Those of which at least one line counts as bought."""
    units = models.PositiveIntegerField(pgettext_lazy("personalization", "units"), default=0)
    """Pieces bought and kept."""
    revenue = models.DecimalField(
        pgettext_lazy("personalization", "revenue"), max_digits=14, decimal_places=2, default=0
    )
    """With tax, without shipping, of the orders in `currency`; those in others are counted, their money is not."""
    kept_revenue = models.DecimalField(
        pgettext_lazy("personalization", "kept revenue"), max_digits=14, decimal_places=2, default=0, db_index=True
    )
    """What is left of it without what was cancelled or came back."""
    year_revenue = models.DecimalField(
        pgettext_lazy("personalization", "kept revenue of a year"), max_digits=14, decimal_places=2, default=0
    )
    """The kept revenue of the last 365 days."""
    currency = models.CharField(pgettext_lazy("personalization", "currency"), max_length=12, blank=True)
    """The shop's own."""
    aov = models.DecimalField(
        pgettext_lazy("personalization", "average order"), max_digits=14, decimal_places=2, null=True
    )
    """Kept revenue for each kept order; None without one in that currency."""
    returns_share = models.FloatField(pgettext_lazy("personalization", "share of returns"), null=True)
    """The part of all pieces ordered that was cancelled or came back, 0 to 1; None where nothing was ordered."""
    store_share = models.FloatField(pgettext_lazy("personalization", "share of purchases in stores"), null=True)
    """The part of the kept orders, 0 to 1, that are receipts of stores; None without one. Orders, units and money here
    are of both."""
    first_order = models.DateTimeField(pgettext_lazy("personalization", "first order"), null=True)
    last_order = models.DateTimeField(pgettext_lazy("personalization", "last order"), null=True, db_index=True)
    """Of the kept orders."""
    next_due = models.DateTimeField(pgettext_lazy("personalization", "next order due"), null=True, db_index=True)
    """The last kept order and the median pause between the days of their orders; None for fewer than three days."""
    silent_from = models.DateTimeField(
        pgettext_lazy("personalization", "silent longer than usual from"), null=True, db_index=True
    )
    """The last kept order and the pause that nine of ten pauses between the days of their orders did not exceed; None
    for fewer than five such days."""
    wish_items = models.PositiveIntegerField(pgettext_lazy("personalization", "products on wish lists"), default=0)
    alerts = models.PositiveIntegerField(pgettext_lazy("personalization", "products waited for"), default=0)
    reviews = models.PositiveIntegerField(pgettext_lazy("personalization", "reviews"), default=0)
    value_tier = models.PositiveSmallIntegerField(
        pgettext_lazy("personalization", "value tier"), null=True, db_index=True
    )
    """1 to 10 by the kept revenue of a year; this and the other tiers are worked out in the nightly sweep."""
    value_tier_since = models.DateTimeField(
        pgettext_lazy("personalization", "value tier since"), null=True, db_index=True
    )
    """When they reached this tier, by the training run that found it first in a month; None where nobody knows."""
    recency_tier = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "recency tier"), null=True)
    """1 to 5; 5 for those who ordered last."""
    frequency_tier = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "frequency tier"), null=True)
    """1 to 5; 5 for those with the most kept orders."""
    expected_orders = models.FloatField(pgettext_lazy("personalization", "expected orders"), null=True)
    """Days with an order within 90 days from `value_run` on; this and what follows is worked out in the nightly sweep,
    and None or empty where nothing is expected or the shop has too little history."""
    expected_spend = models.DecimalField(
        pgettext_lazy("personalization", "expected spend"), max_digits=14, decimal_places=2, null=True, db_index=True
    )
    """Within 90 days, with tax, without shipping, in `currency`."""
    expected_year_spend = models.DecimalField(
        pgettext_lazy("personalization", "expected spend of a year"), max_digits=14, decimal_places=2, null=True
    )
    order_chance = models.FloatField(pgettext_lazy("personalization", "chance of an order"), null=True)
    """Of an order within 90 days, 0 to 1."""
    order_days = models.JSONField(pgettext_lazy("personalization", "days to the next order"), default=list)
    """By how many days from the run on the next order comes with a chance of 10, 50 and 90 %; 90 for later or never."""
    expected_tier = models.PositiveSmallIntegerField(
        pgettext_lazy("personalization", "tier by expected spend"), null=True, db_index=True
    )
    """1 for the tenth of all customers of whom most is expected, 2 for the next fifth, 3 for the others."""
    value_reasons = models.JSONField(pgettext_lazy("personalization", "reasons for the expectation"), default=list)
    """[[code, own number, with what it is compared], ...]; see `train.customer_value.customer_reasons`."""
    value_order_days = models.PositiveIntegerField(pgettext_lazy("personalization", "order days behind it"), null=True)
    value_history_days = models.PositiveIntegerField(
        pgettext_lazy("personalization", "days of history behind it"), null=True
    )
    """Since the first of these orders."""
    value_run = models.ForeignKey(
        ValueRun,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "forecast"),
    )
    country = models.CharField(pgettext_lazy("personalization", "country"), max_length=2, blank=True, db_index=True)
    """The ISO code of the country that their last order with an address was sent to."""
    joined = models.DateTimeField(pgettext_lazy("personalization", "joined"), null=True, db_index=True)
    is_staff = models.BooleanField(pgettext_lazy("personalization", "is staff"), default=False)
    tastes = models.TextField(pgettext_lazy("personalization", "tastes"), default="[]")
    """The rows of `CustomerTaste` as JSON, `[[kind, key, share, days, last moment], ...]`: a text, so that a page that
    asks for no segment does not parse it."""
    computed_at = models.DateTimeField(pgettext_lazy("personalization", "computed at"))

    objects = CustomerFactsQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "facts of a customer")
        verbose_name_plural = pgettext_lazy("personalization", "facts of customers")

    def __str__(self) -> str:
        return f"facts of customer {self.user_id}"

    def read_tastes(self) -> list[Taste]:
        """The tastes, the strongest of each kind first."""
        return [Taste(*row) for row in json.loads(self.tastes)]

    @cached_property
    def taste_index(self) -> dict[str, dict[int, Taste]]:
        """The tastes by kind and key."""
        index: dict[str, dict[int, Taste]] = {}
        for taste in self.read_tastes():
            index.setdefault(taste.kind, {})[taste.key] = taste
        return index


TIERS = {"value_tier": "year_revenue", "recency_tier": "last_order", "frequency_tier": "kept_orders"}
"""By tier, what it is a tier of."""
VALUE_FIELDS = [
    *("expected_orders", "expected_spend", "expected_year_spend", "order_chance", "order_days", "expected_tier"),
    *("value_reasons", "value_order_days", "value_history_days", "value_run"),
]
"""What a run expects of a customer."""
_SWEPT_FIELDS = {"id", "user", *TIERS, "value_tier_since", *VALUE_FIELDS}
COMPUTED_FIELDS = [field.name for field in CustomerFacts._meta.fields if field.name not in _SWEPT_FIELDS]
READ_FIELDS = [*COMPUTED_FIELDS, *TIERS, "value_tier_since", "expected_spend", "order_chance", "expected_tier"]
"""What a decision may ask for."""
MONTH_FIELDS = ("user_id", "tastes", "kept_orders", "year_revenue", *TIERS, "value_tier_since", "expected_tier")


class CustomerTasteQuerySet(models.QuerySet):
    """The questions about tastes."""

    def replace(self, tastes: dict[Any, list[Taste]]) -> None:
        """Writes the tastes of these customers in the place of those that they had."""
        for batch in batched(list(tastes), USERS_PER_BATCH):
            self.filter(user_id__in=batch)._raw_delete(self.db)
        self.bulk_create(
            (
                CustomerTaste(
                    user_id=user,
                    kind=taste.kind,
                    key=taste.key,
                    share=taste.share,
                    purchases=taste.purchases,
                    last_at=None if taste.last_at is None else datetime.fromtimestamp(taste.last_at, UTC),
                )
                for user, rows in tastes.items()
                for taste in rows
            ),
            batch_size=1000,
        )

    def chosen(self, user_ids: Iterable[Any], kinds: Iterable[str]) -> Iterable[tuple[Any, str, int]]:
        """(customer's key, kind, key) of the tastes of these customers of some kinds. One query."""
        rows = self.filter(user_id__in=list(user_ids), kind__in=list(kinds)).order_by()
        return rows.values_list("user_id", "kind", "key")

    def customers(self) -> Iterable[Any]:
        """The keys of all customers with one."""
        return self.order_by("user_id").values_list("user_id", flat=True).distinct()

    def most_common(self, kind: str, limit: int = 20) -> list[int]:
        """The keys of this kind that most customers have, the most common first."""
        rows = self.filter(kind=kind).values_list("key").annotate(customers=models.Count("user"))
        return [key for key, _ in rows.order_by("-customers", "key")[:limit]]


class CustomerTaste(models.Model):
    """One thing that a customer bought, used, waits for or belongs to; it makes such customers countable."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    kind = models.CharField(pgettext_lazy("personalization", "kind"), max_length=9, choices=TasteKind.choices)
    key = models.BigIntegerField(pgettext_lazy("personalization", "key"))
    """The primary key of a category, product, option of an attribute, voucher, offer or group; a hash for a text."""
    share = models.FloatField(pgettext_lazy("personalization", "share"), default=0)
    purchases = models.PositiveIntegerField(pgettext_lazy("personalization", "purchases"), default=0)
    last_at = models.DateTimeField(pgettext_lazy("personalization", "last time"), null=True)

    objects = CustomerTasteQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "taste of a customer")
        verbose_name_plural = pgettext_lazy("personalization", "tastes of customers")
        constraints = (models.UniqueConstraint(fields=["user", "kind", "key"], name="personalization_one_taste"),)
        indexes = (
            models.Index("kind", "key", models.F("share").desc(), name="personalization_taste_share"),
            models.Index("kind", "key", "last_at", name="personalization_taste_last"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key} of customer {self.user_id}"
