"""Who did what in the dashboard, and the permissions for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches

AUDIT_DAYS = 730
"""Entries are deleted after this many days."""
SALT = "personalization.audit"
ONE_SITTING = timedelta(minutes=15)
"""What a person repeats within that time is stored once, where only that they did it matters."""


class AuditAction(models.TextChoices):
    """What can be done."""

    CREATE = "create", pgettext_lazy("personalization", "created")
    CHANGE = "change", pgettext_lazy("personalization", "changed")
    PUBLISH = "publish", pgettext_lazy("personalization", "published")
    PAUSE = "pause", pgettext_lazy("personalization", "paused")
    RESUME = "resume", pgettext_lazy("personalization", "resumed")
    STOP = "stop", pgettext_lazy("personalization", "ended")
    MOVE = "move", pgettext_lazy("personalization", "moved")
    ARCHIVE = "archive", pgettext_lazy("personalization", "archived")
    RESTORE = "restore", pgettext_lazy("personalization", "restored")
    PREVIEW = "preview", pgettext_lazy("personalization", "previewed")
    VIEW_CUSTOMER = "customer", pgettext_lazy("personalization", "looked at a customer")
    EXPORT = "export", pgettext_lazy("personalization", "exported")
    ERASE = "erase", pgettext_lazy("personalization", "erased")
    TRAIN = "train", pgettext_lazy("personalization", "started a training")
    START_JOB = "start", pgettext_lazy("personalization", "started a job")
    SERVE_SNAPSHOT = "serve", pgettext_lazy("personalization", "made a snapshot serve")
    REFUSE = "refuse", pgettext_lazy("personalization", "was refused")


class AuditQuerySet(models.QuerySet):
    """The questions about what was done."""

    def record(
        self,
        by: Any,
        action: AuditAction,
        *,
        kind: str = "",
        object_id: int | None = None,
        version: int | None = None,
        subject: Any = None,
        note: str = "",
        parts: dict[str, int] | None = None,
    ) -> None:
        """Stores that this member of staff did it; `subject` is the customer whom it concerns."""
        self.create(
            by=by,
            by_name=by.get_username() if by is not None else "",
            action=action,
            kind=kind,
            object_id=object_id,
            version=version,
            subject=subject,
            subject_hash="" if subject is None else hash_subject(subject.pk),
            note=note[:100],
            parts=parts or {},
        )

    def record_once(
        self, by: Any, action: AuditAction, *, note: str, subject: Any = None, within: timedelta = ONE_SITTING
    ) -> None:
        """Stores that somebody did this, unless they did just that a moment ago."""
        lately = self.filter(by=by, action=action, subject=subject, note=note[:100], at__gt=now() - within)
        if not lately.exists():
            self.record(by, action, subject=subject, note=note)

    def of_object(self, kind: str, object_id: int) -> Self:
        """What was done with a definition, the newest first."""
        return self.filter(kind=kind, object_id=object_id).order_by("-at")

    def latest_opening(self, by: Any, user_id: object, since: datetime) -> "AuditEntry | None":
        """When, since a moment, this member of staff last opened a customer, and why; with the customer and what is
        stored of them for segments, in one query."""
        rows = self.filter(by=by, subject=user_id, action=AuditAction.VIEW_CUSTOMER, at__gte=since)
        return rows.select_related("subject__personalization_facts").order_by("-at", "-pk").first()

    def forget_subject(self, user_id: object) -> None:
        """From now on only the hash says that entries concern this customer."""
        self.filter(subject=user_id).update(subject=None)

    def before(self, moment: datetime) -> Self:
        """What is older."""
        return self.filter(at__lt=moment)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes it, the oldest first; how much went with each batch, which is a transaction of its own."""
        return delete_in_batches(self.before(moment).order_by("at"))


def hash_subject(user_id: object) -> str:
    """What stands for a customer in the audit when their account is gone."""
    return salted_hmac(SALT, str(user_id), algorithm="sha256").hexdigest()[:32]


class AuditEntry(models.Model):
    """One thing that one member of staff did."""

    at = models.DateTimeField(pgettext_lazy("personalization", "at"), auto_now_add=True, db_index=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "who"),
    )
    by_name = models.CharField(pgettext_lazy("personalization", "name"), max_length=150, blank=True)
    action = models.CharField(pgettext_lazy("personalization", "what"), max_length=10, choices=AuditAction.choices)
    kind = models.CharField(pgettext_lazy("personalization", "kind"), max_length=12, blank=True)
    object_id = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(pgettext_lazy("personalization", "version"), null=True)
    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    """Empty once the account is gone, or its data was erased; the hash stays, and tells whether a key was meant."""
    subject_hash = models.CharField(max_length=32, blank=True)
    note = models.CharField(pgettext_lazy("personalization", "note"), max_length=100, blank=True)
    parts = models.JSONField(default=dict)
    """Of a campaign that was published, or restored, with parts: by the key of each part, the number of the version
    that served from then on."""

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "audit entry")
        verbose_name_plural = pgettext_lazy("personalization", "audit entries")
        default_permissions = ()
        indexes = (models.Index(fields=["kind", "object_id", "-at"], name="personalization_audit_object"),)

    def __str__(self) -> str:
        return f"{self.by_name} {self.action} {self.kind} {self.object_id or ''}".strip()


class DashboardAccess(models.Model):
    """No table: what may be done in the dashboard. Reading it takes being staff."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("view_reports", pgettext_lazy("personalization", "Can view what came of personalisation")),
            ("change_rows", pgettext_lazy("personalization", "Can change rows")),
            ("change_segments", pgettext_lazy("personalization", "Can change segments")),
            ("change_campaigns", pgettext_lazy("personalization", "Can draft campaigns")),
            ("publish_campaigns", pgettext_lazy("personalization", "Can publish, pause and sort campaigns")),
            ("preview_as", pgettext_lazy("personalization", "Can preview the shop as others see it")),
            ("view_customer", pgettext_lazy("personalization", "Can see what is known of a customer")),
            ("export_customer", pgettext_lazy("personalization", "Can download what is known of customers")),
            ("erase_customer", pgettext_lazy("personalization", "Can erase what is known of a customer")),
            ("run_experiments", pgettext_lazy("personalization", "Can run experiments")),
            ("run_jobs", pgettext_lazy("personalization", "Can start jobs and choose the snapshot that serves")),
            ("view_audit", pgettext_lazy("personalization", "Can read the audit")),
            ("change_messages", pgettext_lazy("personalization", "Can draft messages")),
            ("send_messages", pgettext_lazy("personalization", "Can send messages")),
        )

    def __str__(self) -> str:
        return "dashboard"
