"""Who left a basket is reminded of what is in it and can be bought, once or twice, and never of what they bought."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from oscar.apps.basket.models import Basket, Line
from oscar.apps.order.models import Order

from personalization.lifecycle.kinds.basket_left import kind
from personalization.lifecycle.sweep import sweep_messages
from personalization.measure.outcomes import measure_outcomes
from personalization.models import Credit, Delivery, Event, SensitiveCategory, Visitor
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import leave_basket, reminded_customer, run, send_kind
from tests.lifecycle.test_message_products import BROWSER
from tests.measure.orders import place_order
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminding(settings, monkeypatch):
    """The shop reminds everybody of left baskets."""
    send_kind(settings, monkeypatch, "basket_left")
    return settings


@pytest.fixture
def anna(reminding):
    return reminded_customer()


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea")


@pytest.fixture
def jam(db):
    return shop.create_shop_product("Jam")


def outcomes():
    return sorted((row.state, row.why) for row in Delivery.objects.all())


def test_a_basket_that_was_left_for_four_hours_brings_one_mail(anna, tea, jam):
    leave_basket(anna, [tea, jam], hours_ago=3.9)
    assert sweep_messages(timezone.now()) == 0
    assert (run(hours=1).sent, run(hours=2).sent, run(hours=30).sent) == (1, 0, 0)
    (sent,) = mail.outbox
    assert sent.to == ["anna@example.com"]
    assert "1 x Tea, $3.50\nhttps://" in sent.body and "1 x Jam, $3.50\n" in sent.body
    assert "Prices are those of today" in sent.body and " left" not in sent.body.partition("Today it costs")[2]


def test_the_prices_are_those_of_today_and_few_pieces_are_told_only_where_it_is_true(anna, tea, jam):
    leave_basket(anna, [tea, jam], quantity=2)
    tea.stockrecords.update(price="2.75", num_in_stock=2)
    jam.stockrecords.update(num_in_stock=5, num_allocated=2)
    assert run().sent == 1
    assert "2 x Tea, $2.75 (2 left)" in mail.outbox[0].body
    assert "2 x Jam, $3.50 (3 left)" in mail.outbox[0].body
    assert mail.outbox[0].alternatives[0].content.count(" left)") == 2


def test_who_did_not_allow_reminders_or_took_it_back_is_not_looked_at(reminding, tea):
    nobody, gone = shop.create_customer("nobody"), reminded_customer("gone")
    allow(gone, "withdrawn", purpose="reminders")
    allow(nobody, purpose="offers")
    for user in (nobody, gone):
        leave_basket(user, [tea])
    assert sweep_messages(timezone.now()) == 0


@pytest.mark.parametrize("status", ["Merged", "Saved", "Frozen", "Submitted"])
def test_only_open_baskets_count_when_found_and_when_decided(anna, tea, status):
    leave_basket(anna, [tea], status=status)
    assert sweep_messages(timezone.now()) == 0
    basket = leave_basket(anna, [tea])
    sweep_messages(timezone.now())
    Basket.objects.filter(pk=basket.pk).update(status=status)
    run()
    assert outcomes() == [("skipped", "bought" if status == "Submitted" else "emptied")]


def test_baskets_of_guests_and_old_ones_are_left_alone(anna, tea):
    leave_basket(None, [tea])
    leave_basket(anna, [tea], hours_ago=7 * 24 + 1)
    assert sweep_messages(timezone.now()) == 0


def test_who_bought_it_elsewhere_a_second_before_is_not_told_and_other_lines_stay(anna, tea, jam):
    leave_basket(anna, [tea])
    sweep_messages(timezone.now())
    shop.create_past_order(anna, [tea], days_ago=1 / 86400)
    run()
    assert outcomes() == [("skipped", "bought")]
    other = reminded_customer("bert")
    leave_basket(other, [tea, jam])
    order = shop.create_past_order(None, [tea], days_ago=0.1)
    Order.objects.filter(pk=order.pk).update(guest_email="Bert@example.com")
    assert run().sent == 1
    assert "Jam" in mail.outbox[0].body and "Tea" not in mail.outbox[0].body


def test_what_was_bought_before_it_was_put_in_or_cancelled_is_no_purchase(anna, tea):
    leave_basket(anna, [tea])
    shop.create_past_order(anna, [tea], days_ago=2)
    shop.create_past_order(anna, [tea], days_ago=0.1, status="Cancelled")
    assert run().sent == 1


def test_another_variant_that_was_bought_counts_as_the_product(anna):
    small, large = variants()
    leave_basket(anna, [small])
    shop.create_past_order(anna, [large], days_ago=0.1)
    run()
    assert outcomes() == [("skipped", "bought")]


def variants():
    from oscar.test.factories import create_product

    parent = create_product(title="Shirt", structure="parent", product_class="Shirts")
    return [
        create_product(
            title=size, structure="child", parent=parent, price=Decimal("9"), num_in_stock=9, partner_sku=size
        )
        for size in ("Small", "Large")
    ]


def test_what_is_in_use_again_waits_until_it_is_left_again(anna, tea):
    basket = leave_basket(anna, [tea])
    sweep_messages(timezone.now())
    Line.objects.filter(basket=basket).update(date_updated=timezone.now())
    run()
    assert outcomes() == [("skipped", "in_use")]
    assert (run(hours=3).sent, run(hours=5).sent) == (0, 1)


def test_an_emptied_basket_and_one_of_nothing_that_can_be_bought_bring_none(anna, tea):
    basket = leave_basket(anna, [tea])
    sweep_messages(timezone.now())
    Line.objects.filter(basket=basket).delete()
    run()
    assert outcomes() == [("skipped", "emptied")]
    Delivery.objects.all().delete()
    leave_basket(anna, [tea])
    alerts.set_stock(tea, 0)
    run()
    assert outcomes() == [("skipped", "too_few_products")] and mail.outbox == []


def test_what_is_sold_out_hidden_or_sensitive_is_not_in_the_mail(anna, tea, jam):
    pill = shop.create_shop_product("Pill", shop.create_from_breadcrumbs("Health"))
    hidden = shop.create_shop_product("Hidden")
    leave_basket(anna, [tea, jam, pill, hidden])
    SensitiveCategory.objects.create(category=pill.categories.get())
    type(hidden).objects.filter(pk=hidden.pk).update(is_public=False)
    alerts.set_stock(jam, 0)
    assert run().sent == 1
    text = mail.outbox[0].body + mail.outbox[0].alternatives[0].content
    assert "Tea" in text and not any(title in text for title in ("Jam", "Pill", "Hidden"))


def test_the_second_mail_comes_after_two_days_of_a_basket_worth_more_than_usual(anna, tea, jam):
    shop.create_past_order(anna, [tea], days_ago=40)
    leave_basket(anna, [tea, jam])
    assert (run().sent, run(hours=40).sent, run(hours=44).sent, run(hours=70).sent) == (1, 0, 1, 0)
    assert [row.dedupe.rpartition(":")[2] for row in Delivery.objects.order_by("dedupe")] == ["1", "2"]


def test_of_a_usual_basket_or_without_an_order_to_compare_there_is_no_second_one(anna, tea):
    other = reminded_customer("bert")
    shop.create_past_order(anna, [tea], days_ago=40)
    for user in (anna, other):
        leave_basket(user, [tea])
    assert run().sent == 2
    assert dict(run(hours=44).skipped) == {"small_basket": 2}


def test_without_a_first_mail_there_is_no_second_one(anna, tea, jam):
    shop.create_past_order(anna, [tea], days_ago=40)
    leave_basket(anna, [tea, jam], hours_ago=60)
    assert run().sent == 1
    assert run(hours=4).sent == 0 and run(hours=45).sent == 1


def test_the_link_leads_to_the_basket_signs_nobody_in_and_what_is_bought_there_is_credited(anna, tea, jam):
    leave_basket(anna, [tea, jam])
    run()
    link = re.search(r"https://shop\.example(/personalization/from-message/basket/\S+)", mail.outbox[0].body)[1]
    stranger = Client(HTTP_USER_AGENT=BROWSER)
    assert stranger.get(link)["Location"] == "/basket/"
    assert "_auth_user_id" not in stranger.session and not Event.objects.exists()
    client = Client(HTTP_USER_AGENT=BROWSER)
    client.force_login(anna)
    client.get(link)
    visitor = Visitor.objects.get(user=anna)
    place_order(visitor, [(tea, 1, "3.50"), (jam, 1, "3.50")], timezone.now() + timedelta(seconds=1))
    measure_outcomes(timezone.now() + timedelta(hours=1))
    found = Credit.objects.values_list("surface", "row_key", "product_id").order_by("product_id")
    assert list(found) == [("message", "basket_left", tea.pk), ("message", "basket_left", jam.pk)]


def test_what_goes_with_the_basket_stands_below_and_nothing_that_is_in_it(trained, reminding):
    users, products = trained
    allow(users[0], purpose="reminders")
    leave_basket(users[0], [products[4], products[6]])
    run()
    (sent,) = mail.outbox
    added = sent.body.partition("This goes with it:")[2]
    assert added.count("from-message") == 3
    assert "Product 4," not in added and "Product 6," not in added


def test_what_is_bought_between_decision_and_text_is_not_written(anna, tea):
    leave_basket(anna, [tea])
    sweep_messages(timezone.now())
    occasion = kind.read_occasion(Delivery.objects.get())
    assert kind.reason_to_skip(occasion, timezone.now()) is None
    shop.create_past_order(anna, [tea], days_ago=1 / 86400)
    with pytest.raises(LookupError):
        kind.text_values(occasion)
