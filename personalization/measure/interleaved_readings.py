"""From a stored season of two interleaved orders to its verdict."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.timezone import get_default_timezone, localdate

from personalization.measure.experiment_readings import manual_stop, plan_of
from personalization.measure.interleaved_verdict import InterleavedReading, InterleavedVerdict, judge_interleaving
from personalization.measure.preference import PreferenceSums
from personalization.models import Season


def interleaved_reading(season: Season) -> InterleavedReading:
    """What was counted at the last look; before the first one, what was counted last."""
    numbers = season.looks[-1] if season.looks else season.newest
    return InterleavedReading(
        choosers=numbers.get("choosers", 0),
        preference=read_preference(numbers, "preference"),
        leads=read_preference(numbers, "leads"),
        information_at_looks=tuple(read_preference(look, "preference").information for look in season.looks),
        stopped=manual_stop(season),
    )


def judge_interleaved(season: Season, today: date | None = None) -> InterleavedVerdict:
    """The verdict on a season of interleaved orders, by its last look."""
    today = today or localdate(timezone=get_default_timezone())
    return judge_interleaving(plan_of(season), interleaved_reading(season), today)


def read_preference(stored: Mapping[str, Any], name: str) -> PreferenceSums:
    """Sums as a look keeps them."""
    return PreferenceSums(*stored.get(name, ()))
