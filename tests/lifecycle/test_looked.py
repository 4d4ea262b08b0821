"""Who came back to a product, or looked at several of one kind, hears of it once a week, unless they did more."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, Event, SensitiveCategory, SweepTurn, Visitor
from personalization.profile.genome import refresh_genome
from tests.lifecycle import alerts
from tests.lifecycle.left_baskets import leave_basket, reminded_customer, run, send_kind
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminding(settings, monkeypatch):
    """The shop writes to everybody who looked."""
    send_kind(settings, monkeypatch, "looked")
    return settings


@pytest.fixture
def anna(reminding):
    return looker("anna")


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea")


def looker(name):
    user = reminded_customer(name)
    refresh_genome([user.pk], timezone.now().timestamp())
    return user


def view(user, product, *hours_ago, **columns):
    visitor = Visitor.objects.get(user=user)
    for hours in hours_ago:
        at = timezone.now() - timedelta(hours=hours)
        moments = {"occurred_at": at, "received_at": at}
        Event.objects.create(
            event_id=uuid4(), visitor=visitor, type="view_item", product_id=product.pk, **moments, **columns
        )


def found(at=None):
    SweepTurn.objects.all().delete()
    return sweep_messages(at or timezone.now())


def test_two_views_of_one_product_bring_one_mail_a_week(anna, tea):
    view(anna, tea, 30, 5)
    assert run().sent == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([anna.email], "Still thinking about Tea?")
    assert "Tea, $3.50\nhttps://shop.example/personalization/from-message/" in sent.body
    view(anna, tea, 4.5)
    assert found() == found(timezone.now() + timedelta(hours=40)) == 0


@pytest.mark.parametrize("hours_ago", [(5,), (5, 80), (5, 5.05), (30, 3)])
def test_one_view_an_old_one_a_reload_and_one_just_now_bring_none(anna, tea, hours_ago):
    view(anna, tea, *hours_ago)
    assert found() == 0


def test_three_of_one_kind_count_where_the_shop_has_learned_kinds_and_two_alternatives_stand_below(trained, reminding):
    _, products = trained
    anna = looker("anna")
    view(anna, products[0], 7)
    view(anna, products[2], 6)
    view(anna, products[1], 5)
    assert found() == 0
    view(anna, products[4], 8)
    assert found() == 1
    assert run().sent == 1
    assert "Product 2, $3.50" in mail.outbox[0].body
    assert mail.outbox[0].body.partition("And this is like it:")[2].count("from-message") == 2


def test_neither_a_full_basket_nor_a_purchase_nor_a_robot_is_a_look(anna, tea):
    bert, carl = looker("bert"), looker("carl")
    for user in (anna, bert):
        view(user, tea, 30, 5)
    view(carl, tea, 30, 5, is_suspected_bot=True)
    leave_basket(anna, [tea])
    shop.create_past_order(bert, [tea], days_ago=1)
    assert found() == 0


def test_what_changed_until_the_sending_is_seen(anna, tea):
    bert, carl = looker("bert"), looker("carl")
    for user in (anna, bert, carl):
        view(user, tea, 30, 5)
    assert found() == 3
    leave_basket(anna, [tea])
    shop.create_past_order(bert, [tea], days_ago=0.01)
    Visitor.objects.filter(user=carl).update(consent="withdrawn")
    assert dict(run().skipped) == {"in_use": 1, "bought": 1, "no_permission": 1}


def test_sensitive_products_are_never_named_and_sold_out_ones_neither(anna, tea):
    pill = shop.create_shop_product("Pill", shop.create_from_breadcrumbs("Health"))
    view(anna, pill, 30, 20, 10, 5)
    view(anna, tea, 31, 6)
    SensitiveCategory.objects.create(category=pill.categories.get())
    assert found() == 1 and Delivery.objects.get().product_id == tea.pk
    alerts.set_stock(tea, 0)
    assert dict(run().skipped) == {"too_few_products": 1}


def test_who_did_not_allow_reminders_is_not_looked_at(reminding, tea):
    nobody = shop.create_customer("nobody")
    refresh_genome([nobody.pk], timezone.now().timestamp())
    view(nobody, tea, 30, 5)
    assert found() == 0
