"""Reasons in words. Every sentence is true of the facts that the reason carries, or the row is not shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.timezone import datetime, get_current_timezone
from django.utils.translation import get_language, ngettext, npgettext, pgettext
from django.utils.translation import gettext as _

from personalization.decide.slate import Link, Reason


@dataclass(frozen=True)
class DisplayNames:
    """The names, as the shop shows them, of the products and categories that reasons speak of."""

    products: Mapping[int, str] = field(default_factory=dict)
    categories: Mapping[int, str] = field(default_factory=dict)
    unavailable: frozenset[int] = frozenset()
    """Those of the products that cannot be bought now, as far as it matters."""


PRIVATE_REASONS = frozenset(
    {
        "because_you_bought",
        "because_you_viewed",
        "bought_before",
        "buy_again",
        "bought_together_with_purchase",
        "popular_in_category",
        "viewed_before",
        "popular_in_liked_category",
        "continue_shopping",
        "buy_again_in_category",
        "bought_in_category",
        "liked_category",
    }
)
"""The reasons that tell what somebody bought, looked at or said."""


def without_private_facts(reason: Reason, code: str = "recommended") -> Reason:
    """The same without what only the customer should read: a reason of that code instead."""
    return Reason(code) if reason.code in PRIVATE_REASONS else reason


def row_title(reason: Reason, names: DisplayNames) -> str:
    """The title of a row. KeyError when it would name something that this visitor may not see."""
    return _ROW_TITLES[reason.code](_with_names(reason, names))


def explanation(reason: Reason, names: DisplayNames) -> str:
    """Why a row or a product is shown, as a sentence without a full stop. KeyError as for `title`."""
    return _EXPLANATIONS[reason.code](_with_names(reason, names))


def link_label(way: Link) -> str:
    """What a link says."""
    return _LINK_LABELS[way.target](dict(way.params))


def _with_names(reason: Reason, names: DisplayNames) -> dict[str, Any]:
    facts = dict(reason.params)
    if "product" in facts:
        facts["sold_out"] = facts["product"] in names.unavailable
        facts["product"] = names.products[facts["product"]]
    if "category" in facts:
        facts["category"] = names.categories[facts["category"]]
    return facts


def _format_day(seconds: float) -> str:
    return _format_date(seconds, get_current_timezone(), get_language())


@lru_cache(1_000)
def _format_date(seconds: float, zone: tzinfo, language: str | None) -> str:
    """The same few days stand in many reasons, and writing one out is slow."""
    return date_format(datetime.fromtimestamp(seconds, zone), "DATE_FORMAT")


_ROW_TITLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "continue_shopping": lambda facts: _("Pick up where you left off"),
    "buy_again": lambda facts: pgettext("personalization", "Buy again"),
    "because_you_bought": lambda facts: pgettext("personalization", "Because you bought %(product)s") % facts,
    "because_you_viewed": lambda facts: pgettext("personalization", "Because you viewed %(product)s") % facts,
    "buy_again_in_category": lambda facts: (
        (
            _("More to buy again in %(category)s")
            if facts["more"]
            else pgettext("personalization", "Buy again in %(category)s")
        )
        % facts
    ),
    "popular_in_category": lambda facts: pgettext("personalization", "Popular in %(category)s") % facts,
    "popular_in_liked_category": lambda facts: pgettext("personalization", "Popular in %(category)s") % facts,
    "recommended": lambda facts: pgettext("personalization", "Recommended for you"),
    "recommended_too": lambda facts: pgettext("personalization", "More for you"),
    "add_ons": lambda facts: pgettext("personalization", "You might also need"),
    "replacement": lambda facts: pgettext("personalization", "Instead of %(product)s") % facts,
    "after_order": lambda facts: pgettext("personalization", "For next time"),
    "popular_in_matching_category": lambda facts: pgettext("personalization", "Popular in %(category)s") % facts,
    "recommended_in_matching_category": lambda facts: pgettext("personalization", "For you in %(category)s") % facts,
    "chosen_after_similar_search": lambda facts: pgettext("personalization", "Popular with similar searches"),
    "similar": lambda facts: (
        (
            pgettext("personalization", "Instead of %(product)s")
            if facts["sold_out"]
            else pgettext("personalization", "Similar to %(product)s")
        )
        % facts
    ),
    "upsell": lambda facts: pgettext("personalization", "Upgrade from %(product)s") % facts,
    "bought_together": lambda facts: pgettext("personalization", "Goes with %(product)s") % facts,
    "more_in_category": lambda facts: pgettext("personalization", "More in %(category)s") % facts,
    "bestsellers": lambda facts: pgettext("personalization", "Bestsellers"),
    "bestsellers_in_category": lambda facts: pgettext("personalization", "Bestsellers in %(category)s") % facts,
    "trending": lambda facts: pgettext("personalization", "Trending this week"),
    "new_in": lambda facts: pgettext("personalization", "New in"),
    "latest": lambda facts: pgettext("personalization", "Latest additions"),
}

_EXPLANATIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    # Of rows.
    "continue_shopping": lambda facts: _("What you recently viewed, searched for or left in your basket"),
    "buy_again": lambda facts: pgettext("personalization", "You buy these regularly"),
    "because_you_bought": lambda facts: pgettext("personalization", "Frequently bought together"),
    "popular_in_category": lambda facts: (
        ngettext(
            "Bestsellers in a category that you have bought from %(purchases)d time",
            "Bestsellers in a category that you have bought from %(purchases)d times",
            facts["purchases"],
        )
        % facts
    ),
    "because_you_viewed": lambda facts: _("Similar products, and products that go with it"),
    "popular_in_liked_category": lambda facts: _("Bestsellers in a category that you said you like"),
    "recommended": lambda facts: pgettext("personalization", "Recommended for you"),
    "recommended_too": lambda facts: pgettext("personalization", "Recommended for you"),
    "add_ons": lambda facts: _("Frequently bought with the products in your basket"),
    "replacement": lambda facts: _("Not available as it is in your basket. These are the closest alternatives"),
    "after_order": lambda facts: _("Frequently bought with the products you just ordered"),
    "popular_in_matching_category": lambda facts: pgettext("personalization", "Matches your search"),
    "recommended_in_matching_category": lambda facts: pgettext("personalization", "Matches your search"),
    "chosen_after_similar_search": lambda facts: _("What other customers chose after similar searches"),
    "similar": lambda facts: (
        _("Currently unavailable. These are the closest alternatives")
        if facts["sold_out"]
        else _("Alternatives of the same kind")
    ),
    "upsell": lambda facts: _("Higher-end alternatives, bought by the same customers"),
    "bought_together": lambda facts: pgettext("personalization", "Frequently bought together"),
    "more_in_category": lambda facts: pgettext("personalization", "Bestsellers first"),
    "bestsellers": lambda facts: pgettext("personalization", "What customers buy most"),
    "bestsellers_in_category": lambda facts: _("What customers buy most in this category"),
    "trending": lambda facts: _("Selling better than in a usual week"),
    "new_in": lambda facts: _("Recently added to the shop"),
    "latest": lambda facts: _("The newest products in the shop"),
    "buy_again_in_category": lambda facts: (
        _("You also buy these regularly, besides what is on this page")
        if facts["more"]
        else pgettext("personalization", "You buy these regularly")
    ),
    # Of products.
    "similar_price": lambda facts: _("The same kind of product at a similar price"),
    "similar_description": lambda facts: _("The same kind of product with a similar description"),
    "bought_after_viewing": lambda facts: _("Bought by others after viewing %(product)s") % facts,
    "chosen_after_search": lambda facts: _("Often chosen after this search"),
    "viewed_before": lambda facts: (
        pgettext("personalization", "You viewed it on %(day)s") % {"day": _format_day(facts["at"])}
    ),
    "bought_before": lambda facts: (
        (
            pgettext("personalization", "You bought it on %(day)s")
            if facts["days"] == 1
            else _("You bought it %(days)d times, most recently on %(day)s")
        )
        % {"days": facts["days"], "day": _format_day(facts["last"])}
    ),
    "popular": lambda facts: (
        ngettext(
            "Bought by %(customers)d customer in %(period)d days",
            "Bought by %(customers)d customers in %(period)d days",
            facts["customers"],
        )
        % facts
    ),
    "bestseller_count": lambda facts: (
        npgettext("personalization", "Bought %(times)d time so far", "Bought %(times)d times so far", facts["times"])
        % facts
    ),
    "sales_rising": lambda facts: (
        _("Selling %(times)s times as much as usual") % {"times": number_format(facts["times"], 1)}
    ),
    "bought_together_with_purchase": lambda facts: _("Goes with %(product)s, which you bought") % facts,
    "bought_together_with_basket": lambda facts: (
        pgettext("personalization", "Frequently bought with %(product)s") % facts
    ),
    "similar_customers": lambda facts: _("Popular with customers like you"),
    "in_range": lambda facts: "",
    # Of categories.
    "bought_in_category": lambda facts: (
        ngettext(
            "You have bought from it %(purchases)d time",
            "You have bought from it %(purchases)d times",
            facts["purchases"],
        )
        % facts
    ),
    "liked_category": lambda facts: _("You said you like it"),
    "expected_in_category": lambda facts: pgettext("personalization", "Suggested for you"),
    "new": lambda facts: (
        pgettext("personalization", "In the shop since %(day)s") % {"day": _format_day(facts["created"])}
    ),
}

_LINK_LABELS: dict[str, Callable[[dict[str, Any]], str]] = {
    "basket": lambda facts: (
        npgettext("personalization", "Your basket: %(items)d item", "Your basket: %(items)d items", facts["items"])
        % facts
    ),
    "search": lambda facts: pgettext("personalization", "Your search: %(query)s") % facts,
}
