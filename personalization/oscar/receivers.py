"""Receivers of Oscar's and Django's signals: orders and their undoing, basket additions, sign-in, deletions.

None may raise: that would break the shop's page, or roll back a paid order.
"""

import time
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.core.signals import request_finished, request_started
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.utils.timezone import now
from oscar.core.loading import get_class, get_model

from personalization import conf
from personalization.collect import flows
from personalization.models import CampaignCustomer, Visitor, query_limits
from personalization.models.fail_open import fail_open
from personalization.oscar.alert_sender import is_replaced
from personalization.oscar.entered_codes import forget_all_codes, forget_code, remember_code
from personalization.oscar.order_changes import correct_credits_after_commit, refresh_after_commit
from personalization.oscar.visits import SIGNED_IN_KEY
from personalization.privacy import identity
from personalization.privacy.household_exits import leave_households
from personalization.privacy.message_addresses import record_request
from personalization.privacy.private_responses import AGREED_KEY
from personalization.privacy.requester import bind_requester, requester_from_request
from personalization.shop import orders, voucher_codes

STORED_FACTS = "_personalization_stored_facts"
"""The attribute of an order that is being saved, in which its stored facts wait for the end of that."""


def connect_receivers() -> None:
    """Called once, when the apps are ready."""
    request_started.connect(query_limits.start_request, dispatch_uid="personalization.start_request")
    request_finished.connect(query_limits.finish_request, dispatch_uid="personalization.finish_request")
    order_placed = get_class("order.signals", "order_placed")
    order_placed.connect(refresh_genome, dispatch_uid="personalization.refresh_genome")
    _connect_order_changes()
    post_checkout = get_class("checkout.signals", "post_checkout")
    post_checkout.connect(record_order_visitor, dispatch_uid="personalization.record_order_visitor")
    post_checkout.connect(forget_all_codes, dispatch_uid="personalization.forget_all_codes")
    basket_addition = get_class("basket.signals", "basket_addition")
    basket_addition.connect(record_basket_addition, dispatch_uid="personalization.keep_basket_addition")
    signals = "basket.signals"
    voucher_addition, voucher_removal = (get_class(signals, f"voucher_{what}") for what in ("addition", "removal"))
    voucher_addition.connect(remember_code, dispatch_uid="personalization.remember_code")
    voucher_removal.connect(forget_code, dispatch_uid="personalization.forget_code")
    user_logged_in.connect(merge_visitor_on_login, dispatch_uid="personalization.take_over")
    alert = get_model("customer", "ProductAlert")
    post_save.connect(record_alert_language, sender=alert, dispatch_uid="personalization.product_alert")
    pre_delete.connect(delete_rows_of_visitor, sender=Visitor, dispatch_uid="personalization.delete_rows")
    pre_delete.connect(take_codes_away, sender=get_user_model(), dispatch_uid="personalization.deleted_account")


def _connect_order_changes() -> None:
    order, line = get_model("order", "Order"), get_model("order", "Line")
    shipped = get_model("order", "ShippingEventQuantity")
    pre_save.connect(note_stored_order, sender=order, dispatch_uid="personalization.stored_order")
    post_save.connect(refresh_for_changed_order, sender=order, dispatch_uid="personalization.changed_order")
    post_delete.connect(refresh_for_deleted_order, sender=order, dispatch_uid="personalization.deleted_order")
    post_save.connect(refresh_for_changed_line, sender=line, dispatch_uid="personalization.changed_line")
    post_delete.connect(refresh_for_deleted_line, sender=line, dispatch_uid="personalization.deleted_line")
    post_save.connect(refresh_for_shipping_event, sender=shipped, dispatch_uid="personalization.shipping_event")
    post_delete.connect(refresh_for_shipping_event, sender=shipped, dispatch_uid="personalization.undone_shipping")
    source = get_model("payment", "Source")
    post_save.connect(correct_for_refund, sender=source, dispatch_uid="personalization.refund")


def merge_visitor_on_login(sender: Any, request: Any, user: Any, **rest: Any) -> None:
    """Merges the browser's visitor into the account. Django's signal, as Oscar's comes from its sign-in form only.

    Django has emptied the session by now if it was another account's, or if somebody signed out since it began.
    """
    with fail_open("Merging a browser's visitor into an account", whole_page=True):
        request.session[SIGNED_IN_KEY] = time.time()
        agreed_in_session = bool(request.session.pop(AGREED_KEY, False))
        requester = replace(requester_from_request(request), user=user)
        bind_requester(request, requester)
        identity.merge_into_account(requester, now(), agreed_in_session=agreed_in_session)


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


def record_alert_language(sender: Any, instance: Any, raw: bool = False, created: bool = False, **rest: Any) -> None:
    """Stores who asked to be told about a product, and in which language, where the app will write to them. A guest
    asks by confirming it."""
    if not raw and instance.is_active and (created or instance.user_id is None):
        can_send = not conf.missing_message_settings()
        with fail_open("Storing in which language a product alert was set", queries=can_send):
            if is_replaced():
                record_request(instance.user_id, instance.get_email_address(), now())


def take_codes_away(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Deletes the unused voucher codes that campaigns made for an account that is deleted."""
    with fail_open("Taking the voucher codes of a deleted account away"):
        if codes := CampaignCustomer.objects.vouchers_of_customers([instance.pk]):
            voucher_codes.delete_unused_codes(codes)


def delete_rows_of_visitor(sender: Any, instance: Visitor, using: str, **rest: Any) -> None:
    """All that is a visitor's goes before they go, whoever deletes them: their account, or the admin. In their
    household nothing of it remains."""
    if instance.user_id is not None:
        leave_households([instance.user_id], now())
    Visitor.objects.using(using).delete_rows_of([instance.pk])


def refresh_genome(sender: Any, order: Any, user: Any, **rest: Any) -> None:
    """Refreshes the genome of a customer with a new order, once the order is committed."""
    if user is not None:
        refresh_after_commit(user.pk)


def note_stored_order(sender: Any, instance: Any, raw: bool = False, **rest: Any) -> None:
    """Notes what is stored of an order that is about to be saved: one query for each save of an existing order."""
    if not raw and not instance._state.adding:
        with fail_open("Reading what is stored of an order"):
            setattr(instance, STORED_FACTS, orders.stored_order_facts(instance.pk))


def refresh_for_changed_order(sender: Any, instance: Any, **rest: Any) -> None:
    """Refreshes the genomes of the old and the new customer of an order whose status, customer or date changed, and
    what it was worth."""
    stored = instance.__dict__.pop(STORED_FACTS, None)
    if stored is not None and stored != orders.order_facts(instance):
        refresh_after_commit(stored[0])
        refresh_after_commit(instance.user_id)
        correct_credits_after_commit(instance.pk)


def refresh_for_changed_line(sender: Any, instance: Any, created: bool = False, raw: bool = False, **rest: Any) -> None:
    """Refreshes the genome of the customer of an order line that is saved again: Oscar saves one when its status
    changes."""
    if not raw and not created:
        with fail_open("Hearing of a changed order line"):
            _refresh_for_order(instance.order)


def refresh_for_deleted_order(sender: Any, instance: Any, **rest: Any) -> None:
    """Refreshes the genome of the customer of a deleted order."""
    refresh_after_commit(instance.user_id)
    correct_credits_after_commit(instance.pk)


def refresh_for_deleted_line(sender: Any, instance: Any, origin: Any = None, **rest: Any) -> None:
    """Refreshes the genome of the customer of an order line that was deleted without its order."""
    if getattr(origin, "model", type(origin)) is sender:
        with fail_open("Hearing of a deleted order line"):
            _refresh_for_order(instance.order)


def refresh_for_shipping_event(sender: Any, instance: Any, raw: bool = False, **rest: Any) -> None:
    """Refreshes the genome of the customer of a line that a shipping event says was returned, or no longer does."""
    if not raw:
        with fail_open("Hearing of a shipping event"):
            if orders.is_return_event(instance.event):
                _refresh_for_order(instance.line.order)


def correct_for_refund(sender: Any, instance: Any, raw: bool = False, **rest: Any) -> None:
    """Corrects what an order was worth, of which something was paid back."""
    if not raw and instance.amount_refunded:
        correct_credits_after_commit(instance.order_id)


def _refresh_for_order(order: Any) -> None:
    refresh_after_commit(order.user_id)
    correct_credits_after_commit(order.pk)
