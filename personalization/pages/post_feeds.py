"""The shoppable posts as RSS and as JSON Feed, for the tools by which a shop posts elsewhere: the same for all."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.feedgenerator import Enclosure, Rss201rev2Feed
from django.utils.html import format_html, format_html_join
from django.utils.translation import pgettext
from django.views.decorators.http import conditional_page, require_safe

from personalization.oscar import visits
from personalization.oscar.card_markup import product_data
from personalization.oscar.content_blocks import PrintedBlock, print_blocks
from personalization.oscar.shared_pages import answer_everybody
from personalization.serve_content import serve_public_feed

MAX_POSTS = 50
CACHE_SECONDS = 300
PICTURE_TYPE = "image/webp"


def serve_rss(request: HttpRequest) -> HttpResponse:
    """RSS 2.0, each post with its picture as the enclosure and links to its products."""
    return _answer(request, _write_rss)


def serve_json(request: HttpRequest) -> HttpResponse:
    """JSON Feed 1.1; each item has its products, with their places in the picture, under "_products"."""
    return _answer(request, _write_json)


@conditional_page
@require_safe
def _answer(request: HttpRequest, write: Callable[..., HttpResponse]) -> HttpResponse:
    """What a stranger of no language gets, with the shop's own prices; caches may keep it for five minutes."""
    response = answer_everybody(request, _in_language(write))
    patch_cache_control(response, public=True, max_age=CACHE_SECONDS)
    return response


def _in_language(write: Callable[..., HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("language", "")
        language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            visit = visits.anonymous_visit(request)
            posts = sorted(serve_public_feed(visit).posts, key=lambda one: -one.published_at)[:MAX_POSTS]
            return write(request, print_blocks(posts, visit))

    return view


def _write_rss(request: HttpRequest, posts: list[PrintedBlock]) -> HttpResponse:
    feed = Rss201rev2Feed(
        title=_feed_title(),
        link=request.build_absolute_uri(reverse("personalization:posts")),
        description=_feed_title(),
        language=translation.get_language(),
        feed_url=request.build_absolute_uri(),
    )
    for one in posts:
        address = _post_address(request, one)
        picture = [Enclosure(_absolute(request, one.picture.address), "0", PICTURE_TYPE)] if one.picture else []
        feed.add_item(
            title=one.text.title,
            link=address,
            description=_description(request, one),
            unique_id=address,
            pubdate=datetime.fromtimestamp(one.block.published_at, UTC),
            enclosures=picture,
        )
    return HttpResponse(feed.writeString("utf-8"), content_type=feed.content_type)


def _write_json(request: HttpRequest, posts: list[PrintedBlock]) -> HttpResponse:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _feed_title(),
        "language": translation.get_language(),
        "home_page_url": request.build_absolute_uri(reverse("personalization:posts")),
        "feed_url": request.build_absolute_uri(),
        "items": [_json_item(request, one) for one in posts],
    }
    return JsonResponse(feed, content_type="application/feed+json")


def _json_item(request: HttpRequest, printed: PrintedBlock) -> dict[str, Any]:
    address, text = _post_address(request, printed), printed.text
    item: dict[str, Any] = {
        "id": address,
        "url": address,
        "title": text.title,
        "content_text": text.text,
        "date_published": datetime.fromtimestamp(printed.block.published_at, UTC).isoformat(),
        "_products": [_json_product(request, spot) for spot in printed.spots],
    }
    if printed.picture:
        item |= {"image": _absolute(request, printed.picture.address), "_image_text": text.alt}
    if printed.block.post and printed.block.post.owner:
        item["authors"] = [{"name": printed.block.post.owner}]
    return item


def _json_product(request: HttpRequest, spot: Any) -> dict[str, Any]:
    data = product_data(spot.offer.product, spot.offer.info)
    return {
        "title": data.title,
        "url": request.build_absolute_uri(data.url),
        "price": None if data.amount is None else str(data.amount),
        "currency": data.currency,
        "x": spot.x,
        "y": spot.y,
        "instead_of": spot.replaced_title,
    }


def _description(request: HttpRequest, printed: PrintedBlock) -> str:
    """The text, and the products as links."""
    lines = ((request.build_absolute_uri(spot.card.url), spot.card.title) for spot in printed.spots)
    products = format_html_join("", '<li><a href="{}">{}</a></li>', lines)
    return format_html("<p>{}</p>", printed.text.text) + (format_html("<ul>{}</ul>", products) if products else "")


def _post_address(request: HttpRequest, printed: PrintedBlock) -> str:
    return request.build_absolute_uri(reverse("personalization:post", args=[printed.block.id]))


def _absolute(request: HttpRequest, address: str) -> str:
    return request.build_absolute_uri(address)


def _feed_title() -> str:
    return f"{settings.OSCAR_SHOP_NAME}: {pgettext('personalization', 'Shop the pictures')}"
