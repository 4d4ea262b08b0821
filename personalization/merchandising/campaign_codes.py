"""The voucher codes of a campaign: one for each customer of its audience, made when it is first needed.

Whom a campaign is for is for the caller to know; who is held back from it gets none here, whatever anybody asks.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import pgettext

from personalization.merchandising.assignment import is_left_out
from personalization.merchandising.documents import CODE_PLACEHOLDERS
from personalization.models import CampaignCustomer, Definition, DefinitionState
from personalization.models.deliveries import Arm
from personalization.shop import voucher_codes
from personalization.shop.currencies import format_amount
from personalization.shop.voucher_codes import OwnCode, VoucherTerms

PLACEHOLDERS = tuple(f"{{{name}}}" for name in CODE_PLACEHOLDERS)
SENTENCE_ENDS = re.compile(r"((?<=[.!?])\s+|\n+)")
EXAMPLE_CODE = "ABCD-EFGH-JKLM"
"""What staff see in the place of a customer's own code."""


def own_code(campaign_id: int, user_id: Any, now: datetime) -> tuple[OwnCode | None, bool]:
    """(the code that a customer has of a campaign, while it can be used, or None; whether one was ever made for them).
    At most two queries."""
    voucher_id = CampaignCustomer.objects.voucher_of(campaign_id, user_id)
    return (None, False) if voucher_id is None else (voucher_codes.read_code(voucher_id, now), True)


def example_code(now: datetime, campaign_id: int | str | None) -> OwnCode | None:
    """A code that is nobody's, with the terms that a campaign has or would have, for staff to look at; None for what
    belongs to no campaign that makes codes, as nobody would see one there. One query. Parameters: `campaign_id`, its
    key, also as a form has it."""
    is_key = isinstance(campaign_id, int) or (campaign_id or "").isdecimal()
    found = Definition.objects.with_versions().filter(pk=campaign_id, kind="campaign").first() if is_key else None
    voucher = found.newest.document.get("voucher") if found is not None and found.newest else None
    if found is None or voucher is None:
        return None
    terms, ends = VoucherTerms.from_document(found.name, voucher), now + timedelta(days=voucher["days"])
    return OwnCode.of_terms(EXAMPLE_CODE, min(ends, found.ends_at) if found.ends_at else ends, terms)


def give_code(campaign_id: int, user_id: Any, now: datetime) -> OwnCode | None:
    """The customer's code, which is made where they have none yet. None where the campaign is not live now or makes no
    codes, they are held back, or so many were made as may be."""
    with transaction.atomic():
        campaign = Definition.objects.lock_live_campaign(campaign_id)
        voucher = campaign.live.document.get("voucher") if campaign and campaign.live else None
        if campaign is None or campaign.live is None or voucher is None or not is_running(campaign, now):
            return None
        if is_left_out(campaign.pk, campaign.live.document.get("hold_back", 0.0), user_id):
            return None
        row = CampaignCustomer.objects.lock_customer(campaign.pk, user_id)
        if row.voucher_id is not None:
            return voucher_codes.read_code(row.voucher_id, now)
        if row.arm == Arm.HELD_BACK or CampaignCustomer.objects.count_codes(campaign.pk) >= voucher["most"]:
            return None
        ends = now + timedelta(days=voucher["days"])
        ends = min(ends, campaign.ends_at) if campaign.ends_at else ends
        terms = VoucherTerms.from_document(campaign.name, voucher)
        row.voucher_id, set_id = voucher_codes.create_code(terms, campaign.voucher_set_id, campaign.key, now, ends)
        row.save(update_fields=["voucher_id"])
        if set_id != campaign.voucher_set_id:
            Definition.objects.filter(pk=campaign.pk).update(voucher_set_id=set_id)
        return voucher_codes.read_code(row.voucher_id, now)


def is_running(campaign: Definition, now: datetime) -> bool:
    """Whether a campaign is live, and within its schedule."""
    has_begun = campaign.starts_at is None or campaign.starts_at <= now
    is_over = campaign.ends_at is not None and campaign.ends_at <= now
    return campaign.state == DefinitionState.LIVE and has_begun and not is_over


def follow_state(campaign: Definition) -> None:
    """Makes the codes of a campaign good while it is live, and void while it is not. At most one query."""
    if campaign.voucher_set_id is None:
        return
    if campaign.state == DefinitionState.LIVE:
        voucher_codes.revive_codes(campaign.voucher_set_id)
    else:
        voucher_codes.void_codes(campaign.voucher_set_id)


def has_code_words(text: str) -> bool:
    """Whether the text names the reader's code, or its terms."""
    return _names_any(text, PLACEHOLDERS)


def fill_code(text: str, own: OwnCode | None) -> str:
    """The text with the code and its terms in the language that is active; without each sentence that names what is not
    there: without a code each that names one, and each that says how much where its offer is of another kind by now."""
    if not has_code_words(text):
        return text
    values = _code_values(own) if own is not None else {}
    missing = [name for name in PLACEHOLDERS if name not in values]
    if _names_any(text, missing):
        pieces = [*SENTENCE_ENDS.split(text), ""]
        sentences = zip(pieces[::2], pieces[1::2], strict=True)
        text = "".join(sentence + end for sentence, end in sentences if not _names_any(sentence, missing)).strip()
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _names_any(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)


def _code_values(own: OwnCode) -> dict[str, str]:
    """What the placeholders stand for, without those for which there is nothing to say."""
    values = {"{code}": own.code, "{code_until}": date_format(localtime(own.until), "DATE_FORMAT")}
    if own.percent is not None:
        percent = number_format(Decimal(f"{own.percent.normalize():f}"))
        values["{code_benefit}"] = pgettext("personalization", "%(percent)s %%") % {"percent": percent}
    elif own.amount is not None:
        values["{code_benefit}"] = format_amount(own.amount)
    if own.least is not None:
        values["{code_least}"] = format_amount(own.least)
    return values
