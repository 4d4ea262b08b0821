"""Leaving a household: by a word, with consent, as a child, or with the account. At once for all who stay."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from personalization.models import Household, HouseholdMember, Visitor
from personalization.profile import genome


@transaction.atomic
def leave_households(user_ids: Iterable[Any], now: datetime) -> bool:
    """Takes these customers out of their households, whose genomes are worked out anew without them, and takes their
    invitations back; False where none of them was in one. Never too often, and whether the shop has households or
    not."""
    visitors = Visitor.objects.lock_for(user_ids)  # before the households, as whoever joins one does
    found = HouseholdMember.objects.households_of(visitors)
    if not found:
        return False
    Household.objects.lock_households(found)
    HouseholdMember.objects.remove(visitor.pk for visitor in visitors.values())
    genome.refresh_households(found, now.timestamp())
    return True
