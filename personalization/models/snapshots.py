"""Which snapshots there are, and which one serves."""

from datetime import datetime
from typing import NamedTuple, Self

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.definitions import RulesState


class ServingState(NamedTuple):
    """What a process has to read anew when it changed."""

    name: str = ""
    """Of the active snapshot; "" when there is none."""
    manifest_sha256: str = ""
    rules_number: int = 0
    """How often the merchants' rules were changed."""


class SnapshotQuerySet(models.QuerySet):
    """The questions about snapshots."""

    def serving_state(self) -> ServingState:
        """What serves now, in one query."""
        rules = RulesState.objects.using(self.db).values_list(
            models.Value(""), models.Value(""), models.F("number") + 1
        )
        found = self.active().values_list("name", "manifest_sha256", models.Value(0, models.BigIntegerField()))
        name, sha256, number = "", "", 0
        for row_name, row_sha256, row_number in found.union(rules, all=True):
            name, sha256, number = (name, sha256, row_number - 1) if row_number else (row_name, row_sha256, number)
        return ServingState(name, sha256, number)

    def active(self) -> Self:
        """The one that serves, or none."""
        return self.filter(is_active=True)

    def published_since(self, moment: datetime) -> bool:
        """Whether one was published after a moment."""
        return self.filter(created_at__gt=moment).exists()

    def publish(self, name: str, manifest_sha256: str, metrics: dict) -> "Snapshot":
        """Makes this one serve instead of the one before, in one switch, which may be made twice."""
        served = {"manifest_sha256": manifest_sha256, "metrics": metrics, "is_active": True}
        with transaction.atomic(using=self.db):
            self.active().exclude(name=name).update(is_active=False)
            return self.get_or_create(name=name, defaults=served)[0]

    def serve_again(self, name: str) -> bool:
        """Makes an earlier one serve until the next is published; False when there is none of this name any more."""
        with transaction.atomic(using=self.db):
            self.active().exclude(name=name).update(is_active=False)
            if self.filter(name=name).update(is_active=True):
                return True
            transaction.set_rollback(True, using=self.db)
        return False

    def outdated(self, kept: int) -> Self:
        """Those that neither serve nor are among the `kept` newest."""
        newest = list(self.order_by("-pk").values_list("pk", flat=True)[:kept])
        return self.exclude(is_active=True).exclude(pk__in=newest)


class Snapshot(models.Model):
    """Everything one training run learned about products. The arrays are files; this row is the switch."""

    name = models.CharField(pgettext_lazy("personalization", "name"), max_length=64, unique=True)
    manifest_sha256 = models.CharField(pgettext_lazy("personalization", "checksum of the manifest"), max_length=64)
    metrics = models.JSONField(pgettext_lazy("personalization", "metrics"), default=dict)
    is_active = models.BooleanField(pgettext_lazy("personalization", "active"), default=False)
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "snapshot")
        verbose_name_plural = pgettext_lazy("personalization", "snapshots")
        permissions = (("explain_decision", pgettext_lazy("personalization", "Can view decision explanations")),)
        constraints = (
            models.UniqueConstraint(
                fields=["is_active"],
                condition=models.Q(is_active=True),
                name="personalization_one_snapshot_serves",
            ),
        )

    def __str__(self) -> str:
        return self.name
