"""What the visitors of two interleaved orders chose from: clicks and additions to the basket by unit and week.

Each exposure holds what its visitor chose, so that sums stay when the visitor is forgotten. A week is counted anew
until no report of it can arrive any more; how often, and in which order, changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from personalization.measure.credit import LATE
from personalization.measure.experiment_counts import BATCH_SIZE
from personalization.measure.experiment_plan import DAYS_A_WEEK
from personalization.measure.experiment_readings import day_start, started_on
from personalization.measure.preference import PreferenceSums, preference_sign, sum_preferences
from personalization.models import Event, Exposure, Season
from personalization.models.daily_totals import CLICK_BEFORE
from personalization.models.events import EventType
from personalization.models.shown_events import ShownEvent

CLOCK_TOLERANCE = timedelta(seconds=150)
"""The shop notes an addition at once and by its own clock; the click that led to it may be dated so much later."""
WEEK = timedelta(days=DAYS_A_WEEK)
CLICKS, ADDS, LEADS = 0, 2, 4
"""Where the numbers of both orders begin in what is stored of a week: [clicks on cards of the first, of the second;
additions after them; lists that a card of the first led, of the second]."""
NO_CHOICES = (0, 0, 0, 0, 0, 0)


def count_choices(season: Season, now: datetime) -> None:
    """Stores what the units of a season chose by now, of the weeks that may have changed. Two queries for each thousand
    of them, and one to store."""
    until = min(now, season.ended_at or now)
    first_open = max(week_of(season, now - LATE), 0)
    since = season.started_at if not first_open else day_start(started_on(season)) + first_open * WEEK
    for batch in Exposure.objects.in_batches(season.pk, BATCH_SIZE):
        rows = {row.visitor_id: row for row in batch if row.visitor_id is not None}
        if not rows or since >= until:
            continue
        events: dict[UUID, list[ShownEvent]] = defaultdict(list)
        for event in Event.objects.of_interleaved_lists(rows, since - CLICK_BEFORE, until):
            events[event.visitor_id].append(event)
        changed = []
        for visitor_id, row in rows.items():
            before, choices = row.choices, _VisitorChoices(season, since)
            settled = {week: numbers for week, numbers in before.items() if int(week) < first_open}
            row.choices = {**settled, **choices.count(events[visitor_id])}
            if row.choices != before:
                changed.append(row)
        Exposure.objects.store_choices(changed)


def week_of(season: Season, moment: datetime) -> int:
    """The week of a season in which a moment lies, from 0; what is before its first full day belongs to the first."""
    return max((moment - day_start(started_on(season))) // WEEK, 0)


@dataclass
class _VisitorChoices:
    """Goes through what one visitor did, in its order."""

    season: Season
    since: datetime
    weeks: dict[str, list[int]] = field(default_factory=dict)

    def count(self, events: Iterable[ShownEvent]) -> dict[str, list[int]]:
        """What is to be stored, by week."""
        clicked: dict[int, tuple[datetime, int | None]] = {}
        leads: dict[UUID | None, tuple[int, datetime, int]] = {}
        for event in sorted(events, key=_moment_of):
            if event.type == EventType.IMPRESSION:
                self._note_lead(event, leads)
            elif event.type == EventType.CLICK and event.product_id is not None:
                team = self._team_of(event.arm)
                clicked[event.product_id] = (event.occurred_at, team)
                self._add(event.occurred_at, CLICKS, team)
            elif event.product_id in clicked:
                at, team = clicked[event.product_id]
                if at >= event.occurred_at - CLICK_BEFORE:
                    self._add(event.occurred_at, ADDS, team)
        for _position, at, team in leads.values():
            self._add(at, LEADS, team)
        return self.weeks

    def _note_lead(self, event: ShownEvent, leads: dict[UUID | None, tuple[int, datetime, int]]) -> None:
        """Notes whose card stood first among those of a list that count. A list is reported as it is seen, in parts."""
        for item in event.items:
            team = self._team_of(item[6]) if len(item) > 6 else None
            if team is not None:
                first = leads.get(event.slate_id)
                if first is None or item[1] < first[0]:
                    leads[event.slate_id] = (item[1], event.occurred_at, team)

    def _team_of(self, arms: str | None) -> int | None:
        """0 for the first order, 1 for the second; None for what counts for neither."""
        name = f"{self.season.definition.key}-{self.season.number}"
        keys = [arm["key"] for arm in self.season.document["arms"]]
        for one in (arms or "").split(","):
            experiment, _, arm = one.partition("=")
            if experiment == name and arm in keys:
                return keys.index(arm)
        return None

    def _add(self, at: datetime, start: int, team: int | None) -> None:
        if team is not None and at >= self.since:
            numbers = self.weeks.setdefault(str(week_of(self.season, at)), list(NO_CHOICES))
            numbers[start + team] += 1


def _moment_of(event: ShownEvent) -> datetime:
    late = CLOCK_TOLERANCE if event.type == EventType.ADD_TO_BASKET else timedelta(0)
    return event.occurred_at + late


def sum_choices(season: Season, before: datetime) -> dict[str, Any]:
    """The sums of a season over the weeks that were over before a moment, or had begun where it still runs; as
    `Season.looks` keeps them."""
    last = week_of(season, before - timedelta(microseconds=1))
    rows = Exposure.objects.filter(season=season, first_at__lt=before)
    numbers, leads, totals = PreferenceSums(), PreferenceSums(), list(NO_CHOICES)
    signs = {1: 0, -1: 0, 0: 0}
    units = choosers = 0
    for row in rows.iterator(chunk_size=5_000):
        weeks = [found for week, found in row.choices.items() if int(week) <= last]
        own = list(_signs(weeks))
        units, choosers = units + 1, choosers + bool(own)
        numbers += sum_preferences([own])
        leads += sum_preferences([[one[LEADS + 1] - one[LEADS] for one in weeks]])
        totals = [sum(pair) for pair in zip(totals, *weeks, strict=True)]
        for sign in own:
            signs[sign] += 1
    return {
        "until": before.isoformat(),
        "arms": {},
        "crossed": 0,
        "units": units,
        "choosers": choosers,
        "preference": [numbers.unit_weeks, numbers.total, numbers.squares],
        "leads": [leads.unit_weeks, leads.total, leads.squares],
        "signs": [signs[-1], signs[1], signs[0]],
        "totals": totals,
    }


def _signs(weeks: Iterable[list[int]]) -> Iterator[int]:
    """One for each week in which anything was chosen that counts."""
    for numbers in weeks:
        clicks_a, clicks_b, adds_a, adds_b = numbers[:LEADS]
        if any(numbers[:LEADS]):
            yield preference_sign(clicks_a=clicks_a, adds_a=adds_a, clicks_b=clicks_b, adds_b=adds_b)
