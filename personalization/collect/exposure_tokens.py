"""Signed tokens of the experiments whose arms a page shows.

Both arms carry the same token, also where one of them shows nothing of ours, and the same script reports it.
"""

from collections.abc import Mapping
from uuid import UUID

from django.core import signing

from personalization.collect.impression_tokens import visitor_mark

SALT = "personalization.exposure"
MAX_AGE = 86_400
"""Seconds for which a report is believed: a page that was left open says nothing of what is shown now."""
MAX_EXPERIMENTS = 20


def sign_exposures(arms: Mapping[int, str], visitor_id: UUID, shown_at: float) -> str:
    """The token of a page. Parameters: `arms`, {season's key: arm}. Returns: "" where there is none."""
    if not arms:
        return ""
    rows = [[season, arm] for season, arm in sorted(arms.items())[:MAX_EXPERIMENTS]]
    return signing.dumps([int(shown_at), visitor_mark(visitor_id), rows], salt=SALT)


def verify_exposures(token: str, visitor_id: UUID, now: float) -> dict[int, str] | None:
    """{season's key: arm} of a token; None when we did not sign it, it is too old, or somebody else's."""
    try:
        shown_at, owner, rows = signing.loads(token, salt=SALT)
        arms = {int(season): str(arm) for season, arm in rows}
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return arms if owner == visitor_mark(visitor_id) and now - shown_at <= MAX_AGE else None
