"""What the document of a content block may say, and when one is what everybody sees in its slot."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from personalization.merchandising.addresses import is_link
from personalization.merchandising.posts import FEED_SLOT, POST, post_errors, rights_end, spot_products

Document = Mapping[str, Any]
LIMITS = ("from", "to", "days", "hours")
"""The parts of a schedule that keep a block away at some time."""


def block_errors(document: Document) -> Iterator[tuple[str, str]]:
    """(path, words) of what the schema cannot say."""
    if document.get("by_taste") and not (document.get("categories") or document.get("products")):
        yield "by_taste", _("Name the categories or products by which it is chosen.")
    heading = "text" if document["kind"] == "text" else "title"
    for language, variant in document["variants"].items():
        path = f"variants.{language}"
        if not variant.get(heading, "").strip():
            words = {"title": _("A title is needed in each language."), "text": _("A text is needed in each language.")}
            yield f"{path}.{heading}", words[heading]
        if document.get("image") and not variant.get("alt", "").strip():
            yield f"{path}.alt", _("Say what the picture shows: it is read to those who do not see it.")
        link = variant.get("link", "")
        if link and not is_link(link):
            yield f"{path}.link", _("Expected an address that begins with one slash, or with https://.")
        if variant.get("call") and not link:
            yield f"{path}.link", _("The words of the button need an address to which they lead.")
    if "post" in document or document["kind"] == POST:
        yield from post_errors(document)


def is_default(document: Document) -> bool:
    """Whether everybody sees it at any time, if no other block of the slot is for them."""
    who, when = document.get("who", {}), document.get("when", {})
    is_for_all = who.get("people", "all") == "all" and not any(value for name, value in who.items() if name != "people")
    is_always = not any(when.get(name) for name in LIMITS) and rights_end(document) is None
    return is_for_all and is_always and not document.get("by_taste")


def has_audience(document: Document) -> bool:
    """Whether some see it and others do not, so that its slot needs a block for those."""
    return not is_default({**document, "when": {}, "post": {}})


def slot_without_default(documents: Iterable[Document]) -> str:
    """The first slot of these live blocks where only some visitors would see one; "" for none. What stands only on the
    page of posts leaves no gap anywhere."""
    has_default: dict[str, bool] = {}
    on_pages = [one for one in documents if one["slot"] != FEED_SLOT]
    for one in sorted(on_pages, key=is_default, reverse=True):
        if is_default(one):
            has_default[one["slot"]] = True
        elif has_audience(one):
            has_default.setdefault(one["slot"], False)
    return next((slot for slot, found in sorted(has_default.items()) if not found), "")


def named_objects(document: Document) -> set[tuple[str, str]]:
    """(kind of object, its key) of what a block is about; nothing of other documents."""
    if "variants" not in document:
        return set()
    found = {("category", str(key)) for key in document.get("categories", ())}
    products = {*document.get("products", ()), *spot_products(document)}
    return found | {("product", str(key)) for key in products}
