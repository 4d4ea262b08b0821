"""Voucher codes that may count in a basket but do not yet: those that this browser entered and Oscar did not take, and
those that campaigns made for the customer.

Oscar keeps a code only where it takes something off at once. What was entered is remembered in the browser's session,
which ends when its customer signs out.
"""

from datetime import UTC, datetime
from typing import Any

from personalization.decide.visit import Visit
from personalization.models import CampaignCustomer
from personalization.models.fail_open import fail_open
from personalization.shop import voucher_codes

CODES_KEY = "personalization_codes"
"""The key under which a session keeps the vouchers that were entered, the last one first."""
MAX_ENTERED_CODES = 2
"""So many codes are remembered, and tried on a page: each costs some queries."""


def remember_code(sender: Any, voucher: Any, **rest: Any) -> None:
    """Receives that a code is being entered: Oscar says so before it looks whether the code takes anything off."""
    if request := getattr(sender, "request", None):
        with fail_open("Remembering a voucher code"):
            others = [key for key in request.session.get(CODES_KEY, ()) if key != voucher.pk]
            request.session[CODES_KEY] = [voucher.pk, *others][:MAX_ENTERED_CODES]


def forget_code(sender: Any, voucher: Any, **rest: Any) -> None:
    """Receives that a code is taken out of the basket: who does so is not asked to complete it."""
    if request := getattr(sender, "request", None):
        with fail_open("Forgetting a voucher code"):
            request.session[CODES_KEY] = [key for key in request.session.get(CODES_KEY, ()) if key != voucher.pk]


def forget_all_codes(sender: Any, request: Any = None, **rest: Any) -> None:
    """Receives that an order was placed: what was entered for it is not proposed for the next one."""
    if request is not None:
        with fail_open("Forgetting the voucher codes of an order"):
            request.session.pop(CODES_KEY, None)


def codes_in_question(request: Any, visit: Visit) -> list[Any]:
    """The vouchers that this visitor may use now and that are not in their basket; no other person's. Those of
    campaigns not where another person may be looking. Two queries at most, none for a stranger who entered none."""
    if visit.is_preview:
        return []
    entered = request.session.get(CODES_KEY, ())
    own: list[int] = []
    if visit.user_id is not None and not visit.hide_private_reasons:
        own = CampaignCustomer.objects.vouchers_of_customers([visit.user_id])
    moment = datetime.fromtimestamp(visit.timestamp, UTC)
    return voucher_codes.open_vouchers(entered, own, request.basket, moment)[:MAX_ENTERED_CODES]
