"""Reasons in words. Every sentence is true of the facts that the reason carries, or the row is not shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.timezone import datetime, get_current_timezone
from django.utils.translation import get_language, ngettext
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
    "continue_shopping": lambda facts: _("Continue where you stopped"),
    "buy_again": lambda facts: _("Buy again"),
    "because_you_bought": lambda facts: _("Because you bought %(product)s") % facts,
    "because_you_viewed": lambda facts: _("Because you looked at %(product)s") % facts,
    "buy_again_in_category": lambda facts: (
        (_("More of your usual in %(category)s") if facts["more"] else _("Your usual in %(category)s")) % facts
    ),
    "popular_in_category": lambda facts: _("Popular in %(category)s") % facts,
    "popular_in_liked_category": lambda facts: _("Popular in %(category)s") % facts,
    "recommended": lambda facts: _("Recommended for you"),
    "recommended_too": lambda facts: _("More for you"),
    "add_ons": lambda facts: _("Goes with your basket"),
    "replacement": lambda facts: _("Instead of %(product)s") % facts,
    "after_order": lambda facts: _("For next time"),
    "popular_in_matching_category": lambda facts: _("Popular in %(category)s") % facts,
    "recommended_in_matching_category": lambda facts: _("For you in %(category)s") % facts,
    "chosen_after_similar_search": lambda facts: _("Chosen after searches like yours"),
    "similar": lambda facts: _("Instead of %(product)s" if facts["sold_out"] else "Similar to %(product)s") % facts,
    "upsell": lambda facts: _("A step up from %(product)s") % facts,
    "bought_together": lambda facts: _("Bought together with %(product)s") % facts,
    "more_in_category": lambda facts: _("More in %(category)s") % facts,
    "bestsellers": lambda facts: _("Bestsellers"),
    "bestsellers_in_category": lambda facts: _("Bestsellers in %(category)s") % facts,
    "trending": lambda facts: _("Trending this week"),
    "new_in": lambda facts: _("New in"),
    "latest": lambda facts: _("Latest additions"),
}

_EXPLANATIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    # Of rows.
    "continue_shopping": lambda facts: _("What you looked at, searched for or left in the basket last"),
    "buy_again": lambda facts: _("From your own purchases, the ones you come back to"),
    "because_you_bought": lambda facts: _("Others put these in one basket with it"),
    "popular_in_category": lambda facts: (
        ngettext(
            "What sells best there now. You have bought from it %(purchases)d time",
            "What sells best there now. You have bought from it %(purchases)d times",
            facts["purchases"],
        )
        % facts
    ),
    "because_you_viewed": lambda facts: _("Goes with it, or is like it"),
    "popular_in_liked_category": lambda facts: _("What sells best there now. You said that you like it"),
    "recommended": lambda facts: _("Recommended for you"),
    "recommended_too": lambda facts: _("Recommended for you"),
    "add_ons": lambda facts: _("Others put these in one basket with what lies in yours"),
    "replacement": lambda facts: _("You cannot buy it now as it lies in your basket. These come closest"),
    "after_order": lambda facts: _("Others put these in one basket with what you just bought"),
    "popular_in_matching_category": lambda facts: _("Your words point to it"),
    "recommended_in_matching_category": lambda facts: _("Your words point to it"),
    "chosen_after_similar_search": lambda facts: _("What others went on with"),
    "similar": lambda facts: (
        _("It cannot be bought now. These come closest") if facts["sold_out"] else _("Of the same kind")
    ),
    "upsell": lambda facts: _("Of the same kind, dearer, and bought by the same customers"),
    "bought_together": lambda facts: _("Others put these in one basket with it"),
    "more_in_category": lambda facts: _("What sells best there first"),
    "bestsellers": lambda facts: _("What most customers buy"),
    "bestsellers_in_category": lambda facts: _("What most customers buy there"),
    "trending": lambda facts: _("Selling more than in a usual week"),
    "new_in": lambda facts: _("Added to the shop lately"),
    "latest": lambda facts: _("The newest products of the shop"),
    "buy_again_in_category": lambda facts: (
        _("What you come back to, besides what is on this page") if facts["more"] else _("What you come back to")
    ),
    # Of products.
    "similar_price": lambda facts: _("Of the same kind, at about the same price"),
    "similar_description": lambda facts: _("Of the same kind, and described like it"),
    "bought_after_viewing": lambda facts: _("Others bought it after a look at %(product)s") % facts,
    "chosen_after_search": lambda facts: _("Often chosen after this search"),
    "viewed_before": lambda facts: _("You looked at it on %(day)s") % {"day": _format_day(facts["at"])},
    "bought_before": lambda facts: (
        (_("You bought it on %(day)s") if facts["days"] == 1 else _("You bought it %(days)d times, last on %(day)s"))
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
        ngettext("Bought %(times)d time so far", "Bought %(times)d times so far", facts["times"]) % facts
    ),
    "sales_rising": lambda facts: (
        _("Sells %(times)s times as much as usual") % {"times": number_format(facts["times"], 1)}
    ),
    "bought_together_with_purchase": lambda facts: _("Goes with %(product)s, which you bought") % facts,
    "bought_together_with_basket": lambda facts: _("Others put it in one basket with %(product)s") % facts,
    "similar_customers": lambda facts: _("Customers with habits like yours buy it"),
    "in_range": lambda facts: _("From our range"),
    # Of categories.
    "bought_in_category": lambda facts: (
        ngettext(
            "You have bought from it %(purchases)d time",
            "You have bought from it %(purchases)d times",
            facts["purchases"],
        )
        % facts
    ),
    "liked_category": lambda facts: _("You said that you like it"),
    "expected_in_category": lambda facts: _("Holds what you may want next"),
    "new": lambda facts: _("Here since %(day)s") % {"day": _format_day(facts["created"])},
}

_LINK_LABELS: dict[str, Callable[[dict[str, Any]], str]] = {
    "basket": lambda facts: (
        ngettext("Your basket: %(items)d item", "Your basket: %(items)d items", facts["items"]) % facts
    ),
    "search": lambda facts: _("Your search: %(query)s") % facts,
}
