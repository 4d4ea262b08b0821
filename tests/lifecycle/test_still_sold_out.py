"""Who has waited for a sold-out product for two weeks hears once of what could stand in for it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, SensitiveCategory
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import run, send_kind
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
WEEKS = 15 * 24 * 60
"""Minutes of fifteen days."""


@pytest.fixture
def waiting(trained, settings, monkeypatch):
    """(who waits, for what, since fifteen days): and they allow reminders."""
    _, products = trained
    send_kind(settings, monkeypatch, "still_sold_out")
    dora = shop.create_customer("dora")
    alert = dora.alerts.create(product=products[0])
    alerts.dated(alert, WEEKS)
    alerts.set_stock(products[0], 0)
    allow(dora, purpose="reminders", at=timezone.now() - timedelta(days=300))
    return dora, products[0], alert


def why():
    """Why the only message was not sent."""
    return Delivery.objects.get().why


def test_they_are_told_once_what_could_stand_in_for_it_and_go_on_waiting(waiting):
    _, product, alert = waiting
    assert run().sent == 1
    (sent,) = mail.outbox
    assert sent.subject == f"{product.title} is still sold out"
    assert f"You wait for {product.title}, which is still sold out." in sent.body
    assert 1 <= sent.body.count("/personalization/from-message/") <= 3
    assert f"/personalization/from-message/{product.pk}/" not in sent.body
    alert.refresh_from_db()
    assert alert.status == alert.ACTIVE
    assert run(hours=24 * 9).sent == 0


def test_an_example_shows_what_could_stand_in(waiting):
    example = registered_kinds()["still_sold_out"].example()
    assert registered_kinds()["still_sold_out"].text_values(example)["products"]


def test_two_weeks_are_waited(waiting):
    alerts.dated(waiting[2], 13 * 24 * 60)
    assert sweep_messages(timezone.now()) == 0


def test_who_allows_no_reminders_is_not_told(waiting):
    allow(waiting[0], "withdrawn", purpose="reminders")
    assert sweep_messages(timezone.now()) == 0


def test_what_is_back_needs_no_replacement(waiting):
    _, product, _ = waiting
    alerts.set_stock(product, 3)
    assert sweep_messages(timezone.now()) == 0
    alerts.set_stock(product, 0)
    assert sweep_messages(timezone.now()) == 1
    alerts.set_stock(product, 3)
    assert run().sent == 0 and why() == "back"


def test_who_bought_it_since_or_waits_no_more_is_left_alone(waiting):
    user, product, alert = waiting
    assert sweep_messages(timezone.now()) == 1
    order = shop.create_past_order(user, [product], days_ago=1)
    assert run().sent == 0 and why() == "bought"
    order.delete()
    Delivery.objects.all().delete()
    assert sweep_messages(timezone.now()) == 1
    alert.cancel()
    assert run().sent == 0 and why() == "no_permission"


def test_what_is_sensitive_is_not_named(waiting):
    SensitiveCategory.objects.create(category=waiting[1].categories.get())
    assert run().sent == 0 and why() == "too_few_products"


def test_where_nothing_can_stand_in_for_it_there_is_no_mail(waiting):
    type(waiting[1]).objects.exclude(pk=waiting[1].pk).update(is_public=False)
    assert run().sent == 0 and why() == "too_few_products"
