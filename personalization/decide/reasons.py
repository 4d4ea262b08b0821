"""Reasons in words. Every sentence is true of the parameters that the reason carries, or the item is not shown.

A row type carries its own words (`personalization.rows`); those of items are in the table here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext

from personalization.decide.relative_dates import relative_date
from personalization.decide.slate import (
    ALONE,
    CATEGORY,
    CHOSEN_BY_US,
    PRODUCT,
    SPONSORED,
    Link,
    PlacedBy,
    Reason,
    RowText,
    RowType,
)


class HiddenNameError(LookupError):
    """A reason names a product or category that this visitor may not see."""


class UnknownReasonError(LookupError):
    """A reason has no words."""


@dataclass(frozen=True)
class DisplayNames:
    """The names, as the shop shows them, of the products and categories that reasons name."""

    products: Mapping[int, str] = field(default_factory=dict)
    categories: Mapping[int, str] = field(default_factory=dict)
    unavailable: frozenset[int] = frozenset()
    """Those of the products that cannot be bought now, as far as a reason depends on it."""
    now: float | None = None
    """The moment, in seconds since 1970, from which days are told: "3 weeks ago". None: by their dates."""


@dataclass(frozen=True)
class ItemReason:
    """Why an item is shown, in words."""

    explanation: RowText
    discloses_activity: bool = False
    """Whether it tells what the visitor bought, viewed or said."""


NEUTRAL_CODE, SECOND_NEUTRAL_CODE = "recommended", "recommended_too"
"""The reasons that stand in where a reason would disclose too much; the second for all rows of a page but the first."""


def row_title(row_type: RowType, params: Mapping[str, Any], names: DisplayNames) -> str:
    """The title of a row. HiddenNameError when it would name something that this visitor may not see."""
    return row_type.title(_with_names(params, names))


def row_explanation(row_type: RowType, params: Mapping[str, Any], names: DisplayNames) -> str:
    """Why there is a row, as a sentence without a full stop. HiddenNameError as for `row_title`."""
    return row_type.explanation(_with_names(params, names))


def explanation_with_newcomer(explanation: str) -> str:
    """The explanation of a row whose last place has a new product, for which it would be untrue."""
    return pgettext("personalization", "%(reason)s, and a new product") % {"reason": explanation}


def explanation_with_objectives(explanation: str) -> str:
    """The explanation of a row in which something stands higher than by what the row is about."""
    return pgettext("personalization", "%(reason)s; what matters to the shop counts, too") % {"reason": explanation}


def neutral_title(code: str) -> str:
    """The title of a row that must not tell what it is made from."""
    if code == NEUTRAL_CODE:
        return pgettext("personalization", "Recommended for you")
    return pgettext("personalization", "More for you")


def item_explanation(reason: Reason, names: DisplayNames, row_type: RowType | None = None) -> str:
    """Why an item is shown, as a sentence without a full stop; the row's own sentence where they share a code.

    Raises: HiddenNameError as for `row_title`; UnknownReasonError when the reason has no words.
    """
    if known := ITEM_REASONS.get(reason.code):
        return known.explanation(_with_names(reason.params, names))
    if row_type is not None and row_type.code == reason.code:
        return row_explanation(row_type, reason.params, names)
    raise UnknownReasonError(f"the reason {reason.code!r} has no words")


def without_private_facts(reason: Reason, row_type: RowType | None = None) -> Reason:
    """The reason of an item, or the neutral one where it tells what only the visitor themselves should read."""
    if known := ITEM_REASONS.get(reason.code):
        private = known.discloses_activity
    else:
        private = row_type is not None and row_type.code == reason.code and row_type.discloses_activity
    return Reason(NEUTRAL_CODE) if private else reason


def placement_label(placed_by: PlacedBy | None) -> str:
    """What the card of an item says that a campaign put in its place; "" where the engine did."""
    if placed_by is None:
        return ""
    if placed_by.sponsored:
        return pgettext("personalization", "Sponsored")
    return pgettext("personalization", "Chosen by us")


def link_label(link: Link) -> str:
    """What a link says."""
    return _LINK_LABELS[link.target](dict(link.params))


def _with_names(params: Mapping[str, Any], names: DisplayNames) -> dict[str, Any]:
    named = {**params, "now": names.now}
    try:
        if PRODUCT in named:
            named["sold_out"] = named[PRODUCT] in names.unavailable
            named[PRODUCT] = names.products[named[PRODUCT]]
        if CATEGORY in named:
            named[CATEGORY] = names.categories[named[CATEGORY]]
    except KeyError as missing:
        raise HiddenNameError(f"no name for {missing}") from None
    return named


def _dated(text: str, moment: float, params: dict[str, Any]) -> str:
    """A sentence with a day; in some languages the day comes first."""
    return capfirst(text % {**params, "when": relative_date(moment, params["now"])})


def _bought_before(params: dict[str, Any]) -> str:
    if "days" not in params and params.get(ALONE):
        text = pgettext("personalization", "You last bought it %(when)s")
    elif "days" not in params:
        text = pgettext("personalization", "Last bought %(when)s")
    elif params["days"] == 1:
        text = pgettext("personalization", "You bought it %(when)s")
    else:
        text = _("You bought it %(days)d times, most recently %(when)s")
    return _dated(text, params["last"], params)


def _popular(params: dict[str, Any]) -> str:
    if not params["period"]:
        text = ngettext(
            "Bought by %(customers)d customer so far", "Bought by %(customers)d customers so far", params["customers"]
        )
        return text % params
    text = ngettext(
        "Bought by %(customers)d customer in %(period)d days",
        "Bought by %(customers)d customers in %(period)d days",
        params["customers"],
    )
    return text % params


def _bestseller_count(params: dict[str, Any]) -> str:
    text = npgettext(
        "personalization", "Bought %(times)d time so far", "Bought %(times)d times so far", params["times"]
    )
    return text % params


def _bought_in_category(params: dict[str, Any]) -> str:
    text = ngettext(
        "You have bought from this category %(purchases)d time",
        "You have bought from this category %(purchases)d times",
        params["purchases"],
    )
    return text % params


ITEM_REASONS: dict[str, ItemReason] = {
    # Of products.
    "bought_before": ItemReason(_bought_before, discloses_activity=True),
    "viewed_before": ItemReason(
        lambda params: _dated(pgettext("personalization", "Viewed %(when)s"), params["at"], params),
        discloses_activity=True,
    ),
    "bought_together_with_purchase": ItemReason(
        lambda params: _("Goes with %(product)s, which you bought") % params, discloses_activity=True
    ),
    "bought_in_household": ItemReason(
        lambda params: pgettext("personalization", "Bought in your household"), discloses_activity=True
    ),
    "bought_together_in_household": ItemReason(
        lambda params: _("Goes with %(product)s, bought in your household") % params, discloses_activity=True
    ),
    "bought_together_with_basket": ItemReason(
        lambda params: pgettext("personalization", "Frequently bought with %(product)s") % params
    ),
    "bought_together": ItemReason(lambda params: _("Often bought together with it, or with similar products")),
    "bought_after_viewing": ItemReason(lambda params: _("Bought by others after viewing %(product)s") % params),
    "similar_price": ItemReason(lambda params: pgettext("personalization", "Same kind, similar price")),
    "similar_description": ItemReason(lambda params: pgettext("personalization", "Same kind, similar description")),
    "similar_customers": ItemReason(lambda params: _("Popular with customers like you")),
    "chosen_after_search": ItemReason(lambda params: _("Often chosen after this search")),
    "popular": ItemReason(_popular),
    "bestseller_count": ItemReason(_bestseller_count),
    "trending": ItemReason(
        lambda params: _("Selling %(times)s times as much as usual") % {"times": number_format(params["times"], 1)}
    ),
    "new": ItemReason(lambda params: _dated(pgettext("personalization", "Added %(when)s"), params["created"], params)),
    "in_range": ItemReason(lambda params: ""),
    CHOSEN_BY_US: ItemReason(lambda params: pgettext("personalization", "Chosen by us")),
    SPONSORED: ItemReason(lambda params: pgettext("personalization", "Sponsored")),
    NEUTRAL_CODE: ItemReason(lambda params: neutral_title(NEUTRAL_CODE)),
    SECOND_NEUTRAL_CODE: ItemReason(lambda params: neutral_title(NEUTRAL_CODE)),
    # Of categories.
    "bought_in_category": ItemReason(_bought_in_category, discloses_activity=True),
    "household_category": ItemReason(
        lambda params: _("Your household buys from this category"), discloses_activity=True
    ),
    "liked_category": ItemReason(lambda params: _("You said that you like this category"), discloses_activity=True),
    "expected_in_category": ItemReason(lambda params: pgettext("personalization", "Suggested for you")),
}
"""By code. An item whose reason has the code of its row type needs no entry: it takes the row's words."""

_LINK_LABELS: dict[str, Callable[[dict[str, Any]], str]] = {
    "basket": lambda params: (
        npgettext("personalization", "Your basket: %(items)d item", "Your basket: %(items)d items", params["items"])
        % params
    ),
    "search": lambda params: pgettext("personalization", "Your search: %(query)s") % params,
}
