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

from personalization.decide.slate import Reason


@dataclass(frozen=True)
class Names:
    """The names, as the shop shows them, of the products and categories that reasons speak of."""

    products: Mapping[int, str] = field(default_factory=dict)
    categories: Mapping[int, str] = field(default_factory=dict)


TELLING = frozenset(
    {
        "because_you_bought",
        "because_you_looked_at",
        "bought_before",
        "buy_again",
        "goes_with",
        "popular_in_category",
        "popular_where_you_like",
        "you_buy_there",
    }
)
"""The reasons that tell what somebody bought, looked at or said."""


def discreet(reason: Reason, code: str = "recommended") -> Reason:
    """The same without what only the customer should read: a reason of that code instead."""
    return Reason(code) if reason.code in TELLING else reason


def title(reason: Reason, names: Names) -> str:
    """The title of a row. KeyError when it would name something that this visitor may not see."""
    return _TITLES[reason.code](_named(reason, names))


def words(reason: Reason, names: Names) -> str:
    """Why a row or a product is shown, as a sentence without a full stop. KeyError as for `title`."""
    return _WORDS[reason.code](_named(reason, names))


def _named(reason: Reason, names: Names) -> dict[str, Any]:
    facts = dict(reason.facts)
    if "product" in facts:
        facts["product"] = names.products[facts["product"]]
    if "category" in facts:
        facts["category"] = names.categories[facts["category"]]
    return facts


def _day(seconds: float) -> str:
    return _dated(seconds, get_current_timezone(), get_language())


@lru_cache(1_000)
def _dated(seconds: float, zone: tzinfo, language: str | None) -> str:
    """The same few days stand in many reasons, and writing one out is slow."""
    return date_format(datetime.fromtimestamp(seconds, zone), "DATE_FORMAT")


_TITLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "buy_again": lambda facts: _("Buy again"),
    "because_you_bought": lambda facts: _("Because you bought %(product)s") % facts,
    "because_you_looked_at": lambda facts: _("Because you looked at %(product)s") % facts,
    "popular_in_category": lambda facts: _("Popular in %(category)s") % facts,
    "popular_where_you_like": lambda facts: _("Popular in %(category)s") % facts,
    "recommended": lambda facts: _("Recommended for you"),
    "recommended_too": lambda facts: _("More for you"),
    "bestsellers": lambda facts: _("Bestsellers"),
    "bestsellers_in_category": lambda facts: _("Bestsellers in %(category)s") % facts,
    "trending": lambda facts: _("Trending this week"),
    "new_in": lambda facts: _("New in"),
    "latest": lambda facts: _("Latest additions"),
}

_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    # Of rows.
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
    "because_you_looked_at": lambda facts: _("Goes with it, or is like it"),
    "popular_where_you_like": lambda facts: _("What sells best there now. You said that you like it"),
    "recommended": lambda facts: _("Recommended for you"),
    "recommended_too": lambda facts: _("Recommended for you"),
    "bestsellers": lambda facts: _("What most customers buy"),
    "bestsellers_in_category": lambda facts: _("What most customers buy there"),
    "trending": lambda facts: _("Selling more than in a usual week"),
    "new_in": lambda facts: _("Added to the shop lately"),
    "latest": lambda facts: _("The newest products of the shop"),
    # Of products.
    "bought_before": lambda facts: (
        (_("You bought it on %(day)s") if facts["days"] == 1 else _("You bought it %(days)d times, last on %(day)s"))
        % {"days": facts["days"], "day": _day(facts["last"])}
    ),
    "bought_by": lambda facts: (
        ngettext(
            "Bought by %(customers)d customer in %(period)d days",
            "Bought by %(customers)d customers in %(period)d days",
            facts["customers"],
        )
        % facts
    ),
    "bought_times": lambda facts: (
        ngettext("Bought %(times)d time so far", "Bought %(times)d times so far", facts["times"]) % facts
    ),
    "rising": lambda facts: _("Sells %(times)s times as much as usual") % {"times": number_format(facts["times"], 1)},
    "goes_with": lambda facts: _("Goes with %(product)s, which you bought") % facts,
    "goes_with_basket": lambda facts: _("Others put it in one basket with %(product)s") % facts,
    "similar_customers": lambda facts: _("Customers with habits like yours buy it"),
    "listed": lambda facts: _("From our range"),
    # Of categories.
    "you_buy_there": lambda facts: (
        ngettext(
            "You have bought from it %(purchases)d time",
            "You have bought from it %(purchases)d times",
            facts["purchases"],
        )
        % facts
    ),
    "expected_there": lambda facts: _("Holds what you may want next"),
    "since": lambda facts: _("Here since %(day)s") % {"day": _day(facts["created"])},
}
