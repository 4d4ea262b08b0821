"""Whether a visitor wants lists of products in a personal order, or as the shop sorts them.

For a visitor who consented the preference is stored with them, for every device. For all others the browser keeps the
word "off" and nothing else: no id, so that it needs no consent, as it does what the visitor asked for.
"""

from personalization.models import Visitor
from personalization.privacy import consent, identity
from personalization.privacy.cookies import SORT_COOKIE, SORT_DISABLED
from personalization.privacy.requester import Requester

PREFERENCE_TYPE, PREFERENCE_KEY = "sort", "lists"
"""As a `Preference` has them; it lasts until the visitor changes it."""


def personal_sort_disabled(requester: Requester) -> bool:
    """Whether the visitor switched the personal order off. At most one query, and none for an unknown visitor."""
    if requester.cookies.get(SORT_COOKIE) == SORT_DISABLED:
        return True
    visitor = identity.get_visitor(requester)
    return visitor is not None and _is_disabled_by(visitor) and consent.tracking_allowed(requester, visitor)


def _is_disabled_by(visitor: Visitor) -> bool:
    stored = visitor.get_preferences()
    return any(entry[:2] == (PREFERENCE_TYPE, PREFERENCE_KEY) and entry.sign < 0 for entry in stored)
