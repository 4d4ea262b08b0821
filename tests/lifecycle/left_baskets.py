"""Customers who allow reminders, and the baskets that they left."""

from datetime import timedelta

from django.utils import timezone
from oscar.apps.basket.models import Basket, Line
from oscar.apps.partner.strategy import Selector

from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop


def send_kind(settings, monkeypatch, name, **more):
    """Messages of one kind are sent, to everybody who is due, at any hour unless said otherwise."""
    monkeypatch.setattr(registered_kinds()[name], "hold_back", 0.0)
    alerts.switch_on(settings, **more)
    alerts.publish_message(name)


def reminded_customer(name="anna"):
    """A customer who consented and allows reminders."""
    user = shop.create_customer(name)
    allow(user, purpose="reminders", at=timezone.now() - timedelta(days=300))
    return user


def leave_basket(user, products, hours_ago=5.0, *, at=None, quantity=1, status="Open"):
    """An open basket of a customer, last changed so long ago."""
    basket = Basket.objects.create(owner=user)
    basket.strategy = Selector().strategy(user=user)
    for product in products:
        basket.add_product(product, quantity)
    Basket.objects.filter(pk=basket.pk).update(status=status)
    touch_basket(basket, at or timezone.now() - timedelta(hours=hours_ago))
    return basket


def touch_basket(basket, at):
    """All its lines were put into it at this moment."""
    Line.objects.filter(basket=basket).update(date_created=at, date_updated=at)


def run(hours=0.0, limit=100):
    """What a run after some hours does."""
    at = timezone.now() + timedelta(hours=hours)
    sweep_messages(at)
    return send_messages(limit=limit, clock=lambda: at)
