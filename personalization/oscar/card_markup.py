"""What a small card shows of a product, and the markup of cards that were made lately.

A card's face is the same for everybody who sees the product at the same price in the same language, so it is made once
and kept in this process, under all that it depends on. What is one visitor's own, the token of the form and the page to
come back to, is put in when it is printed.
"""

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import get_template
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.crypto import get_random_string
from django.utils.html import conditional_escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from oscar.core.thumbnails import get_thumbnailer
from oscar.templatetags.currency_filters import currency

import personalization
from personalization.models.fail_open import fail_open
from personalization.shop import catalogue

CARD_TEMPLATE, FACE_TEMPLATE = "personalization/partials/card.html", "personalization/partials/card_face.html"
OURS = str(Path(personalization.__path__[0]))
PICTURE = "x155"
"""As Oscar's own card asks for it, so that one file serves both."""
SIMPLY_THERE = ("instock", "available")
"""The codes of what can be bought without more to be said."""
KEPT = 2_000
"""So many faces are kept, of about a thousand letters each."""
SECONDS = 600
"""A face is made anew after so long, in case a picture was lost or could not be made."""
TOKEN, BACK = get_random_string(32), get_random_string(32)
"""What stands in a kept face for the form's token and for the page to come back to. Nobody can guess it."""

_kept: dict[tuple, str] = {}


@dataclass(frozen=True)
class CardImage:
    """A small picture of a product."""

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Card:
    """What a card shows of a product."""

    title: str
    link: str
    picture: CardImage | None
    price: str
    availability: str
    """What a shopper should know before they buy; "" when there is enough of it."""
    add: str
    """Where one of it is put into the basket; "" when there is something to choose first."""


@dataclass(frozen=True)
class ProductData:
    """The same for who makes the card elsewhere."""

    title: str
    link: str
    picture: str | None
    """The address of the first picture, as it was uploaded."""
    amount: Decimal | None
    """What a shopper pays for one; None where nothing says it."""
    currency: str
    with_tax: bool
    notice: str
    in_one_click: bool


def shop_overrides_card() -> bool:
    """Whether the shop has put a card of its own in the place of ours."""
    return not get_template(CARD_TEMPLATE).origin.name.startswith(OURS)


class CardRenderer:
    """Prints the cards of one page: what they have in common is worked out once."""

    def __init__(self, products: Iterable[Any], token: str, back: str) -> None:
        self._products = products
        self._token, self._back = token, conditional_escape(back)
        self._template = get_template(FACE_TEMPLATE)
        self._place = (
            get_language(),
            get_script_prefix(),
            get_urlconf() or settings.ROOT_URLCONF,
            zlib.crc32(self._template.template.source.encode()),
            time.monotonic() // SECONDS,
        )

    def render(self, product: Any, info: Any, *, later: bool) -> str:
        """The markup of a product's card at this price and availability, as the shop's strategy gave them. The pictures
        of `later` cards are loaded when they come near."""
        key = (*self._place, later, *_all_that_matters(product, info))
        if key not in _kept:
            with fail_open("Making a card"):
                _keep(key, self._made(product, info, later))
        return _kept.get(key, "").replace(TOKEN, self._token).replace(BACK, self._back)

    def _made(self, product: Any, info: Any, later: bool) -> str:
        catalogue.attach_images([product, *self._products])
        made = {"card": card_context(product, info), "later": later, "csrf_token": TOKEN, "back": BACK}
        return self._template.render(made)


def _keep(key: tuple, face: str) -> None:
    if len(_kept) >= KEPT:
        _kept.clear()
    _kept[key] = face


def _all_that_matters(product: Any, info: Any) -> tuple:
    """All that a face depends on, besides where it stands."""
    return (
        product.pk,
        product.title,
        product.slug,
        product.date_updated,
        product.first_image,
        product.is_parent or product.has_options,
        catalogue.get_price_amount(info),
        info.price.currency,
        _notice(info),
    )


def card_context(product: Any, info: Any) -> Card:
    """The card of a product at this price and availability."""
    return Card(
        title=product.get_title(),
        link=product.get_absolute_url(),
        picture=_picture(product),
        price=_price(info),
        availability=_notice(info),
        add=reverse("basket:add", kwargs={"pk": product.pk}) if _in_one_click(product) else "",
    )


def product_data(product: Any, info: Any) -> ProductData:
    """The same of one that was looked up by `catalogue.faces`, without making its picture small: no query, and nothing
    is written."""
    amount = catalogue.get_price_amount(info)
    return ProductData(
        title=product.get_title(),
        link=product.get_absolute_url(),
        picture=_as_uploaded(product.first_image),
        amount=amount,
        currency=info.price.currency if amount is not None else "",
        with_tax=amount is not None and info.price.is_tax_known,
        notice=_notice(info),
        in_one_click=_in_one_click(product),
    )


def _in_one_click(product: Any) -> bool:
    """Whether there is nothing to choose before one can be put into the basket."""
    return not (product.is_parent or product.has_options)


def _picture(product: Any) -> CardImage | None:
    with fail_open("Making a picture small", queries=False):
        image = product.primary_image()
        source = image["original"] if isinstance(image, dict) else image.original
        made = get_thumbnailer().generate_thumbnail(source, size=PICTURE, upscale=False)
        return CardImage(made.url, made.width, made.height)
    return None


def _price(info: Any) -> str:
    amount = catalogue.get_price_amount(info)
    if amount is None:
        return ""
    return currency(amount, info.price.currency) if info.price.excl_tax else _("Free")


def _notice(info: Any) -> str:
    return "" if info.availability.code in SIMPLY_THERE else str(info.availability.short_message)


def _as_uploaded(name: str | None) -> str | None:
    with fail_open("Looking for a picture", queries=False):
        return catalogue.image_url(name) if name else None
    return None
