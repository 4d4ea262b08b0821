"""One product: why it stands on a page or does not, what it is shown with, what touches it and who waits for it."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.decide.active_rules import read_rules_now
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.explained_page import ExplainedPage
from personalization.decide.funnel import FunnelProduct, product_funnel
from personalization.decide.policy import policy_from_settings
from personalization.decide.visit import Visit
from personalization.models import AuditAction, AuditEntry
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.funnel_words import FunnelLine, FunnelWords, product_page_url
from personalization.oscar.dashboard.preview import lacks_profile
from personalization.oscar.dashboard.preview_form import VisitForm, make_preview, month_start, visit_query
from personalization.oscar.dashboard.product_relations import leading_searches, shown_with
from personalization.oscar.dashboard.screens import is_part, show
from personalization.oscar.dashboard.touching_campaigns import touching_campaigns
from personalization.oscar.explained_pages import explain_page
from personalization.shop import named_objects, product_records, purchases, waiting_products

MAX_PRODUCT_KEY = 2**31 - 1
MAX_ASKED_CATEGORIES = 3


@require_GET
def show_product(request: HttpRequest, pk: int) -> HttpResponse:
    """The product for the visit that is asked for; by default for a stranger on the home page."""
    product = _product_or_404(pk)
    form = VisitForm(request.GET if "page" in request.GET else {"page": "/"})
    if "ask" in request.GET:  # who reads it first does not need what the form offers, which takes a query
        return show(request, "product_question", {"form": form, "product": product}, tab="products")
    context: dict[str, Any] = {"form": form, "product": product}
    listed = product.parent or product
    subject = FunnelProduct(product, listed, 0, product.is_sensitive)
    page = None
    if form.is_valid() and _may_ask(request, form):
        page = _explained(request, form)
        context |= {"no_page": page is None, **_visit_words(form.cleaned_data, page)}
    if page is not None:
        subject = FunnelProduct(product, listed, _customers(listed.pk, page), subject.is_sensitive)
        context |= {"page": page, "lines": _funnel_lines(subject, page, visit_query(form.cleaned_data))}
    context |= {
        "questions": _questions(listed, product_records.categories_of_product(product.pk)[:MAX_ASKED_CATEGORIES]),
        "own_page": product_page_url(pk),
    }
    return show(request, "product", context, tab="products")


@require_GET
def show_product_around(request: HttpRequest, pk: int) -> HttpResponse:
    """What the product stands beside, the campaigns that touch it, who waits for it, and the searches that lead to it:
    a part of its screen, and a page by itself."""
    product = _product_or_404(pk)
    key = product.parent_id or product.pk
    context = {
        "product": product,
        "campaigns": touching_campaigns(key, read_rules_now()),
        "waiting": waiting_products.people_waiting(key),
        **_learned_relations(request, key, product.is_sensitive),
    }
    return show(request, "product_around", context, tab="products")


def _product_or_404(pk: int) -> Any:
    product = product_records.product_with_parent(pk) if pk <= MAX_PRODUCT_KEY else None
    if product is None:
        raise Http404
    return product


def _learned_relations(request: HttpRequest, product_id: int, is_sensitive: bool) -> dict[str, Any]:
    """What the snapshot knows of the product beside others, and of the searches after which it is chosen."""
    snapshot = get_active_snapshot()
    if snapshot is None or is_sensitive:
        return {"relations": [], "searches": []}
    policy = policy_from_settings(conf.get_settings())
    stranger = Visit(now().timestamp(), getattr(request, "strategy", None), policy=policy)
    return {
        "relations": shown_with(product_id, stranger, snapshot),
        "searches": leading_searches(product_id, snapshot),
    }


@require_GET
def find_product_screens(request: HttpRequest) -> HttpResponse:
    """The products whose title or UPC matches what is typed, each a link to its screen for the same visit."""
    text = request.GET.get("q", "")[:100]
    asked = [(name, value) for name, value in _pairs(request) if name in VisitForm.base_fields]
    context = {"products": named_objects.search_products(text), "text": text, "asked": asked}
    screen = "parts/found_links" if is_part(request) else "product_finder"
    return show(request, screen, {**context, "query": urlencode(asked)}, tab="products")


def _pairs(request: HttpRequest) -> Iterable[tuple[str, str]]:
    return [(name, value) for name in request.GET for value in request.GET.getlist(name)]


def _may_ask(request: HttpRequest, form: VisitForm) -> bool:
    """Whether the member of staff may ask for this visit; says why not in the form."""
    if form.cleaned_data["customer"] is None:
        return True
    if all(has_permission(request.user, codename) for codename in ("preview_as", "view_customer")):
        return form.has_stored_month()
    form.add_error(None, pgettext("personalization", "You may not look at customers."))
    return False


def _explained(request: HttpRequest, form: VisitForm) -> ExplainedPage | None:
    data = form.cleaned_data
    if data["customer"] is not None:
        note = data["page"][:100]
        AuditEntry.objects.record(request.user, AuditAction.PREVIEW, subject=data["customer"], note=note)
    return explain_page(request, data["page"], make_preview(request.user, data), data["customer"])


def _visit_words(data: dict[str, Any], page: ExplainedPage | None) -> dict[str, Any]:
    return {
        "asked_page": data["page"],
        "asked_visit": visit_query(data),
        "asked_customer": data["customer"],
        "asked_month": month_start(data["month"]) if data["month"] else None,
        "no_profile": lacks_profile(data["customer"], page),
    }


def _customers(product_id: int, page: ExplainedPage) -> int:
    """How many customers bought it, as far as that matters: what was learned, else those who bought it up to
    the floor."""
    if page.snapshot is not None:
        (index,) = page.snapshot.product_indices([product_id]).tolist()
        if index >= 0 and (known := int(page.snapshot.scores("all_time_popular").customers[index])):
            return known
    return purchases.count_customers_up_to(product_id, conf.get_settings().MIN_CUSTOMERS)


def _funnel_lines(subject: FunnelProduct, page: ExplainedPage, query: str) -> list[FunnelLine]:
    words = FunnelWords(subject, page, query)
    return [words.line(step) for step in product_funnel(subject, page, min_customers=conf.get_settings().MIN_CUSTOMERS)]


def _questions(product: Any, categories: Iterable[Any]) -> list[tuple[str, str]]:
    """(label, parameters) of the pages for which one would ask first."""
    pages = [(pgettext("personalization", "Home page"), reverse("personalization:home"))]
    pages += [(category.name, category.get_absolute_url()) for category in categories]
    with suppress(NoReverseMatch):  # a shop may do without Oscar's search
        search = reverse("search:search") + "?" + urlencode({"q": product.get_title()})
        pages.append((pgettext("personalization", "the search for its title"), search))
    return [(label, urlencode({"page": address})) for label, address in pages]
