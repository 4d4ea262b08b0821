"""Whom a sweep looks for: customers who may be told something by at least one of some channels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In

from personalization.models.message_permissions import MAY_ALLOW, Channel, ChannelConsent, PermissionState
from personalization.models.visitors import Consent, Visitor


@dataclass(frozen=True)
class Reach:
    """A purpose, and the channels by which somebody may be told. Only leaves out who surely may not be: whether
    somebody is told is decided for each message."""

    purpose: str
    channels: tuple[str, ...] = (Channel.EMAIL,)

    def allowed(self, owner: str) -> Q:
        """The condition, within the query that looks for the occasion. Parameters: `owner`, the column of the
        account."""
        found = Q()
        if Channel.EMAIL in self.channels:
            found |= Q(In(self._said_last(owner, Channel.EMAIL), MAY_ALLOW))
        if Channel.SHOP in self.channels:
            agreed = Visitor.objects.filter(user_id=OuterRef(owner), consent=Consent.GRANTED)
            said = Coalesce(self._said_last(owner, Channel.SHOP), Value(""))
            found |= Q(Exists(agreed)) & ~Q(In(said, [PermissionState.WITHDRAWN]))
        return found

    def _said_last(self, owner: str, channel: str) -> Subquery:
        return Subquery(ChannelConsent.objects.states_said_last(owner, self.purpose, channel))

    def of_customers(self, user_ids: Iterable[Any]) -> set[Any]:
        """Those of these customers whom it holds. One query."""
        users = get_user_model()._default_manager.filter(self.allowed("pk"), pk__in=list(user_ids))
        return set(users.values_list("pk", flat=True))
