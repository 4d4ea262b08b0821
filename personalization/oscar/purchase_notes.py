"""What Oscar's own cards in a list say of the visitor's purchases: that they bought it, and when."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.html import conditional_escape

from personalization.decide.reasons import DisplayNames, item_explanation
from personalization.decide.slate import Reason
from personalization.oscar import visits

CARD = re.compile(r'<article class="product_pod".*?</article>', re.DOTALL)
LINK = re.compile(r'href="([^"]*)"')
TITLE_END = "</h3>"


def purchase_notes(request: HttpRequest, products: Iterable[Any]) -> dict[str, str]:
    """By the address of its page, what is said of each of these products that the visitor bought; nothing for a visitor
    without consent, where somebody else may be looking, or where no other part of the page needed the visitor. No
    query."""
    visit = visits.visit_read_before(request)
    if visit is None or not visit.tracking_allowed or visit.hide_private_reasons:
        return {}
    bought = {row[0]: row for row in visit.genome.products}
    return {
        product.get_absolute_url(): _purchase_note(bought[product.pk][3], visit.timestamp)
        for product in products
        if product.pk in bought and not getattr(product, "exclusion", "")
    }


def add_purchase_notes(markup: str, notes: Mapping[str, str]) -> str:
    """A page's markup, with each note below the title of the card that leads to its address."""

    def with_note(card: re.Match[str]) -> str:
        link = LINK.search(card[0])
        note = notes.get(link[1]) if link else None
        if note is None:
            return card[0]
        text = f'<p class="personalization-purchase-note">{conditional_escape(note)}</p>'
        return card[0].replace(TITLE_END, TITLE_END + text, 1)

    return CARD.sub(with_note, markup) if notes else markup


def _purchase_note(last_bought_at: float, now: float) -> str:
    """When they bought it last: Oscar's cards have a fixed height, with room for one short line."""
    return item_explanation(Reason("bought_before", {"last": last_bought_at}), DisplayNames(now=now))
