"""What a page of the shop shows a visitor: decided by the code that serves it, and not printed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.translation import pgettext
from oscar.core.loading import get_class

from personalization.decide.merchandising import ActionOutcome, Removal
from personalization.decide.slate import PlacedBy, Row
from personalization.decide.trace import Trace, TracedRow
from personalization.merchandising.compiled import CompiledRules
from personalization.oscar import visits
from personalization.oscar.page_slates import decide_slate
from personalization.oscar.previews import Preview, PreviewedDecision, preview_request
from personalization.oscar.reranked_results import is_product

LISTS = {
    "search": ("search.views", "FacetedSearchView"),
    "category": ("catalogue.views", "ProductCategoryView"),
    "catalogue": ("catalogue.views", "CatalogueView"),
}
"""The surfaces of lists, each with the shop's view of its page."""


@dataclass(frozen=True)
class SamplePage:
    """A page of the shop. What it is about are Oscar's objects."""

    surface: str
    category: Any = None
    query: str = ""
    product: Any = None
    """Whose page it is, or what lies in the basket, or was just ordered."""


@dataclass(frozen=True)
class DecidedRow:
    """A row of a page, or its list."""

    key: str
    title: str
    titles: Mapping[int, str]
    """By the keys of its products, in their order."""
    placements: Mapping[int, PlacedBy] = field(default_factory=dict)
    removed: Mapping[int, Removal] = field(default_factory=dict)
    """What campaigns keep out of it, as far as the engine had found it."""
    outcomes: tuple[ActionOutcome, ...] = ()
    """What each action of the campaigns that act there did."""


def decide_page(
    request: HttpRequest, preview: Preview, rules: CompiledRules, page: SamplePage
) -> list[DecidedRow] | None:
    """What the page shows the visitor of a preview under these rules; None where the shop has no such page.

    Parameters: `request`, of a member of staff.
    """
    trace = Trace()
    try:
        path, query = _address(page)
        decision = PreviewedDecision(trace, rules)
        asked = preview_request(request, preview, path=path, query=query, decision=decision)
        return _decide_list(asked, page, trace) if page.surface in LISTS else _decide_rows(asked, page, trace)
    except NoReverseMatch:
        return None


def _address(page: SamplePage) -> tuple[str, str]:
    """(path, query) of a list; of a page with rows, which are asked for directly, the shop's first page."""
    if page.surface == "search":
        return reverse("search:search"), urlencode({"q": page.query})
    if page.surface == "category":
        return page.category.get_absolute_url(), ""
    return (reverse("catalogue:index") if page.surface == "catalogue" else "/"), ""


def _decide_list(request: HttpRequest, page: SamplePage, trace: Trace) -> list[DecidedRow] | None:
    view = get_class(*LISTS[page.surface])()
    arguments = {} if page.category is None else {"category_slug": page.category.full_slug, "pk": page.category.pk}
    view.setup(request, **arguments)
    response = view.get(request, **arguments)
    if not hasattr(response, "context_data"):
        return None
    hits = [hit for hit in response.context_data["page_obj"] if is_product(hit) and hit.object is not None]
    titles = {hit.object.pk: hit.object.get_title() for hit in hits}
    resolved = trace.resolutions[-1] if trace.resolutions else None
    title = page.query or (page.category.name if page.category else pgettext("personalization", "All products"))
    if resolved is None:
        return [DecidedRow("list", title, titles)]
    return [DecidedRow("list", title, titles, resolved.placements, resolved.removed, resolved.outcomes)]


def _decide_rows(request: HttpRequest, page: SamplePage, trace: Trace) -> list[DecidedRow]:
    subject: dict[str, Any] = {}
    if page.surface == "product":
        subject["product"] = page.product
    elif page.product is not None:
        visits.set_basket_products(request, [page.product.parent_id or page.product.pk])
    if page.query:
        subject["query"] = page.query
    slate, _visit = decide_slate(Context({"request": request}), page.surface, subject)
    traced = {row.row.reason.key: row for row in trace.rows}
    return [*_shown_rows(slate.rows, traced)]


def _shown_rows(rows: tuple[Row, ...], traced: Mapping[str, TracedRow]) -> Iterator[DecidedRow]:
    for row in rows:
        titles = {item.product_id: item.product.get_title() for item in row.items}
        placements = {item.product_id: item.placed_by for item in row.items if item.placed_by}
        found = traced.get(row.key)
        removed = found.row.merchandised.removed if found else {}
        yield DecidedRow(row.key, row.title, titles, placements, removed, found.outcomes if found else ())
