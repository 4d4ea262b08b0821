"""What a merchandiser should know before a campaign is published, and which does not keep it from being published."""

from collections.abc import Iterator
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.merchandising.compiled import Do
from personalization.merchandising.conflicts import known_products
from personalization.oscar.dashboard.campaign_reach import SMALL_AUDIENCE, CampaignReach
from personalization.oscar.dashboard.draft_rules import DraftRules
from personalization.oscar.dashboard.place_forms import ROW_SURFACES
from personalization.shop import catalogue, product_targets


def publish_warnings(rules: DraftRules, reach: CampaignReach, strategy: Any, row_size: int) -> list[str]:
    """The warnings in words.

    Parameters: `strategy`, the shop's, which says what is sold out; `row_size`, how many products a row shows.
    """
    return [
        *_pinned_share(rules, row_size),
        *_sold_out_pins(rules, strategy),
        *_small_audience(reach),
        *_ends_after_offer(rules),
        *_cancelling_boosts(rules),
    ]


def _pinned_products(rules: DraftRules) -> list[tuple[int, int, bool]]:
    """(product, place, whether it is pinned even when sold out) of each pin."""
    pins = [action for action in rules.campaign.actions if action.do is Do.PIN]
    return [(key, one.place + step, one.sold_out) for one in pins for step, key in enumerate(one.product_ids)]


def _pinned_share(rules: DraftRules, row_size: int) -> Iterator[str]:
    has_rows = any(place.surface in ROW_SURFACES for place in rules.campaign.where)
    pinned = {place for _key, place, _sold_out in _pinned_products(rules) if place <= row_size}
    if has_rows and len(pinned) > row_size // 2:
        words = _("It pins %(pinned)d of the %(size)d places of a row: little is left to the shopper's own.")
        yield words % {"pinned": len(pinned), "size": row_size}


def _sold_out_pins(rules: DraftRules, strategy: Any) -> Iterator[str]:
    keys = [key for key, _place, sold_out in _pinned_products(rules) if not sold_out]
    products = catalogue.products_for_availability(keys) if keys else {}
    gone = [one.get_title() for one in products.values() if catalogue.get_offer(one, strategy) is None]
    if gone:
        titles = ", ".join(pgettext("personalization", "“%(name)s”") % {"name": title} for title in gone[:5])
        words = ngettext(
            "%(count)d pinned product is sold out and steps aside: %(titles)s.",
            "%(count)d pinned products are sold out and step aside: %(titles)s.",
            len(gone),
        )
        yield words % {"count": len(gone), "titles": titles}


def _small_audience(reach: CampaignReach) -> Iterator[str]:
    if reach.customers is not None and reach.is_small:
        words = ngettext(
            "It is for %(count)d customer only; below %(few)d hardly anybody sees it.",
            "It is for %(count)d customers only; below %(few)d hardly anybody sees it.",
            reach.customers.members,
        )
        yield words % {"count": reach.customers.members, "few": SMALL_AUDIENCE}


def _ends_after_offer(rules: DraftRules) -> Iterator[str]:
    ranges = {key for action in rules.document["what"] for key in _named_ranges(action["target"])}
    ends = rules.campaign.schedule.ends
    for name, offer, end in product_targets.offer_ends(ranges) if ranges else ():
        if ends > end.timestamp():
            shown = date_format(localtime(end), "DATETIME_FORMAT")
            words = _("The offer “%(offer)s” on “%(range)s” ends on %(at)s, before the campaign does.")
            yield words % {"offer": offer, "range": name, "at": shown}


def _named_ranges(target: dict[str, Any]) -> set[int]:
    parts = target.get("all", [target])
    return {part["range"] for part in parts if "range" in part}


def _cancelling_boosts(rules: DraftRules) -> Iterator[str]:
    """Of its own boosts and burials; those of others are conflicts, which are said anyway."""
    moved: dict[Do, set[int]] = {Do.BOOST: set(), Do.BURY: set()}
    for action in rules.campaign.actions:
        if action.do in moved:
            moved[action.do] |= known_products(action.target) or set()
    if both := moved[Do.BOOST] & moved[Do.BURY]:
        words = ngettext(
            "It boosts and buries %(count)d product at once, so that it stays where it is or nearly so.",
            "It boosts and buries %(count)d products at once, so that they stay where they are or nearly so.",
            len(both),
        )
        yield words % {"count": len(both)}
