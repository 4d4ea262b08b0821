"""Experiments as they ran: their seasons, and which visitor was shown which arm."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Self

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.definitions import Definition
from personalization.models.visitors import Visitor

RETURN_DAYS = 14
"""So long after it was placed, an order may still come back."""
CROSSING = timedelta(hours=24)
"""A browser that saw another arm within this time before it signed in makes the account a unit of both."""


class SeasonEnd(models.TextChoices):
    """Why a season is over."""

    PLANNED = "planned", pgettext_lazy("personalization", "ended as planned")
    STOPPED = "stopped", pgettext_lazy("personalization", "stopped by hand")
    HARM = "harm", pgettext_lazy("personalization", "stopped for harm")


class SeasonQuerySet(models.QuerySet):
    """Queries about seasons."""

    def running(self) -> Self:
        """Those that assign visitors now, the oldest first."""
        return self.filter(ended_at=None).select_related("definition").order_by("pk")

    def of_definition(self, definition_id: int) -> Self:
        """All of an experiment, the newest first."""
        return self.filter(definition_id=definition_id).order_by("-number")

    def newest_by_definition(self, definition_ids: Iterable[int]) -> dict[int, "Season"]:
        """The newest season of each of these experiments that ever ran."""
        rows = self.filter(definition_id__in=list(definition_ids)).order_by("number")
        return {row.definition_id: row for row in rows}

    def next_number(self, definition_id: int) -> int:
        """The number of the next season of an experiment."""
        newest = self.filter(definition_id=definition_id).aggregate(newest=models.Max("number"))["newest"]
        return (newest or 0) + 1


class Season(models.Model):
    """An experiment for as long as its units stay in their arms."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="seasons")
    number = models.PositiveIntegerField(pgettext_lazy("personalization", "number"))
    document = models.JSONField(pgettext_lazy("personalization", "document"))
    """The experiment's, as it was at the start."""
    arms = models.JSONField(pgettext_lazy("personalization", "arms"))
    """[[key, first bucket, first bucket after it], ...], see `merchandising.assignment`."""
    started_at = models.DateTimeField(pgettext_lazy("personalization", "started at"))
    ended_at = models.DateTimeField(pgettext_lazy("personalization", "ended at"), null=True)
    end = models.CharField(
        pgettext_lazy("personalization", "why it ended"), max_length=8, choices=SeasonEnd.choices, blank=True
    )
    stopped_by = models.CharField(pgettext_lazy("personalization", "stopped by"), max_length=150, blank=True)
    planned_units = models.PositiveBigIntegerField(pgettext_lazy("personalization", "planned visitors"))
    """In all arms together: with so many it is over at the next look."""
    revenue_cap = models.FloatField(pgettext_lazy("personalization", "cap"), null=True)
    """The most that counts of a visitor's kept revenue; None for all of it."""
    looks = models.JSONField(pgettext_lazy("personalization", "looks"), default=list)
    """What was counted at the end of each full week so far: rows of `measure.experiment_readings`."""
    newest = models.JSONField(pgettext_lazy("personalization", "newest numbers"), default=dict)
    """What was counted last, on whatever day."""
    breach = models.JSONField(pgettext_lazy("personalization", "harm"), null=True)
    """What it was stopped for."""

    objects = SeasonQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "season of an experiment")
        verbose_name_plural = pgettext_lazy("personalization", "seasons of experiments")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["definition", "number"], name="personalization_season_number"),)

    def __str__(self) -> str:
        return f"{self.definition_id}-{self.number}"

    def is_settled(self, now: datetime) -> bool:
        """Whether its numbers change no more: the windows of its last units are over, and their orders too old to come
        back. Its exposures are deleted then, so that it must not be counted again."""
        settling = self.window + timedelta(days=RETURN_DAYS + 7)
        return self.ended_at is not None and self.ended_at + settling < now

    @property
    def window(self) -> timedelta:
        """So long after their first exposure a visitor's orders count."""
        return timedelta(days=self.document.get("window_days", 28))


class ExposureQuerySet(models.QuerySet):
    """Queries about exposures."""

    def record(self, visitor_id: uuid.UUID, arms: Mapping[int, str], at: datetime, first: Mapping[str, Any]) -> None:
        """Stores that a visitor was shown these arms, {season's key: arm}. The first exposure to a season counts, with
        what `first` says of it, by column; one to another arm of it marks the unit as crossed. A visitor who was erased
        meanwhile leaves nothing."""
        known = dict(self.filter(visitor_id=visitor_id, season_id__in=list(arms)).values_list("season_id", "arm"))
        if crossed := [season for season, arm in known.items() if arm != arms[season]]:
            self.filter(visitor_id=visitor_id, season_id__in=crossed).update(is_crossed=True)
        if missing := sorted(arms.keys() - known.keys()):
            self._record_first(visitor_id, {season: arms[season] for season in missing}, at, first)

    def _record_first(
        self, visitor_id: uuid.UUID, arms: Mapping[int, str], at: datetime, first: Mapping[str, Any]
    ) -> None:
        with transaction.atomic(using=self.db):
            held = Visitor.objects.using(self.db).select_for_update(no_key=True).filter(pk=visitor_id)
            if not held.exists():
                return
            seasons = Season.objects.using(self.db).running().filter(pk__in=list(arms)).values_list("pk", flat=True)
            rows = [
                Exposure(season_id=season, visitor_id=visitor_id, arm=arms[season], first_at=at, **first)
                for season in seasons
            ]
            self.bulk_create(rows, ignore_conflicts=True)

    def merge_into(self, account: Visitor, browser: Visitor, now: datetime) -> None:
        """Makes a browser's exposures those of the account that signed in there, inside a transaction. Where the
        account saw another arm, and the browser did lately, the account is of both; what the browser saw before that
        stays a unit of its own, whom nobody knows."""
        own = {row.season_id: row for row in self.filter(visitor=account)}
        for row in self.filter(visitor=browser):
            before = own.get(row.season_id)
            if before is None:
                row.visitor = account
                row.save(update_fields=["visitor"])
            elif before.arm == row.arm or row.first_at >= now - CROSSING:
                before.first_at = min(before.first_at, row.first_at)
                before.is_crossed = before.is_crossed or row.is_crossed or before.arm != row.arm
                before.choices = {
                    week: [sum(both) for both in zip_longest(*rows, fillvalue=0)]
                    for week in {**before.choices, **row.choices}
                    if (rows := [one.choices[week] for one in (before, row) if week in one.choices])
                }
                before.save(update_fields=["first_at", "is_crossed", "choices"])
                self.filter(pk=row.pk).delete()
            else:
                self.filter(pk=row.pk).update(visitor=None)

    def forget_people(self, visitor_ids: Iterable[uuid.UUID]) -> None:
        """Cuts these visitors' exposures off from them. What they came to is kept as it is, and names nobody."""
        self.filter(visitor__in=list(visitor_ids)).update(visitor=None)

    def mark_opted_out(self, visitor_ids: Iterable[uuid.UUID]) -> None:
        """Stores that these visitors took their consent back while an experiment ran."""
        self.filter(visitor__in=list(visitor_ids), season__ended_at=None).update(opted_out=True)

    def in_batches(self, season_id: int, size: int) -> Iterator[list["Exposure"]]:
        """Those of a season, by key."""
        last = 0
        while batch := list(self.filter(season_id=season_id, pk__gt=last).order_by("pk")[:size]):
            yield batch
            last = batch[-1].pk

    def store_choices(self, rows: list["Exposure"]) -> None:
        """Writes what these chose from."""
        self.bulk_update(rows, ["choices"], batch_size=500)

    def store_outcomes(self, rows: list["Exposure"]) -> None:
        """Writes what these came to."""
        self.bulk_update(rows, [*OUTCOME_COLUMNS, "is_settled"], batch_size=500)


OUTCOME_COLUMNS = (
    "orders",
    "items",
    "gross",
    "lost_amount",
    "young",
    "refusals",
    "searches",
    "searches_without_hits",
    "second_searches",
    "past_orders",
    "past_revenue",
)


class Exposure(models.Model):
    """A visitor who was really shown a page on which the arms of an experiment differ, and what came of it."""

    season = models.ForeignKey(Season, on_delete=models.CASCADE, related_name="+")
    visitor = models.ForeignKey(Visitor, null=True, on_delete=models.DO_NOTHING, related_name="+")
    """None once they were forgotten; then nothing of the row changes any more."""
    arm = models.CharField(max_length=20)
    first_at = models.DateTimeField()
    device = models.CharField(max_length=8, blank=True)
    is_customer = models.BooleanField(default=False)
    """Whether they had an account then."""
    is_crossed = models.BooleanField(default=False)
    """Whether they were shown another arm, too: then they are left out."""
    opted_out = models.BooleanField(default=False)
    """Whether they took their consent back while it ran."""
    orders = models.PositiveIntegerField(default=0)
    """Kept ones."""
    items = models.PositiveIntegerField(default=0)
    """Pieces in them."""
    gross = models.FloatField(default=0)
    lost_amount = models.FloatField(default=0)
    """What of it was cancelled, returned or refunded."""
    young = models.FloatField(default=0)
    """What of the rest is of orders that may still come back."""
    refusals = models.PositiveIntegerField(default=0)
    """How often they were not interested."""
    searches = models.PositiveIntegerField(default=0)
    """Of which it is known how much they found."""
    searches_without_hits = models.PositiveIntegerField(default=0)
    second_searches = models.PositiveIntegerField(default=0)
    """Searches for other words, soon after one in which nothing was clicked on."""
    page_milliseconds = models.PositiveIntegerField(null=True)
    """How long the first page took to make, on the shop's servers."""
    past_orders = models.PositiveIntegerField(null=True)
    """Kept orders of the 90 days before; None where nothing is known of the time before."""
    past_revenue = models.FloatField(null=True)
    choices = models.JSONField(default=dict)
    """{week, from 0: see `measure.choice_counts`} of what they chose from a list of two orders."""
    is_settled = models.BooleanField(default=False)
    """Whether its window is over, its orders are too old to come back, and it was counted since."""

    objects = ExposureQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "exposure")
        verbose_name_plural = pgettext_lazy("personalization", "exposures")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["season", "visitor"], name="personalization_one_exposure"),)

    def __str__(self) -> str:
        return f"{self.season_id} {self.arm}"

    def outcome(self) -> dict[str, Any]:
        """What it came to, by column."""
        return {name: getattr(self, name) for name in OUTCOME_COLUMNS}

    @property
    def kept_amount(self) -> float:
        """What the shop kept of the money."""
        return self.gross - self.lost_amount
