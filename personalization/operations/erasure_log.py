"""Who was erased, as keyed hashes in a file outside of the database: so that a restored backup brings nobody back.

A line is JSON with a number of its format, a moment, and a hash of a customer's or a browser's key. Whoever does not
have the shop's SECRET_KEY cannot tell who it is. `manage.py personalization_erase_again` reads it after a restore.
"""

import json
import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import now

from personalization import conf
from personalization.models import Visitor
from personalization.privacy import identity

logger = logging.getLogger("personalization")

LOG_FORMAT = 1
NOTED_WITHIN = timedelta(minutes=1)
"""A line is written so soon after the erasure that it is about."""
CUSTOMER, BROWSER, REPLAYED = "customer", "browser", "replayed"


class UnreadableLog(Exception):
    """The file is not there, or another release wrote it; the message says which line."""


@dataclass(frozen=True)
class ErasureLine:
    """One line of the log."""

    at: datetime
    kind: str
    """CUSTOMER, BROWSER, or REPLAYED: then all lines before it were done again."""
    person: str = ""
    """The hash."""


def note_erasure(sender: Any, visitor_id: Any, user_id: Any, **rest: Any) -> None:
    """Adds a line, where the shop has an ERASURE_LOG. Receives `signals.visitor_erased`, after the commit."""
    kind, key = (BROWSER, visitor_id) if user_id is None else (CUSTOMER, user_id)
    _append_line(kind, _keyed_hash(kind, key, str(django_settings.SECRET_KEY)))


def read_erasures() -> list[ErasureLine]:
    """All lines, the oldest first; none where the shop has no log. UnreadableLog where it cannot be used."""
    path = conf.get_settings().ERASURE_LOG
    if not path:
        return []
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise UnreadableLog(f"{path} cannot be read: {type(fault).__name__}") from fault
    return [_parse_line(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def erase_again() -> int:
    """Erases everybody of the log who is in the database again; how many were. May be interrupted and repeated."""
    erased_at = {(one.kind, one.person): one.at for one in read_erasures()}
    count = 0
    for user_id in get_user_model()._default_manager.order_by("pk").values_list("pk", flat=True).iterator():
        at = _moment_of(erased_at, CUSTOMER, user_id)
        if at and not Visitor.objects.filter(user_id=user_id, erased_at__gte=at - NOTED_WITHIN).exists():
            identity.erase_customer(user_id, now())
            count += 1
    browsers = Visitor.objects.filter(user=None).order_by("pk").values_list("pk", flat=True)
    returned = [key for key in browsers.iterator() if _moment_of(erased_at, BROWSER, key)]
    with transaction.atomic():
        Visitor.objects.filter(user=None).erase(returned)
    _append_line(REPLAYED, "")
    return count + len(returned)


def is_older_than_log() -> bool:
    """Whether the database lacks the newest erasure of a customer, as one does that was restored from a backup."""
    lines = read_erasures()
    replayed = max((number for number, one in enumerate(lines) if one.kind == REPLAYED), default=-1)
    erased = [one.at for one in lines[replayed + 1 :] if one.kind == CUSTOMER]
    if not erased:
        return False
    newest = Visitor.objects.exclude(erased_at=None).order_by("-erased_at").values_list("erased_at", flat=True).first()
    return newest is None or (max(erased) - newest).total_seconds() > NOTED_WITHIN.total_seconds()


def _moment_of(erased_at: dict[tuple[str, str], datetime], kind: str, key: Any) -> datetime | None:
    keys = [str(django_settings.SECRET_KEY), *map(str, django_settings.SECRET_KEY_FALLBACKS)]
    return next((at for secret in keys if (at := erased_at.get((kind, _keyed_hash(kind, key, secret))))), None)


def _keyed_hash(kind: str, key: Any, secret: str) -> str:
    return salted_hmac(f"personalization.erased.{kind}", str(key), secret=secret, algorithm="sha256").hexdigest()


def _append_line(kind: str, person: str) -> None:
    path = conf.get_settings().ERASURE_LOG
    if not path:
        return
    line = json.dumps({"format": LOG_FORMAT, "at": now().isoformat(), "kind": kind, "person": person})
    try:
        with open(path, "a", encoding="ascii") as file:  # one short write, which others do not come into
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        logger.error("An erasure was done, and could not be written to ERASURE_LOG (%s)", type(fault).__name__)


def _parse_line(path: str, number: int, line: str) -> ErasureLine:
    try:
        entry = json.loads(line)
        if entry["format"] != LOG_FORMAT:
            raise UnreadableLog(
                f"{path}, line {number}: format {entry['format']} was made by a newer version; "
                f"this one reads {LOG_FORMAT}"
            )
        return ErasureLine(datetime.fromisoformat(entry["at"]), entry["kind"], entry["person"])
    except (ValueError, KeyError, TypeError) as fault:
        raise UnreadableLog(f"{path}, line {number} is none of an erasure log: {type(fault).__name__}") from None
