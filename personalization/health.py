"""Whether personalisation works, and how late its daily jobs are: what monitoring and the merchants' screens say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError

from personalization.decide import active_snapshot
from personalization.models import Event, Snapshot
from personalization.privacy import retention

OVERDUE = timedelta(hours=48)
"""After this time a daily job has certainly been missed once. Pages are served all the same."""


@dataclass(frozen=True)
class Health:
    """What works at a moment."""

    has_database: bool
    snapshot_age: timedelta | None = None
    """Since when the snapshot in memory has learned nothing new; None without one."""
    has_snapshot: bool = False
    """Whether one should serve, in memory or not."""
    retention_overdue: timedelta | None = None
    """How long the oldest event should have been deleted; None when the database fails."""

    oldest_held: tuple[datetime | None, datetime | None] = (None, None)
    """When the oldest event arrived, and when the oldest search happened."""

    @property
    def is_ready(self) -> bool:
        """Whether pages can be personal."""
        return self.has_database and self.snapshot_age is not None

    @property
    def training_overdue(self) -> bool:
        """Whether the training run was missed, or never was."""
        return self.snapshot_age is None or self.snapshot_age > OVERDUE

    @property
    def deletion_overdue(self) -> bool:
        """Whether the retention run was missed."""
        return self.retention_overdue is None or self.retention_overdue > OVERDUE

    @property
    def jobs_overdue(self) -> bool:
        """Whether a daily job does not run."""
        return self.training_overdue or self.deletion_overdue


def read_health(moment: datetime) -> Health:
    """What works at this moment: two queries."""
    try:
        has_snapshot = Snapshot.objects.active().exists()
        held = Event.objects.oldest_held()
        overdue = retention.hours_overdue(moment, held)
    except DatabaseError:
        return Health(has_database=False)
    snapshot = active_snapshot.get_active_snapshot()
    age = None if snapshot is None else max(moment.timestamp() - snapshot.trained_at, 0)
    return Health(True, None if age is None else timedelta(seconds=age), has_snapshot, overdue, held)
