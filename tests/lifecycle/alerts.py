"""People who wait for products, and the runs that tell them."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from oscar.apps.customer.models import ProductAlert
from oscar.apps.partner.models import StockRecord

from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.merchandising import publishing

MESSAGES = {
    "MESSAGE_BASE_URL": "https://shop.example",
    "MESSAGE_ADDRESS_KEY": "a key of the tests",
    "MESSAGE_IMPRINT": "Corner Shop, 1 Main Street",
    "MESSAGE_QUIET_FROM": 0,
    "MESSAGE_QUIET_UNTIL": 0,
}
SOON = timedelta(minutes=31)


def switch_on(settings, **more):
    """What is live is sent, at any hour unless said otherwise."""
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, **MESSAGES, **more}


def publish_message(kind="back_in_stock", name="", **document):
    """A live message."""
    draft = publishing.create("message", name or kind, {"kind": kind, **document}, None)
    return publishing.publish(draft, None)


def waiting_customer(name, product, minutes_ago=60):
    """A customer who set an alert on a product."""
    user = User.objects.create_user(name, f"{name}@example.com", "x")
    alert = ProductAlert.objects.create(user=user, product=product)
    return user, dated(alert, minutes_ago)


def waiting_guest(address, product, minutes_ago=60, *, confirmed=True):
    """The alert of a guest."""
    alert = ProductAlert.objects.create(email=address, product=product)
    if confirmed:
        alert.confirm()
    return dated(alert, minutes_ago)


def dated(alert, minutes_ago):
    made = timezone.now() - timedelta(minutes=minutes_ago)
    confirmed = made if alert.date_confirmed else None
    ProductAlert.objects.filter(pk=alert.pk).update(date_created=made, date_confirmed=confirmed)
    alert.refresh_from_db()
    return alert


def set_stock(product, pieces):
    """So many pieces can be sold; nobody is told by the way."""
    StockRecord.objects.filter(product=product).update(num_in_stock=pieces, num_allocated=0)


def sweep_and_send(at=None, limit=1000):
    """What two runs half an hour apart do."""
    at = at or timezone.now()
    sweep_messages(at)
    return send_messages(limit=limit, clock=lambda: at + SOON)
