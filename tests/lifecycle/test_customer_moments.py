"""Messages about no product: to who is missed, to who has not ordered yet, and after an order."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone
from oscar.apps.address.models import Country
from oscar.apps.order.models import Order, ShippingAddress, ShippingEvent, ShippingEventType

from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, SweepTurn, Visitor
from personalization.profile.genome import refresh_genome
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import run, send_kind
from tests.lifecycle.test_looked import view
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def switch_on(settings, monkeypatch):
    """Switches one kind on, which writes to everybody."""

    def switched_on(name):
        send_kind(settings, monkeypatch, name)

    return switched_on


def offered(user):
    allow(user, purpose="offers", at=timezone.now() - timedelta(days=500))
    refresh_genome([user.pk], timezone.now().timestamp())
    return user


def silent(name, products, *days_ago):
    """A customer who ordered all of these products so many days ago."""
    user = shop.create_customer(name)
    for days in days_ago:
        shop.create_past_order(user, products, days_ago=days)
    return offered(user)


def found():
    Delivery.objects.all().delete()
    SweepTurn.objects.all().delete()
    return sweep_messages(timezone.now())


def test_who_brought_more_than_most_and_is_silent_for_long_is_written_to_once_in_a_quarter(trained, switch_on):
    _, products = trained
    switch_on("we_miss_you")
    anna = silent("anna", products[:30:2], 130, 120)
    silent("small", products[:1], 130)
    silent("lately", products[:30:2], 119)
    silent("gone", products[:30:2], 400)
    assert run().sent == 0  # the others brought more
    for _ in range(6):
        shop.create_past_order(anna, products[:30:2], days_ago=125)
    refresh_genome([anna.pk], timezone.now().timestamp())
    SweepTurn.objects.all().delete()
    assert run().sent == 1 and found() == 1
    (sent,) = mail.outbox
    assert sent.to == ["anna@example.com"] and sent.body.count("from-message") == 6
    bought = {f"Product {number}," for number in range(0, 30, 2)}
    assert not any(title in sent.body for title in bought)


@pytest.mark.parametrize(("days_ago", "due"), [((40, 30, 20), 0), ((46, 36, 26), 1), ((300, 200, 130), 0)])
def test_the_silence_is_measured_by_their_own_pauses(db, switch_on, days_ago, due):
    tea, jam = shop.create_shop_product("Tea"), shop.create_shop_product("Jam")
    switch_on("we_miss_you")
    silent("anna", [tea, jam], *days_ago)
    for number in range(3):
        silent(f"small{number}", [tea], 1)
    assert found() == due


def test_who_ordered_until_the_sending_is_not_missed(trained, switch_on):
    users, products = trained
    switch_on("we_miss_you")
    Order.objects.all().update(date_placed=timezone.now() - timedelta(days=130))
    for user in users:
        refresh_genome([user.pk], timezone.now().timestamp())
    anna = silent("anna", products[:20], 130, 129)
    for _ in range(5):
        shop.create_past_order(anna, products[:30:2], days_ago=128)
    refresh_genome([anna.pk], timezone.now().timestamp())
    assert sweep_messages(timezone.now()) == 1
    shop.create_past_order(anna, products[:1], days_ago=0.01)
    refresh_genome([anna.pk], timezone.now().timestamp())
    assert dict(run().skipped) == {"bought": 1}


def joined(name, days):
    user = shop.create_customer(name)
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - timedelta(days=days))
    return offered(user)


def test_a_new_account_without_an_order_is_written_to_once_after_three_days(trained, switch_on):
    _, products = trained
    switch_on("first_steps")
    anna, bought, consent = joined("anna", 4), joined("bought", 4), joined("consent", 4)
    for days in (2, 11):
        joined(f"days{days}", days)
    Visitor.objects.filter(user=consent).delete()
    shop.create_past_order(bought, products[:1], days_ago=1)
    for user in (bought, consent):
        refresh_genome([user.pk], timezone.now().timestamp())
    assert run().sent == 1 and run(hours=20).sent == 0
    (sent,) = mail.outbox
    assert sent.to == [anna.email] and sent.body.count("from-message") == 6


def test_only_who_looked_at_something_is_told_that_they_did(trained, switch_on):
    _, products = trained
    switch_on("first_steps")
    looked = joined("looked", 4)
    joined("anna", 4)
    view(looked, products[0], 5)
    assert run().sent == 2
    told = {sent.to[0]: "and what goes with what you looked at" in sent.body for sent in mail.outbox}
    assert told == {looked.email: True, "anna@example.com": False}


def test_without_anything_learned_a_new_account_gets_no_empty_mail(db, switch_on):
    switch_on("first_steps")
    joined("anna", 4)
    assert dict(run().skipped) == {"too_few_products": 1}


def sent_order(user, products, *, days, name="Anna Smith"):
    """An order that was sent so many days ago to somebody of this name."""
    first, last = name.split()
    country, _ = Country.objects.get_or_create(iso_3166_1_a2="GB", defaults={"printable_name": "UK"})
    address = ShippingAddress.objects.create(first_name=first, last_name=last, line1="1", country=country)
    order = shop.create_past_order(user, products, days_ago=days)
    Order.objects.filter(pk=order.pk).update(shipping_address=address)
    kind, _ = ShippingEventType.objects.get_or_create(name="Shipped")
    event = ShippingEvent.objects.create(order=order, event_type=kind)
    ShippingEvent.objects.filter(pk=event.pk).update(date_created=timezone.now() - timedelta(days=days))
    return order


def test_some_days_after_the_sending_what_goes_with_an_order_is_told_and_not_for_gifts(trained, switch_on):
    users, products = trained
    switch_on("after_the_order")
    User.objects.update(first_name="Anna", last_name="Smith")
    for user in users[:4:2]:
        offered(user)
    order = sent_order(users[0], [products[4]], days=10)
    sent_order(users[2], [products[4]], days=10, name="Bert Miller")
    sent_order(users[2], [products[4]], days=5)
    sent_order(users[2], [products[4]], days=20)
    assert sweep_messages(timezone.now()) == 1
    assert Delivery.objects.get().source_id == order.pk


def test_of_what_came_back_nothing_is_told(trained, switch_on):
    users, products = trained
    switch_on("after_the_order")
    offered(users[0])
    order = sent_order(users[0], [products[4]], days=10)
    Order.objects.filter(pk=order.pk).update(status="Cancelled")
    assert dict(run().skipped) == {"too_few_products": 1}


def test_what_goes_with_an_order_is_new_to_its_buyer(trained, switch_on):
    _, products = trained
    switch_on("after_the_order")
    anna = shop.create_customer("anna")
    sent_order(anna, [products[0]], days=10)
    offered(anna)
    assert run().sent == 1
    (sent,) = mail.outbox
    assert sent.body.count("from-message") == 3 and "Product 0," not in sent.body
