"""A lower price is told to who is interested in the product, truly lower than in 30 days, and as long as it is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone
from oscar.apps.partner.models import StockRecord
from oscar.apps.wishlists.models import WishList

from personalization.lifecycle.kinds import cheaper_now
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery, PriceSeen, SensitiveCategory
from personalization.train.seen_prices import note_prices
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import leave_basket, run, send_kind
from tests.lifecycle.test_looked import view
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def telling(settings, monkeypatch):
    """The shop tells everybody of lower prices."""
    send_kind(settings, monkeypatch, "cheaper_now")
    return settings


@pytest.fixture
def lamp(telling):
    """A product that cost 20 for a long time."""
    lamp = shop.create_shop_product("Lamp")
    seen(lamp, "20.00", *range(1, 32))
    return lamp


def seen(product, price, *days_ago):
    today = timezone.localdate()
    PriceSeen.objects.bulk_create(
        PriceSeen(product_id=product.pk, currency="USD", day=today - timedelta(days=days), lowest=Decimal(price))
        for days in days_ago
    )


def costs(product, price):
    """The product's price from now on, which the nightly run sees."""
    StockRecord.objects.filter(product=product).update(price=price)
    note_prices(timezone.now().timestamp())


def offered_customer(name="anna"):
    user = shop.create_customer(name)
    allow(user, purpose="offers")
    return user


def wish(user, product):
    WishList.objects.create(owner=user).add(product)


def test_who_wished_for_it_put_it_into_a_basket_or_came_back_to_it_gets_one_mail(lamp):
    anna, bert, carl, once = map(offered_customer, ("anna", "bert", "carl", "once"))
    wish(anna, lamp)
    leave_basket(bert, [lamp])
    view(carl, lamp, 300, 200)
    view(once, lamp, 100)
    wish(shop.create_customer("nobody"), lamp)
    costs(lamp, "15.00")
    assert run().sent == 3 and run(hours=1).sent == 0
    assert {sent.to[0].partition("@")[0] for sent in mail.outbox} == {"anna", "bert", "carl"}
    text = mail.outbox[0].body
    assert (mail.outbox[0].subject, "Now $15.00" in text) == ("Lamp costs less", True)
    assert "The lowest price of the last 30 days was $20.00: now it is 25 % less." in text


@pytest.mark.parametrize(
    ("before", "price", "due"),
    [("20.00", "18.01", 0), ("20.00", "18.00", 1), ("10.00", "8.50", 0), ("10.00", "8.00", 1), ("100.00", "91.00", 0)],
)
def test_it_takes_a_tenth_and_two_of_the_currency(telling, before, price, due):
    lamp = shop.create_shop_product("Lamp")
    seen(lamp, before, *range(1, 32))
    wish(offered_customer(), lamp)
    costs(lamp, price)
    assert sweep_messages(timezone.now()) == due


def test_the_lowest_price_of_30_days_counts_and_not_the_last_one(lamp):
    PriceSeen.objects.filter(product_id=lamp.pk, day=timezone.localdate() - timedelta(days=30)).update(lowest=15)
    wish(offered_customer(), lamp)
    costs(lamp, "14.50")
    assert sweep_messages(timezone.now()) == 0
    PriceSeen.objects.filter(product_id=lamp.pk, day=timezone.localdate() - timedelta(days=30)).update(lowest=20)
    PriceSeen.objects.filter(product_id=lamp.pk, day=timezone.localdate() - timedelta(days=31)).update(lowest=15)
    assert sweep_messages(timezone.now()) == 1


def test_without_30_days_only_the_price_is_said(telling):
    lamp = shop.create_shop_product("Lamp")
    seen(lamp, "20.00", *range(1, 30))
    wish(offered_customer(), lamp)
    costs(lamp, "12.90")
    assert run().sent == 1
    text = mail.outbox[0].body + mail.outbox[0].alternatives[0].content
    assert "Now $12.90" in text and "%" not in mail.outbox[0].body.partition("http")[0] and "lowest" not in text


def test_a_price_that_went_back_is_not_told(lamp):
    wish(offered_customer(), lamp)
    costs(lamp, "15.00")
    sweep_messages(timezone.now())
    StockRecord.objects.update(price="19.00")
    run()
    assert [(row.state, row.why) for row in Delivery.objects.all()] == [("skipped", "price_back")]


def test_who_has_prices_of_their_own_is_not_told_as_nobody_saw_what_theirs_were(lamp, monkeypatch):
    wish(offered_customer(), lamp)
    costs(lamp, "15.00")
    sweep_messages(timezone.now())
    monkeypatch.setattr(cheaper_now, "stranger_price", lambda product: ("USD", Decimal("16.00")))
    assert dict(run().skipped) == {"price_back": 1}


def test_who_bought_it_is_not_told_nor_of_what_is_sold_out_or_sensitive(lamp):
    pill = shop.create_shop_product("Pill", shop.create_from_breadcrumbs("Health"))
    seen(pill, "20.00", *range(1, 32))
    anna, bert, carl = map(offered_customer, ("anna", "bert", "carl"))
    wish(anna, lamp)
    wish(bert, pill)
    wish(carl, lamp)
    costs(lamp, "15.00")
    costs(pill, "15.00")
    assert sweep_messages(timezone.now()) == 3
    shop.create_past_order(anna, [lamp], days_ago=3)
    SensitiveCategory.objects.create(category=pill.categories.get())
    assert dict(run().skipped) == {"bought": 1, "too_few_products": 1}
    assert len(mail.outbox) == 1


def test_of_two_products_the_one_with_the_largest_drop_is_told(lamp):
    vase = shop.create_shop_product("Vase")
    seen(vase, "20.00", *range(1, 32))
    anna = offered_customer()
    wish(anna, lamp)
    wish(anna, vase)
    costs(lamp, "15.00")
    costs(vase, "10.00")
    assert run().sent == 1
    assert mail.outbox[0].subject == "Vase costs less"


def test_the_nightly_run_keeps_the_lowest_of_a_day_and_forgets_old_ones(lamp):
    costs(lamp, "15.00")
    costs(lamp, "19.00")
    today = timezone.localdate()
    assert PriceSeen.objects.get(product_id=lamp.pk, day=today).lowest == 15
    seen(lamp, "20.00", 41, 40)
    note_prices(timezone.now().timestamp())
    assert min(PriceSeen.objects.values_list("day", flat=True)) == today - timedelta(days=40)
    alerts.set_stock(lamp, 0)
    PriceSeen.objects.all().delete()
    assert note_prices(timezone.now().timestamp()) == 0


def test_the_nightly_run_of_the_shop_notes_the_price_of_each_product(trained):
    _, products = trained
    found = PriceSeen.objects.values_list("product_id", "currency", "lowest")
    assert sorted(found) == sorted((product.pk, "USD", Decimal("3.50")) for product in products)
