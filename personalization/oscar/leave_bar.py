"""What a quiet bar at the bottom of the page says to a visitor who is about to leave: that their basket is kept, or
else the best alternative to the product in view."""

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import ngettext, pgettext
from oscar.core.loading import get_class

from personalization import conf
from personalization.collect import crawlers
from personalization.decide.slate import SlateItem
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.card_markup import format_price
from personalization.oscar.previews import current_preview
from personalization.privacy.cookies import LEAVE_COOKIE
from personalization.privacy.requester import requester_from_request
from personalization.report_tokens import slate_tokens
from personalization.serve import best_alternative
from personalization.shop import catalogue

LEAVE_ROW = "leave"
"""The key under which what the bar shows is reported, on the surface of product pages."""
SHOPPING_PAGES = ("basket", "catalogue", "offer", "search")
"""The namespaces of pages that have it, besides our home page and the pages of rows. So a checkout has none, whoever
made it, and nor have the account, sign-in and what visitors read about their data."""
OWN_PAGES = ("personalization:home", "personalization:row")


@dataclass(frozen=True)
class HalfMetOffer:
    """An offer of the shop's that the basket meets in part."""

    message: str
    """What is missing, in Oscar's words."""
    name: str
    url: str


@dataclass(frozen=True)
class KeptBasket:
    """A basket with lines."""

    quantity: int
    """The number of items in it."""
    where: str
    """Where and for how long it is kept: a sentence that is true for this visitor."""
    offer: HalfMetOffer | None


@dataclass(frozen=True)
class Alternative:
    """The product that comes closest to the one in view and can be bought."""

    title: str
    item: SlateItem
    price: str
    token: str
    """With which its impression and click are reported."""


@dataclass(frozen=True)
class LeaveBar:
    """What the bar says: one of the two."""

    basket: KeptBasket | None = None
    alternative: Alternative | None = None


def may_be_offered(request: HttpRequest) -> bool:
    """Whether this page may ask for the bar, as far as that is known without the visitor. No query."""
    if not conf.get_settings().LEAVE_BAR or current_preview(request) is not None:
        return False
    page = request.resolver_match
    is_shopping = page is not None and (page.namespace in SHOPPING_PAGES or page.view_name in OWN_PAGES)
    return is_shopping and not _is_resting(request)


def decide_leave_bar(request: HttpRequest, product_id: int = 0) -> LeaveBar | None:
    """What the bar says to this visitor now; None where it says nothing, or they may not be shown one: without consent,
    held back from personalisation, or shown the bar lately.

    Parameters: `product_id`, of the product in view; 0 for none.
    """
    if not conf.get_settings().LEAVE_BAR or _is_resting(request):
        return None
    if crawlers.is_crawler(requester_from_request(request).user_agent):
        return None
    with fail_open("The bar before they leave", whole_page=True):
        visit = visits.visit_from_request(request)
        if not visit.tracking_allowed or _is_plain(visit):
            return None
        if visit.basket:
            basket = _kept_basket(request, visit)
            return LeaveBar(basket=basket) if basket else None
        alternative = _alternative(visit, product_id) if product_id else None
        return LeaveBar(alternative=alternative) if alternative else None
    return None


def _is_resting(request: HttpRequest) -> bool:
    return LEAVE_COOKIE in requester_from_request(request).cookies


def _is_plain(visit: Visit) -> bool:
    """Whether the visitor is held back, or in an arm without personalisation on any surface."""
    return visit.held_back or (visit.arms is not None and visit.arms.is_plain_somewhere)


def _kept_basket(request: HttpRequest, visit: Visit) -> KeptBasket | None:
    where = _where_it_is_kept(requester_from_request(request).is_signed_in)
    if not where:
        return None
    offer = None
    with fail_open("The offer that a basket half meets"):
        offer = _half_met_offer(request)
    return KeptBasket(visit.basket_quantity, where, offer)


def _where_it_is_kept(is_signed_in: bool) -> str:
    """ "" where nothing can be promised: the browser forgets the basket when it is closed, or within a day."""
    if is_signed_in:
        return pgettext("personalization", "It is in your account: you find it wherever you sign in.")
    days = (settings.OSCAR_BASKET_COOKIE_LIFETIME or 0) // 86_400
    if not days:
        return ""
    text = ngettext(
        "It stays on this device for %(days)d day after you began it.",
        "It stays on this device for %(days)d days after you began it.",
        days,
    )
    return text % {"days": days}


def _half_met_offer(request: Any) -> HalfMetOffer | None:
    """The first of those that the shop's own basket page names."""
    page = get_class("basket.views", "BasketView")(request=request)
    for found in page.get_upsell_messages(request.basket):
        if found["message"]:
            return HalfMetOffer(str(found["message"]), found["offer"].name, found["offer"].get_absolute_url())
    return None


def _alternative(visit: Visit, product_id: int) -> Alternative | None:
    product = catalogue.public_product(product_id)
    if product is None:
        return None
    visit = visits.with_page_context(visit, product=product)
    slate = best_alternative(visit)
    if not slate.rows or not slate.rows[0].items:
        return None
    (row, *_) = slate.rows
    item = row.items[0]
    shown = replace(slate, rows=(replace(row, key=LEAVE_ROW, items=(item,)),))
    (token,) = slate_tokens(shown, visit)
    return Alternative(row.title, item, format_price(item.info), token)
