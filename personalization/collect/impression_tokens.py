"""What was shown, signed: nothing is stored when a page is made, and a report about it can be trusted all the same."""

import hashlib
import uuid
from dataclasses import dataclass

from django.core import signing

SALT = "personalization.slate"
TOKEN_MAX_AGE_DAYS = 7
"""A report about an older slate is not believed."""


@dataclass(frozen=True)
class Impression:
    """A row as it was shown to one visitor."""

    surface: str
    row: str
    """The key of the row: its code, and what it is about."""
    snapshot: str
    products: tuple[int, ...]
    """In their order."""
    reasons: tuple[str, ...]
    """The code of each product's reason."""
    at: float
    """In seconds since 1970."""


def sign_impression(shown: Impression, visitor_id: uuid.UUID | None) -> str:
    """A token for the page; `visitor_id` is None for a browser that is not known yet."""
    content = [
        shown.surface,
        shown.row,
        shown.snapshot,
        list(shown.products),
        list(shown.reasons),
        int(shown.at),
        _visitor_mark(visitor_id),
    ]
    return signing.dumps(content, salt=SALT, compress=True)


def verify_impression(token: str, visitor_id: uuid.UUID, now: float) -> Impression | None:
    """What such a token says; None when we did not sign it, it is too old, or it was made for somebody else."""
    try:
        surface, row, snapshot, products, reasons, at, mark = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if mark not in ("", _visitor_mark(visitor_id)) or now - at > TOKEN_MAX_AGE_DAYS * 86_400:
        return None
    return Impression(surface, row, snapshot, tuple(products), tuple(reasons), float(at))


def _visitor_mark(visitor_id: uuid.UUID | None) -> str:
    """Tells whether two tokens are of one visitor, and not who."""
    return hashlib.sha256(visitor_id.bytes).hexdigest()[:8] if visitor_id else ""
