"""{% load personalization %}: the rows of a surface, the menu's shortcuts, the consent banner and the beacon.

{% personalized "product" product=product %} shows the rows of a surface; {% personalization_beacon %}, once on every
page, reports which of them were seen; {% personalization_basket %}, beside it, adds to the basket without a reload;
{% personalization_consent %}, once in the layout, asks for consent.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.template.base import FilterExpression, Parser, Token
from django.template.loader import get_template
from django.urls import get_script_prefix, get_urlconf
from django.utils.timezone import now
from django.utils.translation import get_language

from personalization import conf, serve
from personalization.collect import feedback
from personalization.decide.interest_questions import QUESTIONS_KEY
from personalization.decide.reasons import placement_label
from personalization.decide.relative_dates import relative_date
from personalization.decide.slate import PlacedBy, Slate, SlateItem
from personalization.decide.visit import Visit
from personalization.merchandising.search_rules import NO_SEARCH_RULES
from personalization.models.fail_open import fail_open
from personalization.oscar import card_markup, leave_bar, page_slates, visits
from personalization.oscar.content_blocks import personalized_block
from personalization.oscar.list_slates import ListSlate
from personalization.oscar.offer_rows import half_met_slate, product_offer_context
from personalization.oscar.post_markup import PostNode
from personalization.oscar.previews import current_preview
from personalization.oscar.purchase_notes import add_card_texts
from personalization.oscar.tag_arguments import is_defined
from personalization.privacy import consent, identity
from personalization.privacy.requester import ClientType, is_shared_page, requester_from_request
from personalization.shop import catalogue
from personalization.surfaces.navigation import NAVIGATION, MenuOrder

register = template.Library()
register.inclusion_tag("personalization/partials/block.html", takes_context=True)(personalized_block)
register.tag("shoppable_post", lambda parser, token: PostNode())

PRODUCT_VIEW, SEARCH_VIEW, PRIVACY_VIEW = "catalogue:detail", "search:search", "personalization:privacy"
MAX_QUERY_CHARACTERS = 256
NEW_CUSTOMER_TIME = timedelta(days=1)
ABOVE_THE_FOLD = ("home", 1)
"""The surface and the number of the row whose images are loaded at once; all others load as they come near."""


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized(context: Context, surface: str, **page: Any) -> dict[str, Any]:
    """The rows of a surface for this visitor; none where the page has no request, or its request no strategy.

    `page` names what the page is about: its product, category, query or order. The rows of a product are printed where
    the tag first stands on its page.
    """
    page = {name: value for name, value in page.items() if is_defined(context, value)}
    decided = page_slates.take_slate(context, surface, page)
    return page_slates.slate_context(context, *decided) if decided else {}


@register.inclusion_tag("personalization/partials/offer_slate.html", takes_context=True)
def personalized_offers(context: Context) -> dict[str, Any]:
    """On Oscar's basket page: what completes an offer or a voucher code that the basket meets in part, and a button for
    each code that is complete."""
    address = getattr(context.get("view"), "get_default_shipping_address", None)
    found = half_met_slate(context.get("request"), context.get("upsell_messages") or (), address)
    rows = page_slates.slate_context(context, found.slate, found.visit, card_numbers=True) if found.slate.rows else {}
    return {**rows, "codes": found.codes}


@register.simple_tag(takes_context=True)
def personalized_product_offer(context: Context, product: Any) -> str:
    """On a product's page: what it would change about an offer that the basket meets in part."""
    said = product_offer_context(context.get("request"), product) if is_defined(context, product) else {}
    return get_template("personalization/partials/product_offer.html").render(said) if any(said.values()) else ""


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized_row(context: Context, slate: Slate, visit: Visit) -> dict[str, Any]:
    """A page of one row, as the view of that page decided it."""
    return page_slates.slate_context(context, slate, visit, whole_row=True)


@register.simple_tag(takes_context=True)
def prefetch_personalized(context: Context, product: Any) -> str:
    """Prints nothing: decides the rows of a product page before Oscar renders it, so that Oscar can reuse what was read
    of the product with the others."""
    if not is_defined(context, product):
        return ""
    slate, visit = page_slates.decide_slate(context, page_slates.PRODUCT_SURFACE, {"product": product})
    if slate.subject_product is not None:
        with fail_open("Sparing Oscar queries"):
            catalogue.reuse_prefetched(product, slate.subject_product)
    page_slates.prefetched_slates(context)[product.pk] = slate, visit
    return ""


@register.simple_tag(takes_context=True)
def personalized_if_sold_out(context: Context, product: Any) -> str:
    """The prefetched rows, if the product cannot be bought; else `personalized` prints them, further down."""
    prefetched = page_slates.prefetched_slates(context)
    key = product.pk if is_defined(context, product) else None
    slate, visit = prefetched.get(key, page_slates.EMPTY_SLATE)
    if not slate.subject_is_unavailable:
        return ""
    prefetched[product.pk] = page_slates.EMPTY_SLATE
    rows = page_slates.slate_context(context, slate, visit) | {"csrf_token": context.get("csrf_token")}
    return get_template("personalization/partials/slate.html").render(rows)


class CardNode(template.Node):
    """Prints the card of an item; nothing, and a line in the log, where that fails."""

    def __init__(self, item: FilterExpression) -> None:
        self.item = item

    def render(self, context: Context) -> str:
        with fail_open("Printing a card", queries=False):
            item: SlateItem = self.item.resolve(context)
            lazy = (context["slate"].surface, context["number"]) != ABOVE_THE_FOLD
            label = placement_label(item.placed_by) if item.placed_by else ""
            anchor, size_count = context["anchor"], item.size_count
            return context["cards"].render(
                item.product, item.info, lazy=lazy, anchor=anchor, label=label, size_count=size_count
            )
        return ""


@register.tag
def card(parser: Parser, token: Token) -> CardNode:
    """{% card item %} prints our card of a row's product; in `card.html` only."""
    _, item = token.split_contents()
    return CardNode(parser.compile_filter(item))


class CardMenuNode(template.Node):
    """Prints the menu of a row's product; nothing, and a line in the log, where that fails."""

    def __init__(self, item: FilterExpression) -> None:
        self.item = item

    def render(self, context: Context) -> str:
        with fail_open("Printing a card's menu", queries=False):
            return card_markup.render_menu(self.item.resolve(context), context["row"], context["anchor"])
        return ""


@register.tag
def card_menu(parser: Parser, token: Token) -> CardMenuNode:
    """{% card_menu item %} prints the menu by which a row's product is dismissed, `card_menu.html`."""
    return CardMenuNode(parser.compile_filter(token.split_contents()[1]))


class ListedCardsNode(template.Node):
    """Adds to Oscar's cards what ours have: forms that lead back to themselves, and that the visitor bought it."""

    def __init__(self, nodelist: template.NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        markup: str = self.nodelist.render(context)
        with fail_open("Keeping the place in a list", queries=False):
            markup = card_markup.add_form_anchors(markup)
        with fail_open("Saying more on the cards of a list", queries=False):
            notes, labels = (context.get(name) for name in ("purchase_notes", "placement_labels"))
            return add_card_texts(markup, notes() if callable(notes) else {}, labels() if callable(labels) else {})
        return markup


@register.tag
def listed_cards(parser: Parser, token: Token) -> ListedCardsNode:
    """{% listed_cards %}...{% endlisted_cards %} around a list of Oscar's cards: who adds one to the basket without
    JavaScript comes back to it, and not to the top of the page; and each says whether the visitor bought it."""
    nodelist = parser.parse(("endlisted_cards",))
    parser.delete_first_token()
    return ListedCardsNode(nodelist)


@register.inclusion_tag("personalization/partials/interest_questions.html", takes_context=True)
def interest_questions(context: Context, *, newcomers_only: bool = False) -> dict[str, Any]:
    """The questions about what the visitor likes, for those who consented; `newcomers_only`: for customers who bought
    nothing yet."""
    request = context.get("request")
    if request is None or (newcomers_only and not requester_from_request(request).is_signed_in):
        return {}
    visit = visits.consented_visit(request)
    if visit is None or (newcomers_only and visit.genome.purchases):
        return {}
    return {
        "categories": serve.interest_questions(visit),
        "is_preview": visit.is_preview,
        "next": request.get_full_path(),
        "skip": feedback.sign_feedback("reason", QUESTIONS_KEY),
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def is_returning_customer(user: Any) -> bool:
    """Whether a signed-in customer has had their account for a day: nobody new is welcomed back."""
    joined = getattr(user, "date_joined", None)
    return joined is not None and now() - joined >= NEW_CUSTOMER_TIME


@register.filter(name="placement_label")
def print_placement_label(placed_by: PlacedBy | None) -> str:
    """What the card of an item says that a campaign put in its place: "Chosen by us" or "Sponsored"; else nothing."""
    return placement_label(placed_by)


@register.filter
def days_ago(moment: datetime) -> str:
    """A past moment as people say its day: "yesterday", "3 weeks ago", "in May"."""
    return relative_date(moment.timestamp(), now().timestamp())


@register.filter
def feedback_token(key: int | str, kind: str) -> str:
    """What a button posts to `personalization:feedback` to dismiss a "product", a "category" or a row ("reason")."""
    return feedback.sign_feedback(kind, key)


@register.inclusion_tag("personalization/partials/alternative_searches.html", takes_context=True)
def alternative_searches(
    context: Context, query: str, *, filters: Collection[str] = (), exclude: str | None = None
) -> dict[str, Any]:
    """Ways out of a search without results: without its `filters`, or similar queries that have results.

    `exclude` is the suggestion that the page shows already.
    """
    if not is_defined(context, query):
        return {}
    filters = filters if is_defined(context, filters) else ()
    with fail_open("Looking for other searches"):
        from personalization.oscar import search_engine  # noqa: PLC0415 - a shop may do without Oscar's search

        request = context.get("request")
        search_rules = NO_SEARCH_RULES if request is None else visits.rules_in_force(request).search
        recovery = search_engine.recover_search(query, filtered=bool(filters), search_rules=search_rules)
        queries = [other for other in recovery.queries if other != exclude]
        return {"query": query[:MAX_QUERY_CHARACTERS], "unfiltered": recovery.unfiltered, "queries": queries}
    return {}


@register.simple_tag(takes_context=True)
def personal_categories(context: Context) -> str:
    """The visitor's shortcuts in the menu, each a category with its reason; empty without consent or a profile."""
    visit = _consented_visit(context)
    shortcuts = serve.menu_shortcuts(visit) if visit else []
    if shortcuts:
        with fail_open("Printing the visitor's lines in the menu", queries=False):
            slate = page_slates.shortcuts_slate(context["request"], shortcuts)
            return get_template("personalization/partials/shortcuts.html").render(
                {"shortcuts": shortcuts, "list_slate": slate}
            )
    return ""


@register.simple_tag(takes_context=True)
def menu_slate(context: Context, categories: Sequence[Any], order: MenuOrder | None = None) -> ListSlate | None:
    """The reporting token of the menu's reranked categories; None for visitors without consent."""
    with fail_open("Signing the menu", queries=False):
        return page_slates.menu_slate(context["request"], categories, personal=order is None or order.is_personal)
    return None


@register.simple_tag(takes_context=True)
def has_consent(context: Context) -> bool:
    """Whether this visitor agreed to personalisation: for all others, what is personal need not be asked for."""
    request = context.get("request")
    return request is not None and visits.has_consent(request)


@register.simple_tag(takes_context=True)
def category_scores(context: Context) -> MenuOrder:
    """The order of the menu's top categories for this visitor; false where the shop lets none of them move, and no
    campaign acts on them."""
    visit = _consented_visit(context) or _campaign_visit(context)
    return serve.menu_order(visit) if visit else MenuOrder()


def _campaign_visit(context: Context) -> Visit | None:
    """A visit of nobody, where any campaign may act on the menu. No query."""
    request = context.get("request")
    with fail_open("Reading the visit for the menu", queries=False):
        if request is not None and NAVIGATION in visits.rules_in_force(request).places_by_surface:
            return visits.anonymous_visit(request)
    return None


@register.filter
def sort_by_score(categories: Iterable[Any], order: MenuOrder) -> list[Any]:
    """The entries of Oscar's category tree in that order."""
    with fail_open("Moving the menu's entries", queries=False):
        by_key = {category.pk: category for category in categories}
        return [by_key[key] for key in order.sort(list(by_key))]
    return list(categories)


def _consented_visit(context: Context) -> Visit | None:
    request = context.get("request")
    return visits.consented_visit(request) if request is not None else None


@register.simple_tag(takes_context=True)
def greeted_user(context: Context) -> Any:
    """Whom the page greets: the user who is signed in, or in a preview the one whom it is shown as."""
    request = context.get("request")
    if request is not None and current_preview(request):
        return requester_from_request(request).user
    return context.get("user")


@register.simple_tag(takes_context=True)
def personalization_beacon(context: Context) -> str:
    """The scripts that report what is seen on this page, for visitors who agreed to that; else nothing."""
    request = context.get("request")
    if request is not None and (preview := current_preview(request)):
        return get_template("personalization/partials/preview_bar.html").render({"preview": preview})
    if request is None:
        return ""
    requester = requester_from_request(request)
    if requester.client == ClientType.EVERYBODY:
        return get_template("personalization/partials/fragment_script.html").render(_beacon_context(context, request))
    if not consent.may_be_allowed(requester):
        return ""
    with fail_open("Printing the beacon", queries=False):
        if consent.tracking_allowed(requester, identity.get_visitor(requester)):
            page = {
                **_beacon_context(context, request),
                "has_leave_bar": leave_bar.may_be_offered(request),
                "exposure": visits.exposure_token(visits.visit_read_before(request)),
            }
            return get_template("personalization/partials/beacon.html").render(page)
    return ""


def _beacon_context(context: Context, request: HttpRequest) -> dict[str, Any]:
    """What the page is about: a product (a child's page is its parent's), the first page of a search, or neither."""
    view_name = _view_name(request)
    if view_name == PRODUCT_VIEW and (product := context.get("product")):
        return {"product": product.parent_id or product.pk}
    if view_name == SEARCH_VIEW and request.GET.get("page", "1") == "1":
        found = getattr(context.get("paginator"), "count", None)
        return {"search": str(context.get("query") or "").strip()[:MAX_QUERY_CHARACTERS], "found": found}
    return {}


@register.simple_tag
def personalization_basket() -> str:
    """The script that puts products of cards into the basket without leaving the page: the same for all visitors."""
    with fail_open("Printing the basket's script", queries=False):
        return _basket_script(get_language(), get_script_prefix(), get_urlconf())
    return ""


@lru_cache(100)
def _basket_script(language: str | None, script_prefix: str, urlconf: str | None) -> str:
    """Rendered once for all that it depends on: it is on every page."""
    return get_template("personalization/partials/basket_script.html").render()


@register.inclusion_tag("personalization/partials/consent_banner.html", takes_context=True)
def personalization_consent(context: Context) -> dict[str, Any]:
    """The consent banner, for visitors who have not answered yet; nothing for all others."""
    request = context.get("request")
    if request is None or not _should_ask(request):
        return {"show_banner": False, "is_fetched": request is not None and is_shared_page(request)}
    return {
        "show_banner": True,
        "next": request.get_full_path() if request.method == "GET" else "",
        "days": conf.get_settings().EVENT_RETENTION_DAYS,
        "csrf_token": context.get("csrf_token"),
    }


def _should_ask(request: HttpRequest) -> bool:
    """Reads the database only for customers whose browser has not refused; where that fails, they may have answered.
    The privacy page asks itself."""
    requester = requester_from_request(request)
    if _view_name(request) == PRIVACY_VIEW or not consent.should_ask(requester, None):
        return False
    if not requester.is_signed_in:
        return True
    with fail_open("Looking whether a customer answered"):
        return not identity.is_unreadable(requester) and consent.should_ask(requester, identity.get_visitor(requester))
    return False


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""
