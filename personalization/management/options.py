"""Options that several commands have."""

from datetime import datetime

from django.core.management.base import CommandError
from django.utils.timezone import get_default_timezone, is_naive

from personalization.extras import MissingExtra, require_extra


def parse_moment(date: str | None) -> float | None:
    """The moment of --as-of, in seconds since 1970; in the shop's time zone where the date has none."""
    if date is None:
        return None
    try:
        moment = datetime.fromisoformat(date)
        return (moment.replace(tzinfo=get_default_timezone()) if is_naive(moment) else moment).timestamp()
    except (ValueError, OverflowError):
        raise CommandError(f"--as-of is {date!r}; expected a date such as 2026-11-22 or 2026-11-22T18:00.") from None


def require_training_packages() -> None:
    """CommandError with the line to paste, where what learning needs is not installed."""
    try:
        require_extra("train")
    except MissingExtra as missing:
        raise CommandError(str(missing)) from None
