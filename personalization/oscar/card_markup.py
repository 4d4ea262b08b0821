"""What a small card shows of a product, and a cache of rendered cards.

The content of a card is equal for all visitors who see the product at the same price in the same language, so it is
rendered once and cached in this process, by all that it depends on. What belongs to one visitor or one row, the form's
CSRF token and the place to return to, is a placeholder in the cached markup and filled in when it is printed.
"""

import re
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import get_template
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.crypto import get_random_string
from django.utils.html import conditional_escape
from django.utils.translation import get_language, pgettext
from oscar.core.thumbnails import get_thumbnailer
from oscar.templatetags.currency_filters import currency

import personalization
from personalization.cache_access import cache_answers
from personalization.models.fail_open import fail_open
from personalization.shop import catalogue

CARD_TEMPLATE, CONTENT_TEMPLATE = "personalization/partials/card.html", "personalization/partials/card_content.html"
MENU_TEMPLATE = "personalization/partials/card_menu.html"
PACKAGE_FOLDER = str(Path(personalization.__path__[0]))
IMAGE_SIZE = "x155"
"""As Oscar's own card has it, so that one thumbnail serves both."""
PLAINLY_AVAILABLE = ("instock", "available")
"""The codes of an availability that a shopper need not read about."""
MAX_CACHED_CARDS = 2_000
"""Each takes about a kilobyte; a full cache is emptied."""
CACHE_SECONDS = 600
"""A card is rendered again after this long, in case its thumbnail was lost or could not be made."""
TOKEN_PLACEHOLDER, NEXT_PLACEHOLDER, ANCHOR_PLACEHOLDER = (get_random_string(32) for _ in range(3))
"""What stands in cached markup for the CSRF token, the page to return to and the row on it: random, so that no text can
contain it."""

_card_cache: dict[tuple, str] = {}


@dataclass(frozen=True)
class CardImage:
    """The thumbnail of a product; the picture as it was uploaded, of unknown size, while the cache does not answer that
    knows the thumbnails."""

    url: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Card:
    """What a card shows of a product."""

    title: str
    url: str
    image: CardImage | None
    price: str
    stars: int | None
    """How many of five stars its reviews give it; None where there are none, or the shop hides reviews."""
    availability: str
    """What a shopper should know before they buy; empty when it is plainly available."""
    add_to_basket_url: str
    """Where a form puts one into the basket; empty when it is sold out, or there are options to choose first."""
    fetched_form_url: str = ""
    """The same, on a page that may be handed to anybody: a script makes the form of a link, once it has a token."""
    sold_out: bool = False
    """Only where a campaign shows it in spite of that."""


@dataclass(frozen=True)
class ProductData:
    """What the API tells a client that renders cards itself."""

    title: str
    url: str
    image_url: str | None
    """The first image, as it was uploaded."""
    amount: Decimal | None
    """What a shopper pays for one; None without a price."""
    currency: str
    includes_tax: bool
    availability: str
    addable_in_one_click: bool
    available: bool
    """Whether it can be bought now."""


def shop_overrides_card() -> bool:
    """Whether the shop's own `card.html` is used instead of ours."""
    return not is_ours(get_template(CARD_TEMPLATE))


def is_ours(template: Any) -> bool:
    """Whether a template is this package's own, and not a shop's."""
    return bool(template.origin.name.startswith(PACKAGE_FOLDER))


class CardRenderer:
    """Renders the cards of one page; what they have in common is worked out once."""

    def __init__(self, products: Iterable[Any], token: str | None, next_url: str) -> None:
        """`token` is the CSRF token of the forms; None for a page that may be handed to anybody: links instead."""
        self._products, self._has_forms = products, token is not None
        self._token, self._next_url = token or "", conditional_escape(next_url)
        self._escaped_anchors: dict[str, str] = {}
        template: Any = get_template(CONTENT_TEMPLATE)  # Django's own engine
        self._template = template
        self._page_key = (self._has_forms, *page_key(template))

    def render(
        self, product: Any, info: Any, *, lazy: bool, anchor: str = "", label: str = "", size_count: int = 1
    ) -> str:
        """The markup of a product's card at the price and availability of `info`, the shop's purchase info for it.

        The images of `lazy` cards are loaded as they come near the viewport. `anchor` is the id of the card's row: the
        address of the form ends with it, and a browser keeps it through Oscar's redirect, whatever Oscar answers.
        `label` says who chose the product, where a campaign did; `size_count`, in how many sizes there is what the card
        stands for.
        """
        key = (*self._page_key, lazy, label, size_count, *product_key(product, info))
        markup = _card_cache.get(key, "")
        if not markup:
            with fail_open("Rendering a card"):
                catalogue.attach_images([product, *self._products])
                card = card_context(product, info)
                card = (
                    card
                    if self._has_forms
                    else replace(card, add_to_basket_url="", fetched_form_url=card.add_to_basket_url)
                )
                markup = self._render_content(card, lazy, label, size_count)
                if card.image is None or card.image.width is not None:
                    _store_in_cache(key, markup)
        escaped = self._escaped_anchors.get(anchor)
        if escaped is None:
            escaped = self._escaped_anchors[anchor] = conditional_escape(anchor)
        markup = markup.replace(ANCHOR_PLACEHOLDER, escaped)
        return markup.replace(TOKEN_PLACEHOLDER, self._token).replace(NEXT_PLACEHOLDER, self._next_url)

    def _render_content(self, card: Card, lazy: bool, label: str, size_count: int) -> str:
        return self._template.render(
            {
                "card": card,
                "lazy": lazy,
                "label": label,
                "size_count": size_count,
                "csrf_token": TOKEN_PLACEHOLDER,
                "next": NEXT_PLACEHOLDER,
                "anchor": ANCHOR_PLACEHOLDER,
            }
        )


def render_menu(item: Any, row: Any, anchor: str) -> str:
    """The markup of the menu that dismisses this item of a row, or the row's category. It holds nothing of a visitor:
    its tokens name a product and a category, and are signed alike for all."""
    template: Any = get_template(MENU_TEMPLATE)
    title, name = item.product.get_title(), row.subject_category_name
    page = (get_language(), zlib.crc32(template.template.source.encode()))
    key = (MENU_TEMPLATE, *page, item.product_id, title, row.subject_category, name)
    markup = _card_cache.get(key)
    if markup is None:
        markup = template.render({"item": item, "row": row, "anchor": ANCHOR_PLACEHOLDER})
        _store_in_cache(key, markup)
    return markup.replace(ANCHOR_PLACEHOLDER, conditional_escape(anchor))


def _store_in_cache(key: tuple, markup: str) -> None:
    if len(_card_cache) >= MAX_CACHED_CARDS:
        _card_cache.clear()
    _card_cache[key] = markup


def page_key(*templates: Any) -> tuple:
    """All that markup of these templates depends on besides what it shows and whose it is."""
    return (
        get_language(),
        get_script_prefix(),
        get_urlconf() or settings.ROOT_URLCONF,
        *(zlib.crc32(one.template.source.encode()) for one in templates),
        time.monotonic() // CACHE_SECONDS,
    )


def product_key(product: Any, info: Any) -> tuple:
    """All that a card's content depends on besides the page."""
    return (
        product.pk,
        product.title,
        product.slug,
        product.date_updated,
        product.first_image,
        _stars(product),
        product.is_parent or product.has_options,
        info.availability.is_available_to_buy,
        catalogue.get_price_amount(info),
        info.price.currency,
        _availability_text(info),
    )


def add_form_anchors(markup: str) -> str:
    """A page's markup, where each form of Oscar's cards has an id, and an address that ends with it: a browser without
    JavaScript comes back to that place, through any redirect."""
    before, _, after = reverse("basket:add", kwargs={"pk": 0}).rpartition("0")
    plain_form = re.compile(rf'<form action="({re.escape(before)}([0-9]+){re.escape(after)})"')
    seen: set[str] = set()

    def with_anchor(form: re.Match[str]) -> str:
        address, key = form.groups()
        if key in seen:  # an id stands once on a page
            return form[0]
        seen.add(key)
        return f'<form id="basket-add-{key}" action="{address}#basket-add-{key}"'

    return plain_form.sub(with_anchor, markup)


def card_context(product: Any, info: Any) -> Card:
    """The card of a product at this price and availability."""
    return replace(card_text(product, info), image=_card_image(product))


def card_text(product: Any, info: Any) -> Card:
    """What a card says of a product, without its image: no query, and no thumbnail is made."""
    return Card(
        title=product.get_title(),
        url=product.get_absolute_url(),
        image=None,
        price=format_price(info),
        stars=_stars(product),
        availability=_availability_text(info),
        add_to_basket_url=_add_to_basket_url(product) if _addable_in_one_click(product, info) else "",
        sold_out=not info.availability.is_available_to_buy,
    )


def _add_to_basket_url(product: Any) -> str:
    """Empty in a shop that has no basket of Oscar's."""
    try:
        return reverse("basket:add", kwargs={"pk": product.pk})
    except NoReverseMatch:
        return ""


def product_data(product: Any, info: Any) -> ProductData:
    """The data of a card for a product from `catalogue.products_for_cards`: no query, and no thumbnail is made."""
    amount = catalogue.get_price_amount(info)
    return ProductData(
        title=product.get_title(),
        url=product.get_absolute_url(),
        image_url=_uploaded_image_url(product.first_image),
        amount=amount,
        currency=info.price.currency if amount is not None else "",
        includes_tax=amount is not None and info.price.is_tax_known,
        availability=_availability_text(info),
        addable_in_one_click=_addable_in_one_click(product, info),
        available=info.availability.is_available_to_buy,
    )


def _addable_in_one_click(product: Any, info: Any) -> bool:
    """Whether it can be bought, and has no options to choose before it is put into the basket."""
    return info.availability.is_available_to_buy and not (product.is_parent or product.has_options)


def _card_image(product: Any) -> CardImage | None:
    with fail_open("Making a thumbnail", queries=False):
        image = product.primary_image()
        source = image["original"] if isinstance(image, dict) else image.original
        if not cache_answers():
            return CardImage(catalogue.image_url(str(source)))
        thumbnail = get_thumbnailer().generate_thumbnail(source, size=IMAGE_SIZE, upscale=False)
        return CardImage(thumbnail.url, thumbnail.width, thumbnail.height)
    return None


def format_price(info: Any) -> str:
    """The price as cards print it; see `Card.price`."""
    amount = catalogue.get_price_amount(info)
    if amount is None:
        return ""
    return currency(amount, info.price.currency) if info.price.excl_tax else pgettext("personalization", "Free")


def _stars(product: Any) -> int | None:
    shown = product.rating is not None and "reviews" not in settings.OSCAR_HIDDEN_FEATURES
    return round(product.rating) if shown else None


def _availability_text(info: Any) -> str:
    return "" if info.availability.code in PLAINLY_AVAILABLE else str(info.availability.short_message)


def _uploaded_image_url(name: str | None) -> str | None:
    with fail_open("Looking for an image", queries=False):
        return catalogue.image_url(name) if name else None
    return None
