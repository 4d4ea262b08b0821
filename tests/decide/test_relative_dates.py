"""Days are told as people say them, in English and in German."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from personalization.decide.relative_dates import relative_date

SPOKEN = {
    "2026-06-15T18:00": ("today", "heute"),
    "2026-06-15T00:10": ("today", "heute"),
    "2026-06-14T23:50": ("yesterday", "gestern"),
    "2026-06-13T12:00": ("2 days ago", "vor 2 Tagen"),
    "2026-06-08T12:00": ("a week ago", "vor einer Woche"),
    "2026-05-25T12:00": ("3 weeks ago", "vor 3 Wochen"),
    "2026-04-20T12:00": ("in April", "im April"),
    "2025-12-24T12:00": ("in December", "im Dezember"),
    "2025-05-03T12:00": ("in May 2025", "im Mai 2025"),
}


@pytest.mark.parametrize(("day", "spoken"), SPOKEN.items())
def test_a_day_is_told_from_today(day, spoken):
    zone = ZoneInfo("Europe/Berlin")
    moments = [datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() for text in (day, "2026-06-15T12:00")]
    with timezone.override(zone):
        for language, expected in zip(("en", "de"), spoken, strict=True):
            with translation.override(language):
                assert relative_date(*moments) == expected


def test_what_is_read_at_another_time_has_the_date():
    with translation.override("en-gb"):
        assert relative_date(0) == "on 1 Jan 1970"
    with translation.override("de"):
        assert relative_date(0) == "am 1. Januar 1970"
