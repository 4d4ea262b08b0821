"""One product: why it stands on a page or does not, what it is shown with, what touches it and who waits for it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.decide.active_rules import read_rules_now
from personalization.decide.explained_page import ExplainedPage
from personalization.decide.funnel import FunnelProduct, product_funnel
from personalization.merchandising import campaign_words, documents
from personalization.merchandising.compiled import CompiledRules
from personalization.models import AuditAction, AuditEntry, Definition, DefinitionKind
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.campaign_list import all_names, live_state
from personalization.oscar.dashboard.funnel_words import FunnelLine, FunnelWords, product_page_url
from personalization.oscar.dashboard.preview import allows_profile
from personalization.oscar.dashboard.preview_form import VisitForm, make_preview, visit_query
from personalization.oscar.dashboard.product_relations import leading_searches, shown_with
from personalization.oscar.dashboard.screens import is_part, show
from personalization.oscar.explained_pages import explain_page
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue, named_objects, orders, product_records, waiting_products

MAX_PRODUCT_KEY = 2**31 - 1
MAX_ASKED_CATEGORIES = 3


@dataclass(frozen=True)
class TouchingCampaign:
    """A campaign that moves, shows or hides the product, or would."""

    definition: Definition
    state: str
    sentence: str


@require_GET
def show_product(request: HttpRequest, pk: int) -> HttpResponse:
    """The product for the visit that is asked for; by default for a stranger on the home page."""
    product = product_records.product_with_parent(pk) if pk <= MAX_PRODUCT_KEY else None
    if product is None:
        raise Http404
    form = VisitForm(request.GET if "page" in request.GET else {"page": "/"})
    context: dict[str, Any] = {"form": form, "product": product}
    listed = product.parent or product
    subject = FunnelProduct(product, listed, 0, bool(catalogue.sensitive_products([listed.pk])))
    page = None
    if form.is_valid() and _may_ask(request, form):
        page = _explained(request, form)
        context |= {"no_page": page is None, **_visit_words(form.cleaned_data)}
    if page is not None:
        subject = FunnelProduct(product, listed, _customers(listed.pk, page), subject.is_sensitive)
        context |= {"page": page, "lines": _funnel_lines(subject, page, visit_query(form.cleaned_data))}
        context |= _relations(subject, page)
    context |= {
        "campaigns": _touching_campaigns(listed.pk, read_rules_now()),
        "waiting": waiting_products.people_waiting(listed.pk),
        "questions": _questions(listed, product_records.categories_of_product(product.pk)[:MAX_ASKED_CATEGORIES]),
        "own_page": product_page_url(pk),
    }
    return show(request, "product", context, tab="products")


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
        return True
    form.add_error(None, pgettext("personalization", "You may not look at customers."))
    return False


def _explained(request: HttpRequest, form: VisitForm) -> ExplainedPage | None:
    data = form.cleaned_data
    if data["customer"] is not None:
        note = data["page"][:100]
        AuditEntry.objects.record(request.user, AuditAction.PREVIEW, subject=data["customer"], note=note)
    return explain_page(request, data["page"], make_preview(request.user, data), data["customer"])


def _visit_words(data: dict[str, Any]) -> dict[str, Any]:
    customer = data["customer"]
    return {
        "asked_page": data["page"],
        "asked_customer": customer,
        "no_profile": customer is not None and not allows_profile(customer),
    }


def _customers(product_id: int, page: ExplainedPage) -> int:
    """How many customers bought it, as far as that matters: what was learned, else those in the orders up to the
    floor."""
    if page.snapshot is not None:
        (index,) = page.snapshot.product_indices([product_id]).tolist()
        if index >= 0 and (known := int(page.snapshot.scores("all_time_popular").customers[index])):
            return known
    return orders.count_customers_up_to(product_id, conf.get_settings().MIN_CUSTOMERS)


def _funnel_lines(subject: FunnelProduct, page: ExplainedPage, query: str) -> list[FunnelLine]:
    words = FunnelWords(subject, page, query)
    return [words.line(step) for step in product_funnel(subject, page, min_customers=conf.get_settings().MIN_CUSTOMERS)]


def _relations(subject: FunnelProduct, page: ExplainedPage) -> dict[str, Any]:
    """What the snapshot knows of the product beside others, and of the searches after which it is chosen."""
    snapshot: SnapshotArrays | None = page.snapshot
    if snapshot is None or subject.is_sensitive:
        return {"relations": [], "searches": []}
    return {
        "relations": shown_with(subject.key, page.visit, snapshot),
        "searches": leading_searches(subject.key, snapshot),
    }


def _touching_campaigns(product_id: int, rules: CompiledRules) -> list[TouchingCampaign]:
    """The campaigns that name the product, and the live ones whose targets hold it now."""
    definitions = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().with_versions()
    live = {
        campaign.id
        for campaign in rules.campaigns
        if any(action.target.matching([product_id], None) for action in campaign.actions)
    }
    found = [one for one in definitions if one.pk in live or _names_product(one, product_id)]
    references = {pair for one in found if one.newest for pair in documents.references("campaign", one.newest.document)}
    names, moment = all_names(references), now()
    return [
        TouchingCampaign(one, live_state(one, moment), campaign_words.describe_campaign(one.newest.document, names))
        for one in found
        if one.newest
    ]


def _names_product(definition: Definition, product_id: int) -> bool:
    newest = definition.newest
    return newest is not None and ("product", str(product_id)) in documents.references("campaign", newest.document)


def _questions(product: Any, categories: Iterable[Any]) -> list[tuple[str, str]]:
    """(label, parameters) of the pages for which one would ask first."""
    pages = [(pgettext("personalization", "Home page"), reverse("personalization:home"))]
    pages += [(category.name, category.get_absolute_url()) for category in categories]
    with suppress(NoReverseMatch):  # a shop may do without Oscar's search
        search = reverse("search:search") + "?" + urlencode({"q": product.get_title()})
        pages.append((pgettext("personalization", "the search for its title"), search))
    return [(label, urlencode({"page": address})) for label, address in pages]
