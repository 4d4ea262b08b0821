"""Makes a `Visit` of a request: the only place where the inputs of a decision meet HTTP.

And what a visit without a request is made of: customers, the shop's strategy for them, and products by their keys.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import IntegerField, QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string
from oscar.core.loading import get_class, get_model

from personalization import conf
from personalization.collect import crawlers, request_traits
from personalization.collect.exposure_tokens import sign_exposures
from personalization.decide.active_rules import get_active_rules
from personalization.decide.arms import enter_experiments
from personalization.decide.policy import policy_from_settings
from personalization.decide.visit import LazySequence, Visit
from personalization.merchandising.compiled import CompiledRules
from personalization.models import Event, Visitor
from personalization.models.events import NEVER
from personalization.models.fail_open import fail_open
from personalization.models.recent_activity import RecentActivity
from personalization.oscar.previews import current_preview, in_preview
from personalization.privacy import consent, identity
from personalization.privacy.requester import ClientType, Requester, is_shared_page, requester_from_request
from personalization.profile.past_profile import profile_in_month
from personalization.shop import orders

BasketLine = get_model("basket", "Line")
Basket = get_model("basket", "Basket")
Product = get_model("catalogue", "Product")
CustomerHistoryManager = get_class("customer.history", "CustomerHistoryManager")
Selector = get_class("partner.strategy", "Selector")

SIGNED_IN_KEY = "personalization_signed_in"
"""The key under which a session keeps when its customer signed in."""

ASSIGNED_CLIENTS = (ClientType.BROWSER, ClientType.VISITOR_TOKEN, ClientType.SHOP_LOGIN)
"""Who comes as a shopper. A server that asks on its own account shows nobody anything."""

VISIT_ATTRIBUTE, BASKET_ATTRIBUTE, SHOWN_ATTRIBUTE = (
    "_personalization_visit",
    "_personalization_basket",
    "_personalization_placed",
)
"""The attributes in which a request keeps its visit, its basket's contents, and the products shown on its page."""


def visit_from_request(request: HttpRequest) -> Visit:
    """The requester's visit with everything that they allow to use, their basket, and what the page shows so far. The
    visitor is read once a request; the basket may change within one."""
    visit = visit_without_basket(request)
    return replace(visit, shown_products=frozenset(shown_products(request)), **_basket_fields(request))


def visit_without_basket(request: HttpRequest) -> Visit:
    """The visit without basket and shown products, for decisions that need neither: one query less for a customer."""
    visit = getattr(request, VISIT_ATTRIBUTE, None)
    if visit is None:
        visit = _read_visit(request)
        setattr(request, VISIT_ATTRIBUTE, visit)
    return visit


def rules_in_force(request: HttpRequest) -> CompiledRules:
    """The campaigns that the visit of this request carries, or would. No query but in a preview."""
    visit = visit_read_before(request)
    if visit is None and current_preview(request) is not None:
        visit = visit_without_basket(request)
    return get_active_rules() if visit is None else visit.rules


def visit_read_before(request: HttpRequest) -> Visit | None:
    """The visit, if another part of the page has read it."""
    return getattr(request, VISIT_ATTRIBUTE, None)


def is_read(request: HttpRequest) -> bool:
    """Whether `visit_from_request` needs no further query."""
    return hasattr(request, VISIT_ATTRIBUTE) and hasattr(request, BASKET_ATTRIBUTE)


def consented_visit(request: HttpRequest) -> Visit | None:
    """The visit for what only visitors with consent are shown. None for all others, without a query."""
    if not has_consent(request):
        return None
    with fail_open("Reading the visit", queries=not hasattr(request, VISIT_ATTRIBUTE)):
        return visit_without_basket(request)
    return None


def tracked_visit(request: HttpRequest) -> Visit | None:
    """The visit of a requester whose page is reported, with or without a visitor yet; None for all others, whose pages
    this costs nothing. It reads the visitor, as the beacon does on each such page."""
    requester = requester_from_request(request)
    if not consent.may_be_allowed(requester):
        return None
    visitor, settings = identity.get_visitor(requester), conf.get_settings()
    with fail_open("Reading the visit", queries=bool(settings.CONSENT_CALLABLE or settings.IS_CHILD_CALLABLE)):
        if consent.tracking_allowed(requester, visitor):
            return visit_without_basket(request)
    return None


def has_consent(request: HttpRequest) -> bool:
    """Whether the requester is a stored visitor who consented."""
    requester = requester_from_request(request)
    visitor = identity.get_visitor(requester)
    if visitor is None:
        return False
    settings = conf.get_settings()
    with fail_open("Asking for consent", queries=bool(settings.CONSENT_CALLABLE or settings.IS_CHILD_CALLABLE)):
        return consent.tracking_allowed(requester, visitor)
    return False


def reset_request(request: HttpRequest) -> None:
    """Drops what was read of a request before it was known who it is from."""
    for name in (VISIT_ATTRIBUTE, BASKET_ATTRIBUTE, SHOWN_ATTRIBUTE):
        request.__dict__.pop(name, None)


def set_basket_products(request: HttpRequest, product_ids: Iterable[int]) -> None:
    """Makes the visit of this request hold one of each of these products in its basket, instead of its own."""
    products = frozenset(product_ids)
    setattr(request, BASKET_ATTRIBUTE, {"basket": products, "basket_quantity": len(products)})


def is_personalized(request: HttpRequest) -> bool:
    """Whether the visit of this request was read, and uses data of the visitor."""
    visit = getattr(request, VISIT_ATTRIBUTE, None)
    return visit is not None and visit.tracking_allowed


def exposure_token(visit: Visit | None) -> str:
    """What is reported of the experiments that this visit was shown so far; "" where it was shown none."""
    if visit is None or visit.arms is None or visit.visitor_id is None:
        return ""
    return sign_exposures(visit.arms.exposures, visit.visitor_id, visit.timestamp, time.time() - visit.timestamp)


def shown_products(request: HttpRequest) -> set[int]:
    """The primary keys of the products that the page shows so far."""
    return getattr(request, SHOWN_ATTRIBUTE, set())


def mark_shown(request: HttpRequest, product_ids: Iterable[int]) -> None:
    """Records that the page shows these products."""
    setattr(request, SHOWN_ATTRIBUTE, shown_products(request) | set(product_ids))


def _read_visit(request: HttpRequest) -> Visit:
    visit, requester = anonymous_visit(request), requester_from_request(request)
    visitor = identity.load_visitor(requester)
    if not consent.tracking_allowed(requester, visitor):
        return visit
    if visit.is_preview:
        return _in_preview_month(_with_profile(requester, replace(visit, tracking_allowed=True), visitor), request)
    hide = visit.hide_private_reasons or (
        visit.user_id is not None and not signed_in_recently(request, visit.timestamp)
    )
    return _with_profile(requester, replace(visit, tracking_allowed=True, hide_private_reasons=hide), visitor)


def _in_preview_month(visit: Visit, request: HttpRequest) -> Visit:
    """The visit with the profile that the customer had at the end of the month that the request's preview names."""
    preview = current_preview(request)
    if preview is None or preview.month_start is None or visit.user_id is None:
        return visit
    past = profile_in_month(visit.user_id, preview.month_start, visit.timestamp)
    stated = tuple(one for one in visit.preferences if one.recorded_at <= visit.timestamp)
    return replace(visit, genome=past.genome, own_genome=None, facts=past.facts, preferences=stated)


def anonymous_visit(request: HttpRequest) -> Visit:
    """The visit without any data of the visitor but the basket that Oscar has read. No query."""
    requester = requester_from_request(request)
    basket = _current_basket_fields(request) if _basket_is_loaded(request) else {}
    visit = Visit(
        timestamp=time.time(),
        user_id=requester.user_id,
        strategy=_strategy(request, requester),
        hide_private_reasons=requester.is_signed_in and not requester.owns_session,
        policy=policy_from_settings(conf.get_settings()),
        rules=get_active_rules(),
        store=_chosen_store(request),
        **request_traits.request_traits(request)._asdict(),
        **basket,
    )
    return in_preview(visit, request)


def _chosen_store(request: Any) -> str:
    """The code of the store where the requester fetches orders, as the shop says; "" for none."""
    if (path := conf.get_settings().CHOSEN_STORE_CALLABLE) and not is_shared_page(request):
        with fail_open("Asking for the chosen store"):
            answer = import_string(path)(request)
            return answer if isinstance(answer, str) else ""
    return ""


def _strategy(request: Any, requester: Requester) -> Any:
    """The shop's strategy for the requester. Oscar has made one for the customer of the session already, who need not
    be the requester of an API."""
    if requester.owns_session:
        return request.strategy
    return Selector().strategy(request=request, user=requester.user)


def _with_profile(requester: Requester, visit: Visit, visitor: Visitor | None) -> Visit:
    if visitor is None:
        return replace(visit, browser_key=requester.browser_key(create=True))
    moment = datetime.fromtimestamp(visit.timestamp, UTC)
    since = moment - timedelta(days=conf.get_settings().EVENT_RETENTION_DAYS)
    min_seen = visit.policy.demote_after_views or NEVER
    activity = cache(lambda: _recent_activity(visitor.pk, since, moment, min_seen))
    own, shared = visitor.genome(), visitor.household_genome()
    visit = replace(
        visit,
        visitor_id=visitor.pk,
        unit=visitor.unit,
        genome=own if shared is None else shared,
        own_genome=None if shared is None else own,
        facts=visitor.facts(),
        preferences=visitor.get_preferences(),
        recent_events=LazySequence(lambda: activity().events),
        often_seen=LazySequence(lambda: activity().often_seen),
    )
    return enter_experiments(visit, visitor.unit) if _may_be_assigned(requester, visit) else visit


def _may_be_assigned(requester: Requester, visit: Visit) -> bool:
    """Whether experiments may count the visit: not a preview's, nor of staff, nor of a robot. Of who has not agreed to
    be measured, and of children, nothing is read that could be counted."""
    if not visit.rules.experiments or visit.is_preview or getattr(requester.user, "is_staff", False):
        return False
    return requester.client in ASSIGNED_CLIENTS and not crawlers.is_crawler(requester.user_agent)


def _recent_activity(visitor_id: UUID, since: datetime, until: datetime, min_seen: int) -> RecentActivity:
    with fail_open("Reading what a visitor did lately"):
        return Event.objects.recent(visitor_id, since, until, min_seen=min_seen)
    return RecentActivity()


def with_page_context(
    visit: Visit, *, product: Any = None, category: Any = None, query: str = "", order: Any = None, saved: Any = None
) -> Visit:
    """The visit on the page of this product, category, search or placed order (Oscar's objects), or beside the formset
    of products that are saved for later."""
    if product is not None:
        key = product.parent_id or product.pk
        variant = product.pk if product.parent_id else None
        visit = replace(visit, product=key, child_product=variant, shown_products=visit.shown_products | {key})
    if category is not None:
        visit = replace(visit, category=category.pk, category_name=category.name)
    if order is not None:
        bought = {parent or key for key, parent in order.lines.values_list("product_id", "product__parent_id")}
        visit = replace(
            visit,
            basket=frozenset(bought - {None}),
            unavailable_basket_products=(),
            shown_products=visit.shown_products | visit.basket,
        )
    if saved:
        later = (form.instance.product for form in saved)
        visit = replace(
            visit, shown_products=visit.shown_products | {product.parent_id or product.pk for product in later}
        )
    return replace(visit, query=query) if query else visit


def recently_viewed_ids(request: HttpRequest) -> set[int]:
    """The primary keys of recently viewed products in Oscar's cookie, which a product's page shows. No query."""
    return {key for key in CustomerHistoryManager.extract(request) if isinstance(key, int)}


def signed_in_recently(request: HttpRequest, now: float) -> bool:
    """Whether the customer signed in so recently that nobody else is likely to use the browser."""
    signed_in = request.session.get(SIGNED_IN_KEY)
    return isinstance(signed_in, int | float) and now - signed_in < conf.get_settings().PRIVATE_REASONS_HOURS * 3600


def strategies_for_customers(user_ids: Iterable[Any]) -> dict[Any, Any]:
    """{customer: the shop's strategy for them} of those who exist, without a request; under None that of an anonymous
    visitor."""
    users = get_user_model()._default_manager.in_bulk({user_id for user_id in user_ids if user_id is not None})
    selector = Selector()
    return {None: selector.strategy(), **{key: selector.strategy(user=user) for key, user in users.items()}}


def customers_who_ordered(moment: float) -> QuerySet:
    """The primary keys of all customers who ordered by this moment, in a fixed order."""
    return orders.ordering_customers().filter(order__date_placed__lte=datetime.fromtimestamp(moment, UTC))


def customer_key(text: str) -> Any:
    """The customer's primary key that this text stands for. ValueError when there is no such key."""
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        raise ValueError(f"{text!r} is not a customer's primary key") from None


def customers_are_numbered() -> bool:
    """Whether the primary keys of customers are integers; the shop's own user model may have others."""
    return isinstance(get_user_model()._meta.pk, IntegerField)


def existing_customers(user_ids: Iterable[Any]) -> dict[Any, Any]:
    """{key: key} of those of these customers who exist."""
    keys = get_user_model()._default_manager.filter(pk__in=list(user_ids)).values_list("pk", flat=True)
    return {key: key for key in keys}


def parent_of(product_ids: Iterable[int]) -> dict[int, int]:
    """{product: the product that stands for it in lists, a child's parent} of those of these products that exist."""
    rows = Product.objects.filter(pk__in=list(product_ids)).values_list("pk", "parent_id")
    return {key: parent or key for key, parent in rows}


def _basket_fields(request: Any) -> dict[str, Any]:
    """The fields of a visit about the open basket; queried once, and read anew where Oscar has it."""
    if _basket_is_loaded(request) or not hasattr(request, BASKET_ATTRIBUTE):
        setattr(request, BASKET_ATTRIBUTE, _current_basket_fields(request))
    return getattr(request, BASKET_ATTRIBUTE)


def _current_basket_fields(request: Any) -> dict[str, Any]:
    """The fields of a visit about the open basket as it is now."""
    fields = _fields_of_lines(list(_basket_lines(request)))
    return {**fields, "unavailable_basket_products": tuple(dict.fromkeys(_unavailable_products(request)))}


def _fields_of_lines(lines: list[tuple[int, int, datetime]]) -> dict[str, Any]:
    return {
        "basket": frozenset(product for product, _, _ in lines),
        "basket_quantity": sum(quantity for _, quantity, _ in lines),
        "basket_updated_at": max((changed.timestamp() for _, _, changed in lines), default=0.0),
    }


def _basket_is_loaded(request: Any) -> bool:
    """Whether Oscar has read the requester's basket already, as the header of its pages does."""
    owns_basket = requester_from_request(request).owns_session
    return owns_basket and getattr(request, "_basket_cache", None) is not None


def _unavailable_products(request: Any) -> Iterator[int]:
    """The products of the lines that cannot be bought as they are. Only those whose purchase info Oscar has read,
    as on its basket page: the others would cost a query or two each."""
    for line in _open_lines(request) if _basket_is_loaded(request) else ():
        info = line.__dict__.get("_info")
        if info and not (info.price.exists and info.availability.is_purchase_permitted(line.quantity)[0]):
            yield line.product.parent_id or line.product_id


def _open_lines(request: Any) -> Iterator[Any]:
    """The lines of a basket that was read, without those that were removed since."""
    lines = request.basket.all_lines() if request.basket.pk else ()  # asking for the lines of no basket is slow
    return (line for line in lines if line.pk is not None)


def _basket_lines(request: Any) -> Iterator[tuple[int, int, datetime]]:
    """(product's key, a child's parent; quantity; when it was last changed) of each line of the open basket; no basket
    is created by asking.

    Oscar makes a basket for a signed-in visitor when `request.basket` is first read. The header of its pages has done
    that before us, and then the lines are there already; elsewhere we ask for the lines alone.
    """
    requester = requester_from_request(request)
    if _basket_is_loaded(request) or (requester.owns_session and not requester.is_signed_in):
        for line in _open_lines(request):
            yield line.product.parent_id or line.product_id, line.quantity, line.date_updated
    elif requester.is_signed_in:
        yield from _stored_basket_lines(requester.user_id)


def _stored_basket_lines(user_id: Any) -> Iterator[tuple[int, int, datetime]]:
    lines = BasketLine.objects.filter(basket__owner=user_id, basket__status=Basket.OPEN)
    rows = lines.values_list("product__parent_id", "product_id", "quantity", "date_updated")
    for parent, product, quantity, changed in rows:
        yield parent or product, quantity, changed


def open_basket(user_id: Any) -> dict[str, Any]:
    """The fields of a visit about a customer's open basket, without a request."""
    return _fields_of_lines(list(_stored_basket_lines(user_id)))
