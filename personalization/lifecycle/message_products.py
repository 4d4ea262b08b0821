"""The products in a message: chosen by the same door as those on a page, under the same rules, and linked so that who
follows a link is measured like who clicks on a page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from personalization import conf, report_tokens
from personalization.decide.active_rules import get_active_rules
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.arms import enter_experiments, enter_surface
from personalization.decide.policy import policy_from_settings
from personalization.decide.preferences import apply_preferences
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.ranked_lists import kept_out
from personalization.decide.slate import RankedItem
from personalization.decide.visit import LazySequence, Visit
from personalization.models import CustomerFacts, Event, Genome, Visitor
from personalization.models.fail_open import fail_open
from personalization.oscar.visits import strategies_for_customers
from personalization.serve import recommend
from personalization.shop import catalogue


@dataclass(frozen=True)
class MessageProduct:
    """A product as a message shows it."""

    key: int
    title: str
    path: str
    """Where its link leads, within the shop."""
    price: Any
    """What the reader pays for one today; of a parent, for its cheapest variant."""
    currency: str
    is_parent: bool


@dataclass(frozen=True)
class MessageContent:
    """What a message is about, and what it shows beside that."""

    subjects: tuple[MessageProduct, ...]
    """Those of its subjects that can be bought, in their order."""
    chosen: tuple[MessageProduct, ...]
    """What was chosen for this reader, best first."""
    token: str
    """What its links carry; "" where nobody is to be measured."""

    @property
    def basket_path(self) -> str:
        """Where a link to the basket leads."""
        return _tracked(reverse("basket:summary"), reverse("personalization:message_basket"), self.token)

    def path_of(self, product: Any) -> str:
        """Where a link to a product, or to a variant, leads."""
        return _product_path(product, self.token)


def reader_visit(user: Any, **context: Any) -> Visit:
    """The visit that a message to a customer, or to a guest (None), is decided for: of who did not consent nothing is
    used. Five queries. Parameters: `context`, fields of the visit: its product, or its basket."""
    user_id = None if user is None else user.pk
    visit = Visit(
        timestamp=time.time(),
        strategy=strategies_for_customers([user_id])[user_id],
        user_id=user_id,
        policy=policy_from_settings(conf.get_settings()),
        rules=get_active_rules(),
        **context,
    )
    visitor = Visitor.objects.consented_customers([user_id]).get(user_id) if user_id is not None else None
    return visit if visitor is None else _of_consented(visit, visitor)


def _of_consented(visit: Visit, visitor: Visitor) -> Visit:
    until = datetime.fromtimestamp(visit.timestamp, UTC)
    since = until - timedelta(days=conf.get_settings().EVENT_RETENTION_DAYS)
    known = replace(
        visit,
        visitor_id=visitor.pk,
        unit=visitor.unit,
        genome=Genome.objects.of_customer(visit.user_id) or Genome(),
        facts=CustomerFacts.objects.of_customers([visit.user_id]).get(visit.user_id),
        preferences=visitor.get_preferences(),
        recent_events=LazySequence(lambda: Event.objects.recent(visitor.pk, since, until).events),
        tracking_allowed=True,
    )
    return enter_experiments(known, visitor.unit)


def showable(visit: Visit, keys: Sequence[int], limit: int) -> list[int]:
    """The first of these products that may be in a message to this reader: what they can buy, neither sensitive, nor
    disliked, nor kept out by a campaign."""
    visit = apply_preferences(enter_surface(visit, report_tokens.MESSAGE), get_active_snapshot())
    wanted = [key for key in keys if key not in visit.excluded_products]
    removed = kept_out(report_tokens.MESSAGE, visit, set(wanted))
    sellable = ProductLookup(look_up=catalogue.products_for_availability).sellable(set(wanted), visit.strategy)
    return [key for key in wanted if key in sellable and key not in removed][:limit]


def message_content(
    kind: str, visit: Visit, subjects: Sequence[int], *, count: int, new_only: bool = False
) -> MessageContent:
    """The products of a message with their links, and up to `count` that are chosen for its reader, none of which is
    one of its subjects. No product is chosen where that fails. Parameters: `kind`, its name; `subjects`, the keys of
    what it is about; with `new_only` nothing is chosen that they bought before."""
    ranked: list[RankedItem] = []
    if count:
        with fail_open("Choosing the products of a message", whole_page=True):
            found = recommend(report_tokens.MESSAGE, visit, count + len(subjects), new_only=new_only)
            ranked = [item for item in found if item.item_id not in set(subjects)][:count]
    keys = [*subjects, *(item.item_id for item in ranked)]
    products = catalogue.products_for_availability(keys) if keys else {}
    offers = {key: catalogue.get_offer(product, visit.strategy) for key, product in products.items()}
    token = report_tokens.message_token(visit, kind, subjects, ranked, offers)
    shown = {key: _shown(key, offer, token) for key, offer in offers.items() if offer is not None}
    return MessageContent(
        tuple(shown[key] for key in subjects if key in shown),
        tuple(shown[item.item_id] for item in ranked if item.item_id in shown),
        token,
    )


def _shown(key: int, offer: catalogue.Offer, token: str) -> MessageProduct:
    product, price = offer.product, offer.info.price
    return MessageProduct(
        key=key,
        title=" ".join(product.get_title().split()),
        path=_product_path(product, token),
        price=catalogue.get_price_amount(offer.info),
        currency=price.currency,
        is_parent=product.is_parent,
    )


def _product_path(product: Any, token: str) -> str:
    return _tracked(product.get_absolute_url(), reverse("personalization:message_product", args=[product.pk]), token)


def _tracked(page: str, door: str, token: str) -> str:
    """The page, past the door that records that somebody followed the link."""
    return f"{door}?{urlencode({'shown': token})}" if token else page
