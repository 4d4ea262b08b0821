"""Receivers of Oscar's and Django's signals: orders, basket additions, sign-in, deletions.

None may raise: that would break the shop's page, or roll back a paid order.
"""

import time
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import pre_delete
from django.utils.timezone import now
from oscar.core.loading import get_class

from personalization.collect import flows
from personalization.models import Event, Visitor
from personalization.models.fail_open import fail_open
from personalization.oscar.visits import SIGNED_IN_KEY
from personalization.privacy import identity
from personalization.privacy.requester import bind_requester, requester_from_request
from personalization.profile import genome


def connect_receivers() -> None:
    """Called once, when the apps are ready."""
    order_placed = get_class("order.signals", "order_placed")
    order_placed.connect(refresh_genome, dispatch_uid="personalization.refresh_genome")
    post_checkout = get_class("checkout.signals", "post_checkout")
    post_checkout.connect(record_order_visitor, dispatch_uid="personalization.record_order_visitor")
    basket_addition = get_class("basket.signals", "basket_addition")
    basket_addition.connect(record_basket_addition, dispatch_uid="personalization.keep_basket_addition")
    user_logged_in.connect(merge_visitor_on_login, dispatch_uid="personalization.take_over")
    pre_delete.connect(delete_events_of_user, sender=Visitor, dispatch_uid="personalization.delete_events")


def merge_visitor_on_login(sender: Any, request: Any, user: Any, **rest: Any) -> None:
    """Merges the browser's visitor into the account. Django's signal, as Oscar's comes from its sign-in form only."""
    with fail_open("Merging a browser's visitor into an account"):
        request.session[SIGNED_IN_KEY] = time.time()
        requester = replace(requester_from_request(request), user=user)
        bind_requester(request, requester)
        identity.merge_into_account(requester, now())


def record_basket_addition(sender: Any, product: Any, request: Any = None, **rest: Any) -> None:
    """Stores that a visitor who consented put a product into their basket."""
    if request is not None:
        with fail_open("Storing what was put into a basket"):
            flows.record_basket_addition(requester_from_request(request), product.parent_id or product.pk, now())


def record_order_visitor(sender: Any, order: Any, request: Any = None, **rest: Any) -> None:
    """Stores which visitor placed an order, guests too, if they consented. Oscar's `order_placed` has no request."""
    if request is not None:
        with fail_open("Storing who placed an order"):
            flows.record_order(requester_from_request(request), order.pk, order.date_placed, now())


def delete_events_of_user(sender: Any, instance: Visitor, using: str, **rest: Any) -> None:
    """What a visitor did goes before they go, whoever deletes them: their account, the admin, or ourselves."""
    Event.objects.using(using).delete_for_visitor(instance.pk)


def refresh_genome(sender: Any, order: Any, user: Any, **rest: Any) -> None:
    """Refreshes the genome of a customer with a new order, once the order is committed."""
    if user is not None and user.pk is not None:
        transaction.on_commit(partial(_refresh_after_commit, user.pk), robust=True)


def _refresh_after_commit(user_id: Any) -> None:
    with fail_open("Refreshing a genome after an order"):
        genome.refresh_genome([user_id], now=time.time())
