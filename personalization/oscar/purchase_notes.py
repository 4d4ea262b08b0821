"""What Oscar's own cards in a list say besides: that the visitor bought it, and when; that a campaign chose it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.html import conditional_escape

from personalization.decide.reasons import DisplayNames, item_explanation
from personalization.decide.slate import Reason
from personalization.decide.visit import Visit
from personalization.oscar import visits

CARD = re.compile(r'<article class="product_pod".*?</article>', re.DOTALL)
LINK = re.compile(r'href="([^"]*)"')
TITLE_START, TITLE_END = "<h3", "</h3>"


def purchase_notes(request: HttpRequest, products: Iterable[Any]) -> dict[str, str]:
    """By the address of its page, what is said of each of these products that the visitor bought; nothing for a visitor
    without consent, where somebody else may be looking, or where no other part of the page needed the visitor. No
    query."""
    visit = visits.visit_read_before(request)
    if visit is None or not visit.tracking_allowed or visit.hide_private_reasons:
        return {}
    bought = {row[0]: row for row in visit.own_purchases}
    return {
        product.get_absolute_url(): _purchase_note(bought[product.pk][3], visit)
        for product in products
        if product.pk in bought and not getattr(product, "exclusion", "")
    }


def add_card_texts(markup: str, notes: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """A page's markup, with each note below the title of the card that leads to its address, and each label above."""

    def with_texts(card: re.Match[str]) -> str:
        link, text = LINK.search(card[0]), card[0]
        address = link[1] if link else ""
        if address in notes:
            note = f'<p class="personalization-purchase-note">{conditional_escape(notes[address])}</p>'
            text = text.replace(TITLE_END, TITLE_END + note, 1)
        if address in labels:
            label = f'<p class="personalization-label">{conditional_escape(labels[address])}</p>'
            text = text.replace(TITLE_START, label + TITLE_START, 1)
        return text

    return CARD.sub(with_texts, markup) if notes or labels else markup


def _purchase_note(last_bought_at: float, visit: Visit) -> str:
    """When they bought it last: Oscar's cards have a fixed height, with room for one short line."""
    reason = Reason("bought_before", {"last": last_bought_at, **visit.alone_params})
    return item_explanation(reason, DisplayNames(now=visit.timestamp))
