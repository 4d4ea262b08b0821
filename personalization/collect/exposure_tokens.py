"""Signed tokens of the experiments whose arms a page shows.

Both arms carry the same token, also where one of them shows nothing of ours, and the same script reports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.core import signing

from personalization.collect.impression_tokens import visitor_mark

SALT = "personalization.exposure"
EXPOSURE_FORMAT = 2
"""The first element of a token. Those of format 1 had no number, and four elements."""
MAX_AGE = 86_400
"""Seconds for which a report is believed: a page that was left open says nothing of what is shown now."""
MAX_EXPERIMENTS = 20
MAX_PAGE_MILLISECONDS = 60_000


@dataclass(frozen=True)
class ShownArms:
    """What a token says."""

    arms: Mapping[int, str]
    """{season's key: arm}"""
    page_milliseconds: int
    """From when the visit was read to the end of the page."""


def sign_exposures(arms: Mapping[int, str], visitor_id: UUID, shown_at: float, page_seconds: float) -> str:
    """The token of a page. Parameters: `arms`, {season's key: arm}; `page_seconds`, how long it took to make. Returns:
    "" where there is none."""
    if not arms:
        return ""
    rows = [[season, arm] for season, arm in sorted(arms.items())[:MAX_EXPERIMENTS]]
    took = min(max(round(page_seconds * 1_000), 0), MAX_PAGE_MILLISECONDS)
    return signing.dumps([EXPOSURE_FORMAT, int(shown_at), visitor_mark(visitor_id), rows, took], salt=SALT)


def verify_exposures(token: str, visitor_id: UUID, now: float) -> ShownArms | None:
    """What a token says; None when we did not sign it, it is too old, or somebody else's."""
    try:
        content = signing.loads(token, salt=SALT)
        number, shown_at, owner, rows, took = [1, *content] if len(content) == 4 else content
        shown = ShownArms({int(season): str(arm) for season, arm in rows}, int(took))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if number not in (1, EXPOSURE_FORMAT):  # a newer version wrote it, before it was taken back
        return None
    return shown if owner == visitor_mark(visitor_id) and now - shown_at <= MAX_AGE else None
