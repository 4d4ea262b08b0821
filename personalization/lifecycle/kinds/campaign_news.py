"""Campaign mail: once to each customer of a campaign's audience, in the campaign's own words."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.customer_kind import MOST_AT_ONCE, SHOWN_PRODUCTS, CustomerKind, email_address
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import CampaignCustomer, Definition, Delivery
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Purpose


class CampaignNews(CustomerKind):
    """For whom is said by the campaign that the message belongs to; without one it goes to nobody."""

    name = "campaign_news"
    label = pgettext_lazy("personalization", "Campaign mail")
    explanation = gettext_lazy(
        "Goes once to each customer for whom its campaign is. Outside of a campaign it goes to nobody."
    )
    purpose = Purpose.OFFERS
    priority = 5
    hold_back = 0.0

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """The customers of campaigns who were not written to yet. Two queries, however many there are."""
        campaigns = Definition.objects.campaigns_with_message(self.name, now)
        allowed = self.reach(channels).allowed("user")
        rows = CampaignCustomer.objects.to_be_written_to(campaigns, self.name, allowed, MOST_AT_ONCE)
        for row in rows:
            if address := email_address(row.user):
                key = f"campaign:{row.campaign_id}:{row.user_id}"
                yield DueMessage(key, address, now, user_id=row.user_id, source_id=row.campaign_id)

    def fitting_messages(self, messages: Sequence[Any], delivery: Delivery) -> Sequence[Any]:
        """Those of the campaign that it came up for."""
        return [one for one in messages if one.campaign_id == delivery.source_id]

    def read_details(self, delivery: Delivery, user: Any) -> int | None:
        """The key of the campaign."""
        return delivery.source_id

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Nothing: for whom it is, is asked for every message."""
        return None

    def example_details(self, customer: Any) -> Any:
        """Nothing, as its words are the campaign's."""
        return 0

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """What its reader may like."""
        visit = reader_visit(occasion.user)
        chosen = message_content(self.name, visit, (), count=SHOWN_PRODUCTS, new_only=True).chosen
        return {"products": chosen, "shop_path": reverse("personalization:home")}


kind = CampaignNews()
