"""What each night's forecast of customers rests on, and how good it was on the shop's own last days: about nobody."""

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

RUNS_KEPT = 60


class ValueRunQuerySet(models.QuerySet):
    """The questions about runs."""

    def latest_run(self) -> "ValueRun | None":
        """The run whose forecasts are stored with the customers."""
        return self.order_by("-pk").first()

    def store(self, run: "ValueRun") -> "ValueRun":
        """Adds a run, and drops those that are too old to compare with."""
        run.save(using=self.db, force_insert=True)
        kept = list(self.order_by("-pk").values_list("pk", flat=True)[:RUNS_KEPT])
        self.exclude(pk__in=kept).delete()
        return run


class ValueRun(models.Model):
    """One forecast of all customers."""

    computed_at = models.DateTimeField(pgettext_lazy("personalization", "computed at"))
    """The end of the history that it was learned from."""
    method = models.CharField(pgettext_lazy("personalization", "method"), max_length=16, blank=True)
    """A constant of `train.customer_value.forecast`; "" without orders."""
    currency = models.CharField(pgettext_lazy("personalization", "currency"), max_length=12)
    """The shop's own: orders in others are left out."""
    has_enough_history = models.BooleanField(pgettext_lazy("personalization", "has enough history"))
    """Whether forecasts were stored with the customers."""
    customers = models.PositiveIntegerField(pgettext_lazy("personalization", "customers"))
    """Of whom something is expected, whatever they allow: those who ordered."""
    history_days = models.PositiveIntegerField(pgettext_lazy("personalization", "days of history"))
    parameters = models.JSONField(pgettext_lazy("personalization", "parameters"), default=dict)
    """What was learned of the shop, by name."""
    expected = models.JSONField(pgettext_lazy("personalization", "expected"), default=dict)
    """By tier the number of its customers and what they are expected to spend: {"1": [customers, spend], ...}."""
    back_test = models.JSONField(pgettext_lazy("personalization", "back-test"), null=True)
    """What `train.customer_value.back_test` found; None where the history is too short."""

    objects = ValueRunQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "forecast of customers")
        verbose_name_plural = pgettext_lazy("personalization", "forecasts of customers")
        default_permissions = ()

    def __str__(self) -> str:
        return f"forecast of {self.customers} customers as of {self.computed_at}"

    def expected_share(self, tier: int) -> float | None:
        """The part of all expected spend that a tier brings; None where nothing is expected."""
        spend: dict[str, Any] = {name: amounts[1] for name, amounts in self.expected.items()}
        total = sum(spend.values())
        return spend.get(str(tier), 0.0) / total if total > 0 else None
