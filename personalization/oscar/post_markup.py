"""What the spots in the picture of a shoppable post, and the list of its products beside it, are printed from; and a
cache of printed posts.

As with cards, the markup is the same for all who see the post's products at the same prices in the same language. What
is one visitor's own, the form's CSRF token, the page to return to and the impression token, is filled in at last.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.template import Context, Node
from django.template.loader import get_template
from django.utils.crypto import get_random_string
from django.utils.html import conditional_escape

from personalization.decide.post_spots import ShownSpot
from personalization.oscar.card_markup import (
    NEXT_PLACEHOLDER,
    TOKEN_PLACEHOLDER,
    Card,
    card_text,
    is_ours,
    page_key,
    product_key,
)
from personalization.shop import catalogue

POST_TEMPLATE = "personalization/partials/post_content.html"
PRODUCT_TEMPLATE = "personalization/partials/post_product.html"
MAX_CACHED_POSTS = 200
"""Each takes up to 20 kilobytes; a full cache is emptied."""
REPORT_PLACEHOLDER = get_random_string(32)
"""What stands in cached markup for the impression token."""

_post_cache: dict[tuple, str] = {}


@dataclass(frozen=True)
class PrintedSpot:
    """A spot with its product."""

    number: int
    """From 1: it stands in the picture, and before the product in the list."""
    x: int
    """Percent from the left."""
    y: int
    """Percent from the top."""
    product_id: int
    offer: catalogue.Offer
    """The product, and its purchase info for this visitor."""
    replaced_title: str = ""
    """The sold-out product for which this one stands; "" for the product itself."""

    @cached_property
    def card(self) -> Card:
        """What is said of the product, without a picture."""
        return card_text(self.offer.product, self.offer.info)

    @property
    def key(self) -> tuple:
        """All that its markup depends on."""
        place = (self.number, self.x, self.y, self.replaced_title)
        return place + product_key(self.offer.product, self.offer.info)


def print_spots(shown: Iterable[ShownSpot]) -> tuple[PrintedSpot, ...]:
    """The spots of one post, numbered in reading order. No query, and no thumbnail is made."""
    return tuple(
        PrintedSpot(number, one.spot.x, one.spot.y, one.offer.product.pk, one.offer, one.replaced_title)
        for number, one in enumerate(shown, 1)
    )


class PostNode(Node):
    """{% shoppable_post %}: the post that `printed`, `text`, `picture` and `token` of the page's context are about."""

    def render(self, context: Context) -> str:
        post, product = get_template(POST_TEMPLATE), get_template(PRODUCT_TEMPLATE)
        printed, text = context["printed"], context["text"]
        if not (is_ours(post) and is_ours(product) and _is_for_all(printed.block, text)):
            template: Any = post
            return str(template.template.render(context))
        page = {name: context.get(name) for name in ("block", "text", "picture")}
        page |= {"has_forms": bool(context.get("has_forms")), "place": bool(context.get("place"))}
        token = context.get("token") or ""
        key = (*page_key(post, product), bool(token), page["has_forms"], page["place"], *_post_key(printed, page))
        markup = _post_cache.get(key)
        if markup is None:
            own = {"token": token and REPORT_PLACEHOLDER, "next": NEXT_PLACEHOLDER, "csrf_token": TOKEN_PLACEHOLDER}
            markup = post.render({**page, **own, "printed": printed})
            _keep_markup(key, markup)
        markup = markup.replace(TOKEN_PLACEHOLDER, str(context.get("csrf_token") or ""))
        markup = markup.replace(NEXT_PLACEHOLDER, conditional_escape(context.get("next") or ""))
        return markup.replace(REPORT_PLACEHOLDER, conditional_escape(token))


def _is_for_all(block: Any, text: Any) -> bool:
    """Whether its words are as they were published, without a code of one visitor's in them."""
    return any(text is one for one in block.texts.values())


def _post_key(printed: Any, page: dict[str, Any]) -> tuple:
    spots = (one.key for one in printed.spots)
    return (printed.block.id, printed.suffix, printed.block.post, page["text"], page["picture"], *spots)


def _keep_markup(key: tuple, markup: str) -> None:
    if len(_post_cache) >= MAX_CACHED_POSTS:
        _post_cache.clear()
    _post_cache[key] = markup
