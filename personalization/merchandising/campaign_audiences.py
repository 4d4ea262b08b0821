"""Who is in the audience of each live campaign: noted once, with the arm and the value of that moment, for its report.

A page writes nothing; a run that comes every few minutes looks. It goes by the segments, which the database can ask:
for which country and device a campaign is, nobody knows who is not on a page.
"""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from personalization.merchandising import segments
from personalization.merchandising.assignment import is_left_out
from personalization.merchandising.campaign_codes import is_running
from personalization.merchandising.compile import read_segments
from personalization.merchandising.compiled import People
from personalization.merchandising.segment_fields import NOBODY
from personalization.models import CampaignCustomer, CustomerFacts, Definition, DefinitionKind
from personalization.models.campaign_customers import ValuePart
from personalization.models.deliveries import Arm
from personalization.shop import customers

CUSTOMERS_AT_ONCE = 1_000
CUSTOMERS_PER_RUN = 20_000
"""Of one campaign; the next run notes the others."""


def enrol_customers(now: datetime) -> int:
    """Notes who came into the audience of a live campaign that has parts, codes or a holdout; how many. One query for
    the definitions, one for each such campaign, and three for each thousand who are new."""
    kinds = (DefinitionKind.CAMPAIGN, DefinitionKind.SEGMENT)
    live = list(Definition.objects.live_documents().filter(kind__in=kinds))
    stored = read_segments(one for one in live if one.kind == DefinitionKind.SEGMENT)
    with_parts = Definition.objects.part_counts()
    return sum(
        _enrol_audience(one, stored, now)
        for one in live
        if one.kind == DefinitionKind.CAMPAIGN and is_running(one, now) and is_measured(one, with_parts)
    )


def is_measured(campaign: Definition, with_parts: Any = ()) -> bool:
    """Whether a campaign is more than rules, so that its customers are noted."""
    document = campaign.live.document if campaign.live else {}
    return campaign.pk in with_parts or bool(document.get("hold_back")) or "voucher" in document


def audience_accounts(
    document: dict[str, Any], stored: dict[int, segments.Segment], now: datetime
) -> QuerySet[Any] | None:
    """The accounts in the audience of a campaign, without staff; None where it is for visitors without an account."""
    who = document.get("who", {})
    if who.get("people") == People.VISITORS:
        return None
    wanted = [_condition(key, stored, now, unknown=False) for key in who.get("in", ())]
    unwanted = [_condition(key, stored, now, unknown=True) for key in who.get("out", ())]
    accounts = customers.active_customers()
    if customers.user_has_field("is_staff"):
        accounts = accounts.filter(is_staff=False)
    if wanted:
        accounts = accounts.filter(reduce(or_, wanted))
    return accounts.exclude(reduce(or_, unwanted)) if unwanted else accounts


def _condition(key: int, stored: dict[int, segments.Segment], now: datetime, *, unknown: bool) -> Q:
    """Who is in a segment; nobody where it is not live."""
    if key not in stored:
        return NOBODY
    return segments.compile_segment(stored[key], stored).q(now.timestamp(), unknown)


def _enrol_audience(campaign: Definition, stored: dict[int, segments.Segment], now: datetime) -> int:
    document: dict[str, Any] = campaign.live.document if campaign.live else {}
    accounts, count, last = audience_accounts(document, stored, now), 0, None
    if accounts is None:
        return 0
    new = CampaignCustomer.objects.not_enrolled(accounts, campaign.pk).order_by("pk").values_list("pk", flat=True)
    while count < CUSTOMERS_PER_RUN:
        keys = list((new if last is None else new.filter(pk__gt=last))[:CUSTOMERS_AT_ONCE])
        if not keys:
            break
        last = keys[-1]
        adults = customers.exclude_children(dict.fromkeys(keys, 0.0))
        facts = CustomerFacts.objects.of_customers(adults)
        share = document.get("hold_back", 0.0)
        CampaignCustomer.objects.enrol(
            CampaignCustomer(
                campaign=campaign,
                user_id=key,
                arm=Arm.HELD_BACK if is_left_out(campaign.pk, share, key) else Arm.TREATED,
                value_part=(facts[key].expected_tier if key in facts else None) or ValuePart.UNKNOWN,
                enrolled_at=now,
            )
            for key in adults
        )
        count += len(adults)
        if len(keys) < CUSTOMERS_AT_ONCE:
            break
    return count
