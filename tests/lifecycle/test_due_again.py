"""What is due again by somebody's own rhythm, or by that of others: soon enough, and not where nothing can be said."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from oscar.apps.order.models import Line

from personalization.lifecycle.kinds import due_again
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, SensitiveCategory, SweepTurn, Visitor
from personalization.profile.genome import refresh_genome
from personalization.rank.purchase_rhythm import days_until_next
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import leave_basket, reminded_customer, run, send_kind
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminding(settings, monkeypatch):
    """The shop tells everybody what is due again."""
    send_kind(settings, monkeypatch, "due_again")
    return settings


def buyer(product, *days_ago, name="anna", **order):
    """A customer who bought a product so many days ago, and allows reminders."""
    user = reminded_customer(name)
    bought(user, product, *days_ago, **order)
    return user


def bought(user, product, *days_ago, pieces=1):
    for days in days_ago:
        order = shop.create_past_order(user, [product], days_ago=days)
        Line.objects.filter(order=order).update(quantity=pieces)
    refresh_genome([user.pk], timezone.now().timestamp())


def found():
    Delivery.objects.all().delete()
    SweepTurn.objects.all().delete()
    return sweep_messages(timezone.now())


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea")


def test_three_purchases_a_month_apart_bring_a_mail_three_days_before_the_next(reminding, tea):
    anna = buyer(tea, 87, 57, 27)
    assert run().sent == 1 and run(hours=24).sent == 0
    (sent,) = mail.outbox
    assert sent.to == [anna.email] and sent.subject == "Time to buy it again?"
    assert "Tea, $3.50\nLast bought on " in sent.body and "from-message" in sent.body


@pytest.mark.parametrize(("days_ago", "due"), [((85, 55, 25), 0), ((99, 69, 39), 0), ((95, 65, 35), 1), ((57, 27), 0)])
def test_neither_too_soon_nor_too_late_nor_by_two_purchases_alone(reminding, tea, days_ago, due):
    buyer(tea, *days_ago)
    assert found() == due


@pytest.mark.parametrize(
    ("days", "pieces", "usual", "expected"),
    [
        ([0, 10, 20, 30], [1, 1, 1, 1], 0, 10),
        ([0, 10, 12, 40, 41], [1, 1, 1, 1, 1], 0, None),
        ([0, 10, 20], [1, 1, 3], 0, 30),
        ([0, 20, 40], [2, 2, 2], 99, 20),
        ([0, 10], [1, 1], 14, 14),
        ([0], [2], 14, 28),
        ([0], [1], 0, None),
    ],
)
def test_the_next_purchase_is_told_from_days_and_pieces(days, pieces, usual, expected):
    assert days_until_next(days, pieces, usual) == expected


def test_who_stocked_up_is_not_asked_too_soon(reminding, tea):
    anna = buyer(tea, 87, 57)
    bought(anna, tea, 27, pieces=4)
    assert found() == 0


def test_a_substitute_that_was_bought_since_is_as_good(trained, reminding):
    users, products = trained
    allow(users[0], purpose="reminders")
    in_time = timezone.now() + timedelta(days=5)
    assert sweep_messages(in_time) == 1
    shop.create_past_order(users[0], [products[4]], days_ago=0.1)
    Delivery.objects.all().delete()
    SweepTurn.objects.all().delete()
    assert sweep_messages(in_time) == 0


def test_what_was_bought_between_the_sweep_and_the_sending_is_no_news(reminding, tea):
    anna = buyer(tea, 87, 57, 27)
    sweep_messages(timezone.now())
    bought(anna, tea, 0.01)
    assert dict(run().skipped) == {"bought": 1}


def test_what_is_sold_out_disliked_sensitive_or_in_the_basket_is_not_shown(reminding, tea):
    others = [shop.create_shop_product(title) for title in ("Soap", "Salt", "Rice", "Pill")]
    others[3].categories.add(shop.create_from_breadcrumbs("Health"))
    anna = buyer(tea, 87, 57, 27)
    for product in others:
        bought(anna, product, 87, 57, 27)
    alerts.set_stock(others[0], 0)
    Visitor.objects.get(user=anna).set_preference("product", others[1].pk, -1, timezone.now().timestamp())
    leave_basket(anna, [others[2]])
    SensitiveCategory.objects.create(category=others[3].categories.get())
    assert run().sent == 1
    assert "Tea" in mail.outbox[0].body
    assert not any(title in mail.outbox[0].body for title in ("Soap", "Salt", "Rice", "Pill"))


def test_where_nothing_can_be_bought_no_mail_is_sent(reminding, tea):
    buyer(tea, 87, 57, 27)
    alerts.set_stock(tea, 0)
    assert dict(run().skipped) == {"too_few_products": 1}


def test_at_most_six_products_in_one_mail_and_none_again_within_a_week(reminding, tea):
    anna = buyer(tea, 87, 57, 27)
    for number in range(8):
        bought(anna, shop.create_shop_product(f"Nut {number}"), 87, 57, 27)
    assert run().sent == 1
    assert mail.outbox[0].body.count("from-message") == 6
    assert run(hours=50).sent == 0


def test_without_consent_nothing_is_worked_out(reminding, tea):
    anna = buyer(tea, 87, 57, 27)
    Visitor.objects.filter(user=anna).update(consent="withdrawn")
    assert found() == 0


def test_the_rhythm_of_others_serves_only_where_twenty_are_known(trained, reminding, monkeypatch):
    _, products = trained
    new = shop.create_customer("new")
    allow(new, purpose="reminders")
    bought(new, products[0], 5)
    assert found() == 0  # twelve customers are known
    monkeypatch.setattr(due_again, "MIN_RHYTHM_CUSTOMERS", 12)
    assert found() == 1


def test_customers_are_looked_at_in_turn_and_each_once_a_day(reminding, tea, monkeypatch):
    monkeypatch.setattr(due_again, "CUSTOMERS_PER_SWEEP", 2)
    for number in range(5):
        buyer(tea, 87, 57, 27, name=f"customer{number}")
    now = timezone.now()
    assert [sweep_messages(now + timedelta(minutes=10 * n)) for n in range(5)] == [2, 2, 1, 0, 0]
    Delivery.objects.all().delete()
    assert sweep_messages(now + timedelta(hours=21)) == 2
