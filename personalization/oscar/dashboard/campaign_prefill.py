"""Links that open the campaign editor filled in: "Pin here", "Exclude here"; and what the editor reads off them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import pgettext

from personalization.decide.explained_page import ExplainedPage
from personalization.merchandising.schemas import MAX_PLACES, SURFACES
from personalization.models.definitions import MAX_NAME
from personalization.rows import registered_row_types
from personalization.shop import named_objects

PREFILLED_ACTIONS = ("pin", "exclude")
MAX_PREFILLED_WORDS = 100


def prefill_url(do: str, product_id: int, **where: Any) -> str:
    """The address of the editor with one action filled in.

    Parameters: `do`, one of PREFILLED_ACTIONS; `where`, as far as it is so: "surface", "row" (the code of its type),
    "category", "words" (of a search), "seen" (the product in view) and "place" (of a pin, from 1).
    """
    query = {"do": do, "product": product_id, **{name: value for name, value in where.items() if value}}
    return f"{reverse('personalization:personalization-campaign-create')}?{urlencode(query)}"


def page_scope(page: ExplainedPage, surface: str) -> dict[str, Any]:
    """What narrows a campaign down to this page: its surface, and its category, search or product."""
    visit = page.visit
    return {
        "surface": surface,
        "category": visit.category if surface == "category" else None,
        "words": visit.query if surface in ("search", "zero_results") else "",
        "seen": visit.product if surface == "product" else None,
    }


def prefilled_campaign(query: Mapping[str, str]) -> tuple[str, dict[str, Any]] | None:
    """(name, document) of the campaign that such an address asks for; None for any other, or when there is no such
    product. What else makes no sense is left out."""
    product, surface = _read_key(query.get("product", "")), query.get("surface", "")
    if query.get("do") not in PREFILLED_ACTIONS or product is None or surface not in SURFACES:
        return None
    title = named_objects.names_of([("product", str(product))]).get(("product", str(product)))
    if title is None:
        return None
    action: dict[str, Any] = {"do": query["do"], "target": {"products": [product]}}
    if query["do"] == "pin":
        action["place"] = min(max(_read_key(query.get("place", "")) or 1, 1), MAX_PLACES)
    words = pgettext("personalization", "Pin: %(product)s")
    if query["do"] == "exclude":
        words = pgettext("personalization", "Without: %(product)s")
    document = {"where": [_prefilled_place(surface, query)], "what": [action]}
    return (words % {"product": title})[:MAX_NAME], document


def _prefilled_place(surface: str, query: Mapping[str, str]) -> dict[str, Any]:
    place: dict[str, Any] = {"surface": surface}
    if query.get("row") in registered_row_types():
        place["rows"] = [query["row"]]
    category, seen, words = (
        _read_key(query.get("category", "")),
        _read_key(query.get("seen", "")),
        query.get("words", "").strip(),
    )
    if surface == "category" and category is not None:
        place |= {"categories": [category], "below": False}
    if surface in ("search", "zero_results") and words:
        place["words"] = [{"text": words[:MAX_PREFILLED_WORDS], "match": "all"}]
    if surface in ("product", "basket") and seen is not None:
        place["seen"] = {"products": [seen]}
    return place


def _read_key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
