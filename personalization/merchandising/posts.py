"""What makes a content block a shoppable post: the products in its picture, the rights to it, and where it is from."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from personalization.merchandising.addresses import is_link
from personalization.merchandising.compiled_posts import Post, Spot

POST = "post"
"""The kind of block that it is."""
MAX_PERCENT = 100
FEED_SLOT = "posts"
"""The slot of posts that stand on no page but that of all posts."""


def post_errors(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, words) of what the schema cannot say of the parts of a post."""
    post = document.get("post", {})
    if document["kind"] != POST:
        yield "kind", _("Only a post has products in its picture, and rights.")
        return
    products = [one["product"] for one in post.get("spots", ())]
    if products and not document.get("image"):
        yield "post.spots", _("Products in a picture need a picture.")
    if len(products) != len(set(products)):
        yield "post.spots", _("A product is in it twice.")
    if document.get("image") and "rights" not in post:
        yield "post.rights.owner", _("Say whose picture it is, and how they allowed you to show it.")
    if post.get("rights", {}).get("until") and _last_day(post) is None:
        yield "post.rights.until", _("There is no such day.")
    for name in ("origin", "video"):
        if post.get(name) and not is_link(post[name]):
            yield f"post.{name}", _("Expected an address that begins with one slash, or with https://.")


def rights_end(document: Mapping[str, Any]) -> float | None:
    """The moment from which the picture may not be shown any more, in seconds since 1970: the end of a day in the
    shop's own time zone. None for never."""
    day = _last_day(document.get("post", {}))
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(settings.TIME_ZONE)).timestamp()


def parse_spot(line: str) -> tuple[str, int, int]:
    """(UPC or SKU, percent from the left, percent from the top) of a line "5012345; 30; 60"; without numbers it is in
    the middle, and what stands behind a middle dot is for its reader. ValueError, in words, for any other line."""
    parts = [part.strip() for part in line.partition("\N{MIDDLE DOT}")[0].replace("\t", ";").split(";")]
    places = [part.removesuffix("%").strip() for part in parts[1:]] or ["50", "50"]
    if not parts[0] or len(places) != 2 or not all(_is_percent(one) for one in places):
        words = _("This is no “UPC or SKU; percent from the left; percent from the top”: %(line)s")
        raise ValueError(words % {"line": line.strip()[:100]})
    return parts[0], int(places[0]), int(places[1])


def _is_percent(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PERCENT


def spot_products(document: Mapping[str, Any]) -> list[int]:
    """The keys of the products in the picture, in reading order."""
    return [one["product"] for one in document.get("post", {}).get("spots", ())]


def compile_post(document: Mapping[str, Any]) -> Post | None:
    """What is served of it; None for a block of another kind."""
    if document["kind"] != POST:
        return None
    post = document.get("post", {})
    spots = tuple(Spot(one["product"], one["x"], one["y"]) for one in post.get("spots", ()))
    owner = post.get("rights", {}).get("owner", "")
    return Post(spots, owner, post.get("origin", ""), post.get("video", ""), rights_end(document))


def _last_day(post: Mapping[str, Any]) -> date | None:
    try:
        day = date.fromisoformat(post.get("rights", {}).get("until", ""))
    except ValueError:
        return None
    return day if day < date.max else None
