"""What a page shows of the basket, for a script that changed it without a reload. Only Oscar's own views change it."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from oscar.templatetags.currency_filters import currency

from personalization.models.fail_open import fail_open

HEADER_TEMPLATE = "personalization/partials/basket_header.html"
REFUSED_FORM_PREFIX = "add_to_basket_form_post_data_"
"""The keys under which Oscar keeps a form that it refused, to show it again with its errors on the next page."""


@dataclass(frozen=True)
class BasketMessage:
    """What Oscar has to say of the last change."""

    text: str
    is_problem: bool


@dataclass(frozen=True)
class BasketLine:
    """A line of the basket, and what the buttons of a card say of it."""

    id: int
    product_id: int
    quantity: int
    label: str
    more: str
    less: str


@dataclass(frozen=True)
class BasketState:
    """The open basket of a requester."""

    lines: list[BasketLine]
    total: str
    header: str
    """Oscar's templates of the page's header, rendered anew; "" where that failed."""
    messages: list[BasketMessage]


def read_basket_state(request: HttpRequest) -> BasketState:
    """The basket as it is now. Oscar's messages are taken from those that wait for the next page, which would say them
    again."""
    waiting = list(_take_messages(request))
    _drop_refused_forms(request)
    header = ""
    with fail_open("Rendering the header"):
        header = render_to_string(HEADER_TEMPLATE, request=request)
    return BasketState(list(_basket_lines(request)), _total(request), header, waiting)


def _take_messages(request: HttpRequest) -> Iterator[BasketMessage]:
    """Without those that only tell the new total, with links to the basket."""
    for message in messages.get_messages(request):
        if message.level != messages.INFO:
            text = html.unescape(strip_tags(str(message))) if "safe" in message.tags.split() else str(message)
            yield BasketMessage(" ".join(text.split()), message.level >= messages.WARNING)


def _drop_refused_forms(request: HttpRequest) -> None:
    refused = [key for key in request.session.keys() if key.startswith(REFUSED_FORM_PREFIX)]  # noqa: SIM118 - no dict
    for key in refused:
        del request.session[key]


def _basket_lines(request: Any) -> Iterator[BasketLine]:
    for line in request.basket.all_lines() if request.basket.pk else ():
        names = {"quantity": line.quantity, "product": line.product.get_title()}
        yield BasketLine(
            line.pk,
            line.product_id,
            line.quantity,
            pgettext("personalization", "%(quantity)d in basket") % names,
            pgettext("personalization", "Add one more: %(product)s") % names,
            _("Take one out of the basket: %(product)s") % names,
        )


def _total(request: Any) -> str:
    basket = request.basket
    amount = basket.total_incl_tax if basket.is_tax_known else basket.total_excl_tax
    return pgettext("personalization", "Basket total: %(total)s") % {"total": currency(amount, basket.currency)}
