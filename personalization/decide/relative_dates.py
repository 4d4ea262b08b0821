"""Dates as people say them: "yesterday", "3 weeks ago", "in May"."""

from datetime import date, datetime
from functools import lru_cache

from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone
from django.utils.translation import get_language, npgettext, pgettext

WEEK = 7
MAX_WEEKS = 8
"""From this many weeks on, the month is said."""
MONTH_WITHOUT_YEAR = 330
"""For fewer days than this, the name of a month says which year is meant."""


def relative_date(moment: float, now: float | None = None) -> str:
    """The day of a moment as it is said within a sentence, in the active language and the current time zone.

    Parameters: both in seconds since 1970; without `now`, or for what is read at another time, the date itself:
    "on 3 May 2026". A moment ahead is "today".
    """
    zone = get_current_timezone()
    day = datetime.fromtimestamp(moment, zone).date()
    today = None if now is None else datetime.fromtimestamp(now, zone).date()
    return _day_in_words(day, today, get_language())


@lru_cache(1_000)
def _day_in_words(day: date, today: date | None, language: str | None) -> str:
    """Cached: a few days occur in many reasons, and formatting one is slow. `language`: the active one, for the key."""
    if today is None:
        return pgettext("personalization", "on %(day)s") % {"day": date_format(day, "DATE_FORMAT")}
    age = (today - day).days
    if age < 1:
        return pgettext("personalization", "today")
    if age == 1:
        return pgettext("personalization", "yesterday")
    if age < MAX_WEEKS * WEEK:
        return _days_ago(age) if age < WEEK else _weeks_ago(age // WEEK)
    month = date_format(day, "F" if age < MONTH_WITHOUT_YEAR else "YEAR_MONTH_FORMAT")
    return pgettext("personalization", "in %(month)s") % {"month": month}


def _days_ago(days: int) -> str:
    return npgettext("personalization", "%(days)d day ago", "%(days)d days ago", days) % {"days": days}


def _weeks_ago(weeks: int) -> str:
    if weeks == 1:
        return pgettext("personalization", "a week ago")
    return npgettext("personalization", "%(weeks)d week ago", "%(weeks)d weeks ago", weeks) % {"weeks": weeks}
