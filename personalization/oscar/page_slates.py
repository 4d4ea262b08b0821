"""The slates of one page: what the template tags decide for its request, and what its templates print them from."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse

from personalization.decide import reasons
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.reranking import RerankBasis
from personalization.decide.row_pages import RowPage
from personalization.decide.slate import CHOSEN_BY_US, SPONSORED, Row, Slate, SlateItem
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import card_markup, visits
from personalization.oscar.list_slates import ListSlate, list_slate
from personalization.privacy.requester import is_shared_page
from personalization.report_tokens import slate_tokens
from personalization.serve import serve_row, serve_slate
from personalization.shop import catalogue
from personalization.surfaces.navigation import MenuShortcut

PRODUCT_SURFACE = "product"
"""The surface that is printed where the page says that the product is unavailable, or else at the end of the page."""
PREFETCHED_ATTRIBUTE, LOOKUP_ATTRIBUTE = "_personalization_prefetched", "_personalization_lookup"
NEUTRAL_CODES = (reasons.NEUTRAL_CODE, reasons.SECOND_NEUTRAL_CODE)
WITHOUT_ROW_PAGES = ("basket", "order_confirmation", "zero_results")
"""The surfaces whose rows have no page of their own: an address cannot say what they are about."""
MIN_STRIP_ITEMS = 3
"""Fewer cards than this are wider, as a strip of them would be mostly empty."""
DecidedSlate = tuple[Slate, Visit | None]
EMPTY_SLATE: DecidedSlate = (Slate(PRODUCT_SURFACE), None)


@dataclass(frozen=True)
class PrintedRow:
    """A row and what its template needs besides."""

    row: Row
    token: str
    """Its impression token; "" where nothing is reported."""
    anchor: str
    """Its id on the page, which stays while other rows come and go."""
    items: list[tuple[SlateItem, str]]
    """Each item with the sentence that stands under its card; "" where the row's head says it already."""
    explanation: str
    """The sentence of the row's head: the row's own, or instead of it the one that all its cards would show."""
    all_url: str
    """The address of the page with all its products; "" where it shows all of them."""
    layout: str
    """The class for its number of cards, with a space before it; "" for the strip of a usual row."""


def decide_slate(context: Context, surface: str, page: dict[str, Any]) -> DecidedSlate:
    """The slate of a surface, and the visit that it was decided for; an empty one where the page has no request.

    `page` names the product, category, query or order that the page is about, as `visits.with_page_context` takes them.
    """
    visit = _page_visit(context, visits.visit_from_request, page) or _page_visit(context, visits.anonymous_visit, page)
    lookup = page_lookup(context["request"]) if visit and visit.product is None else None
    slate = serve_slate(surface, visit, lookup=lookup) if visit else Slate(surface)
    if slate.rows:
        visits.mark_shown(context["request"], (item.product_id for row in slate.rows for item in row.items))
    return slate, visit


def decide_row(
    request: HttpRequest, surface: str, row_key: str, page: int, subject: dict[str, Any]
) -> tuple[RowPage, Visit] | None:
    """A page of one row of this requester's, and the visit that it was decided for; None where they have no such row.
    While the requester cannot be read, the row is everybody's.

    `subject` names the product or category that the surface is about, as `visits.with_page_context` takes them.
    Raises: ValueError when there is no surface of this name.
    """
    visit = _read_visit(request, visits.visit_from_request) or visits.anonymous_visit(request)
    visit = visits.with_page_context(visit, **subject)
    row_page = serve_row(surface, row_key, visit, page=page)
    return (row_page, visit) if row_page else None


def _read_visit(request: HttpRequest, read: Callable[[HttpRequest], Visit]) -> Visit | None:
    with fail_open("Reading the visit"):
        return read(request)
    return None


def _page_visit(context: Context, read: Callable[[HttpRequest], Visit], page: dict[str, Any]) -> Visit | None:
    request = context.get("request")
    if request is None:
        return None
    with fail_open("Reading the visit", queries="product" in page or not visits.is_read(request)):
        if "product" in page:
            visits.mark_shown(request, visits.recently_viewed_ids(request))
        return visits.with_page_context(read(request), **page)
    return None


def page_lookup(request: HttpRequest) -> ProductLookup:
    """The products that the rows and the posts of this page have read. Rows about a product have a look-up of their
    own: it leaves out what Oscar shows beside that product."""
    lookup: ProductLookup | None = getattr(request, LOOKUP_ATTRIBUTE, None)
    if lookup is None:
        lookup = ProductLookup(look_up=catalogue.products_for_cards)
        setattr(request, LOOKUP_ATTRIBUTE, lookup)
    return lookup


def take_slate(context: Context, surface: str, page: dict[str, Any]) -> DecidedSlate | None:
    """The slate of a surface as it was decided ahead, or else decided now; None for the rows of a product that stand on
    the page already. The parameters are those of `decide_slate`."""
    slates = prefetched_slates(context)
    if not page:
        ahead, slates[surface] = slates.get(surface), EMPTY_SLATE  # decided once more where the tag stands twice
        return ahead if ahead and ahead is not EMPTY_SLATE else decide_slate(context, surface, page)
    if surface != PRODUCT_SURFACE or not page.get("product"):
        return decide_slate(context, surface, page)
    key = page["product"].pk
    prefetched, slates[key] = slates.get(key), EMPTY_SLATE
    return None if prefetched is EMPTY_SLATE else prefetched or decide_slate(context, surface, page)


def decide_ahead(context: Context, surface: str) -> None:
    """Decides the slate of a surface that is about nothing, which the page prints further down, if it did not yet."""
    slates = prefetched_slates(context)
    if surface not in slates:
        slates[surface] = decide_slate(context, surface, {})


def prefetched_slates(context: Context) -> dict[Any, DecidedSlate]:
    """The slates that were decided ahead for this page and not printed yet, by their surface or the key of their
    product."""
    return context["request"].__dict__.setdefault(PREFETCHED_ATTRIBUTE, {}) if "request" in context else {}


def prefetched_subject(context: Context, product: Any) -> Any:
    """The product of a page, as it was read with its rows and its variants; None where it was not."""
    found = prefetched_slates(context).get(product.pk)
    return found[0].subject_product if found else None


def menu_slate(request: HttpRequest, categories: Sequence[Any], *, personal: bool) -> ListSlate | None:
    """The reporting token of the menu's reranked categories; None for visitors without consent. `personal`: whether
    their order goes by the visitor."""
    items = [(category.pk, category.get_absolute_url()) for category in categories]
    return list_slate(
        request,
        "navigation",
        "menu",
        items,
        reasons=[RerankBasis.PERSONAL.reason_code] * len(items) if personal else (),
        item_kind="category",
    )


def shortcuts_slate(request: HttpRequest, shortcuts: Sequence[MenuShortcut]) -> ListSlate | None:
    """The reporting token of the visitor's shortcuts in the menu."""
    items = [(shortcut.key, shortcut.url) for shortcut in shortcuts]
    reasons = [shortcut.reason.code for shortcut in shortcuts]
    return list_slate(request, "navigation", "shortcuts", items, reasons=reasons, item_kind="category")


def slate_context(
    context: Context, slate: Slate, visit: Visit | None, *, whole_row: bool = False, card_numbers: bool = False
) -> dict[str, Any]:
    """What `slate.html` is rendered with: the page's own context, each row as it is printed, and the card renderer.

    Parameters: `whole_row`, whether this is the page of one row, which shows all of it; `card_numbers`, whether each
    card says something of its own, also where several say the same.
    """
    printed = list(_printed_rows(slate, visit, whole_row))
    if card_numbers:
        printed = [
            replace(one, explanation=one.row.explanation, items=[(item, item.explanation) for item in one.row.items])
            for one in printed
        ]
    request = context.get("request")
    shared = request is not None and is_shared_page(request)
    return {
        **cast(dict[str, Any], context.flatten()),
        "slate": slate,
        "printed_rows": printed,
        "cards": _card_renderer(slate, request, None if shared else str(context.get("csrf_token", ""))),
        "place": slate.surface if shared and slate.rows else "",
    }


def _printed_rows(slate: Slate, visit: Visit | None, whole_row: bool) -> Iterator[PrintedRow]:
    seen: Counter[str] = Counter()
    for row, token in zip(slate.rows, slate_tokens(slate, visit), strict=True):
        seen[row.type] += 1
        number = f"-{seen[row.type]}" if seen[row.type] > 1 else ""
        anchor = f"personalization-{slate.surface}-{row.type}{number}"
        head = _head_sentence(row)
        items = [
            (item, "" if _says_label(item) or item.explanation == head else item.explanation) for item in row.items
        ]
        all_url = "" if whole_row else _all_url(slate.surface, row, visit)
        short = " personalization-row--short" if len(items) < MIN_STRIP_ITEMS else ""
        lines = " personalization-row--lines" if visit and len(items) > visit.policy.row_size else ""
        layout = " personalization-row--all" if whole_row else short or lines
        says_so = not row.is_reordered or head == row.explanation
        explanation = head if says_so else reasons.explanation_with_objectives(head)
        yield PrintedRow(row, token, anchor, items, explanation, all_url, layout)


def _head_sentence(row: Row) -> str:
    """One sentence: two that say nearly the same would read double. A single card keeps its own."""
    reasoned = [item for item in row.items if not _says_label(item)]
    of_cards = {item.explanation for item in reasoned}
    return of_cards.pop() or row.explanation if len(reasoned) > 1 and len(of_cards) == 1 else row.explanation


def _says_label(item: SlateItem) -> bool:
    """Whether its card says already, in the label of a campaign, all that its reason does."""
    return item.reason.code in (CHOSEN_BY_US, SPONSORED)


def _all_url(surface: str, row: Row, visit: Visit | None) -> str:
    """Rows in neutral words have none: their address would tell what the words leave out. Nor has one that is not
    full: what else it has stands above it, or cannot be bought."""
    is_listed = surface not in WITHOUT_ROW_PAGES and row.reason.code not in NEUTRAL_CODES
    if visit is None or not is_listed or not visit.policy.row_size <= len(row.items) < row.candidate_count:
        return ""
    subject = {"product": visit.product, "category": visit.category}
    query = urlencode({name: key for name, key in subject.items() if key is not None})
    try:
        address = reverse("personalization:row", args=[surface, row.key])
    except NoReverseMatch:  # the shop does without our pages
        return ""
    return f"{address}?{query}" if query else address


def _card_renderer(slate: Slate, request: HttpRequest | None, token: str | None) -> card_markup.CardRenderer | None:
    """Prints the cards of a slate, with this CSRF token and the page's address in their forms; without forms for None.

    None where the shop has a card of its own: it finds the images of all products prefetched instead.
    """
    products = [item.product for row in slate.rows for item in row.items]
    if not products:
        return None
    if card_markup.shop_overrides_card():
        catalogue.attach_images(products)
        return None
    return card_markup.CardRenderer(products, token, "" if request is None else request.get_full_path())
