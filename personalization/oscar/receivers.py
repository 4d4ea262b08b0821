"""Hears the signals of Oscar, and of Django: who signs in or out, and what is deleted.

A receiver that raised would break the shop's page, or roll back a paid order.
"""

import time
from functools import partial
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import pre_delete
from django.utils.timezone import now
from oscar.core.loading import get_class

from personalization.collect import crawlers, ingestion, request_traits
from personalization.models import Event, OrderVisitor, Visitor
from personalization.models.events import EventType
from personalization.models.fail_open import fail_open
from personalization.oscar.visits import SIGNED_IN_KEY
from personalization.privacy import consent, identity
from personalization.profile import genome
from personalization.shop import catalogue


def connect_receivers() -> None:
    """Called once, when the apps are ready."""
    order_placed = get_class("order.signals", "order_placed")
    order_placed.connect(refresh_genome, dispatch_uid="personalization.refresh_genome")
    post_checkout = get_class("checkout.signals", "post_checkout")
    post_checkout.connect(record_order_visitor, dispatch_uid="personalization.record_order_visitor")
    basket_addition = get_class("basket.signals", "basket_addition")
    basket_addition.connect(record_basket_addition, dispatch_uid="personalization.keep_basket_addition")
    user_logged_in.connect(merge_visitor_on_login, dispatch_uid="personalization.take_over")
    user_logged_out.connect(reset_visitor_on_logout, dispatch_uid="personalization.look_anew")
    pre_delete.connect(delete_events_of_user, sender=Visitor, dispatch_uid="personalization.delete_events")


def merge_visitor_on_login(sender: Any, request: Any, user: Any, **rest: Any) -> None:
    """Whoever signs in takes what their browser did with them. Django's signal: Oscar's comes from its form only."""
    reset_visitor_on_logout(sender, request)
    with fail_open("Taking a browser's visitor over into an account"):
        request.session[SIGNED_IN_KEY] = time.time()
        identity.merge_into_account(request, user, now())


def reset_visitor_on_logout(sender: Any, request: Any, **rest: Any) -> None:
    """Another visitor than a moment ago stands behind this request."""
    identity.reset_visitor(request)


def record_basket_addition(sender: Any, product: Any, request: Any = None, **rest: Any) -> None:
    """Keeps that a visitor who allows it put a product into their basket; a browser is not made known by it."""
    with fail_open("Keeping what was put into a basket"):
        known = request is not None and (consent.is_signed_in(request) or identity.get_visitor(request) is not None)
        visitor = identity.get_or_create_consented(request, now()) if known else None
        key = product.parent_id or product.pk
        if visitor is not None and not catalogue.sensitive_products([key]):
            suspect = crawlers.is_crawler(request.headers.get("User-Agent", ""))
            ingestion.record_server_event(
                visitor,
                str(EventType.ADD_TO_BASKET),
                key,
                now(),
                suspect=suspect,
                device=request_traits.device_type(request),
            )


def record_order_visitor(sender: Any, order: Any, request: Any = None, **rest: Any) -> None:
    """Keeps which visitor placed an order, if they allow it, guests too: `order_placed` has no request. A browser is
    not made known by it."""
    with fail_open("Keeping whose an order is"):
        known = request is not None and (consent.is_signed_in(request) or identity.get_visitor(request) is not None)
        visitor = identity.get_or_create_consented(request, now()) if known else None
        if visitor is not None:
            OrderVisitor.objects.record_order(order.pk, visitor.pk, order.date_placed)


def delete_events_of_user(sender: Any, instance: Visitor, using: str, **rest: Any) -> None:
    """What a visitor did goes before they go, whoever deletes them: their account, the admin, or ourselves."""
    Event.objects.using(using).delete_for_visitor(instance.pk)


def refresh_genome(sender: Any, order: Any, user: Any, **rest: Any) -> None:
    """Takes a new order into its customer's genome, once the order stands."""
    if user is not None and user.pk is not None:
        transaction.on_commit(partial(_refresh, user.pk), robust=True)


def _refresh(user_id: Any) -> None:
    with fail_open("Refreshing a genome after an order"):
        genome.refresh_genome([user_id], now=time.time())
