"""Who waits for a product is told when it is back: the oldest first, as many as there are pieces, in their language."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oscar.apps.customer.models import ProductAlert

from personalization.lifecycle.sweep import sweep_messages
from personalization.merchandising import publishing
from personalization.models import ChannelConsent, Definition, Delivery
from tests.lifecycle import alerts
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea(switched_on):
    """A product that is sold out."""
    return shop.create_shop_product("Earl Grey & Co", stock=0)


def recipients():
    return [address for sent in mail.outbox for address in sent.to]


def test_nothing_is_found_while_it_is_sold_out(tea):
    alerts.waiting_customer("anna", tea)
    assert sweep_messages(timezone.now()) == 0


def test_who_waits_gets_one_mail_with_the_product_its_price_and_its_page(tea):
    alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 5)
    assert alerts.sweep_and_send().sent == 1
    assert alerts.sweep_and_send().sent == 0
    (sent,) = mail.outbox
    html = sent.alternatives[0].content
    assert (sent.to, sent.subject) == (["anna@example.com"], "Earl Grey & Co is back in stock")
    page = f"https://shop.example{tea.get_absolute_url()}"
    assert "Earl Grey & Co\n$3.50\n" + page in sent.body
    assert "Earl Grey &amp; Co</a>" in html and page in html and "$3.50" in html
    assert "people wait for it" not in sent.body + html
    assert ProductAlert.objects.get().status == ProductAlert.CLOSED


def test_stock_that_is_gone_again_within_half_an_hour_tells_nobody_and_the_next_stock_does(tea):
    alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 5)
    sweep_messages(timezone.now())
    alerts.set_stock(tea, 0)
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.skipped)) == (0, {"sold_out": 1})
    alerts.set_stock(tea, 5)
    assert alerts.sweep_and_send().sent == 1
    assert recipients() == ["anna@example.com"]


def test_of_200_who_wait_for_3_pieces_the_oldest_3_are_told_each_day(tea):
    for n in range(200):
        alerts.waiting_guest(f"guest{n}@example.com", tea, minutes_ago=1000 - n)
    alerts.set_stock(tea, 3)
    today = timezone.now()
    for hours in (0, 1, 23):
        alerts.sweep_and_send(today + timedelta(hours=hours))
    assert recipients() == [f"guest{n}@example.com" for n in range(3)]
    assert "200 people wait for it, and there are 3 pieces." in mail.outbox[0].body
    assert "198 people wait for it, and there are 3 pieces." in mail.outbox[2].alternatives[0].content
    alerts.sweep_and_send(today + timedelta(hours=25))
    assert recipients()[3:] == [f"guest{n}@example.com" for n in range(3, 6)]


def test_more_stock_on_the_same_day_tells_more_people(tea):
    for n in range(6):
        alerts.waiting_guest(f"guest{n}@example.com", tea, minutes_ago=1000 - n)
    alerts.set_stock(tea, 2)
    assert alerts.sweep_and_send().sent == 2
    alerts.set_stock(tea, 5)
    assert alerts.sweep_and_send(timezone.now() + timedelta(hours=2)).sent == 3


def test_pieces_that_are_in_somebodys_order_are_not_free(tea):
    alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 3)
    tea.stockrecords.update(num_allocated=3)
    assert sweep_messages(timezone.now()) == 0


def test_a_guest_who_did_not_confirm_is_not_written_to(tea):
    alerts.waiting_guest("guest@example.com", tea, confirmed=False)
    alerts.set_stock(tea, 5)
    assert sweep_messages(timezone.now()) == 0


def test_nobody_waits_longer_than_half_a_year(tea):
    alerts.waiting_customer("anna", tea, minutes_ago=181 * 24 * 60)
    alerts.set_stock(tea, 5)
    assert sweep_messages(timezone.now()) == 0


def test_a_hidden_product_is_nobodys_news(tea):
    alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 5)
    type(tea).objects.update(is_public=False)
    assert sweep_messages(timezone.now()) == 0


def test_who_bought_it_a_second_before_is_not_told(tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    alerts.waiting_guest("guest@example.com", tea)
    alerts.set_stock(tea, 5)
    sweep_messages(timezone.now())
    shop.create_past_order(anna, [tea], days_ago=1 / 86400)
    guest = shop.create_past_order(None, [tea], days_ago=1 / 86400)
    type(guest).objects.filter(pk=guest.pk).update(guest_email="Guest@example.com")
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.skipped), mail.outbox) == (0, {"bought": 2}, [])


def test_who_bought_it_in_a_store_meanwhile_is_not_told(tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    alerts.waiting_customer("ben", tea)
    alerts.set_stock(tea, 5)
    buy_in_store(anna, [tea], days_ago=1 / 86400)
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.skipped)) == (1, {"bought": 1})


def test_an_order_that_was_cancelled_is_no_purchase(tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 5)
    shop.create_past_order(anna, [tea], days_ago=0.01, status="Cancelled")
    assert alerts.sweep_and_send().sent == 1


def test_who_cancelled_the_alert_meanwhile_is_not_told(tea):
    _, alert = alerts.waiting_customer("anna", tea)
    alerts.set_stock(tea, 5)
    sweep_messages(timezone.now())
    alert.cancel()
    assert dict(alerts.sweep_and_send().skipped) == {"no_permission": 1}


def test_the_mail_is_in_the_language_of_the_page_on_which_the_alert_was_set(tea, client):
    User.objects.create_user("anna", "anna@example.com", "x")
    client.force_login(User.objects.get())
    address = reverse("customer:alert-create", args=[tea.pk])
    assert client.post(address, HTTP_ACCEPT_LANGUAGE="de").status_code == 302
    assert ChannelConsent.objects.get().language == "de"
    alerts.set_stock(tea, 5)
    alerts.sweep_and_send()
    (sent,) = mail.outbox
    assert sent.subject == "Earl Grey & Co ist wieder da"
    assert '<html lang="de">' in sent.alternatives[0].content
    assert "Sie wollten Bescheid bekommen" in sent.body


def test_a_guest_is_known_by_their_address_also_in_their_language(tea, client):
    client.post(reverse("customer:alert-create", args=[tea.pk]), {"email": "guest@example.com"})
    confirmation, alert = mail.outbox.pop(), ProductAlert.objects.get()
    assert alert.key in confirmation.body and ChannelConsent.objects.count() == 0
    client.get(alert.get_confirm_url(), HTTP_ACCEPT_LANGUAGE="de")
    assert [(row.user_id, row.language) for row in ChannelConsent.objects.all()] == [(None, "de")]
    alerts.set_stock(tea, 5)
    alerts.sweep_and_send()
    assert recipients() == ["guest@example.com"]


def test_oscars_own_sender_is_silent_while_ours_is_on(tea, settings):
    alerts.waiting_customer("anna", tea)
    tea.stockrecords.get().save()
    record = tea.stockrecords.get()
    record.num_in_stock = 5
    record.save()  # Oscar writes to everybody here
    call_command("oscar_send_alerts")
    assert mail.outbox == [] and ProductAlert.objects.get().is_active
    publishing.pause(Definition.objects.get(), None)
    record.save()
    assert recipients() == ["anna@example.com"] and not ProductAlert.objects.get().is_active


def test_variants_count_for_an_alert_on_their_parent(switched_on):
    from oscar.test.factories import create_product

    parent = create_product(structure="parent", title="Shirt", product_class="Clothing")
    child = create_product(structure="child", parent=parent, title="M", price="9.00", num_in_stock=2)
    for n in range(4):
        alerts.waiting_guest(f"guest{n}@example.com", parent, minutes_ago=100 - n)
    alerts.waiting_guest("child@example.com", child)
    assert alerts.sweep_and_send().sent == 3
    assert sorted(recipients()) == ["child@example.com", "guest0@example.com", "guest1@example.com"]
    assert "from $9.00" in next(sent.body for sent in mail.outbox if sent.to == ["guest0@example.com"])


def test_a_title_is_text_and_nothing_else(switched_on):
    tea = shop.create_shop_product("<b>Tea</b>\r\nBcc: x@example.com {{ user }}", stock=3)
    alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    (sent,) = mail.outbox
    assert sent.subject == "<b>Tea</b> Bcc: x@example.com {{ user }} is back in stock"
    assert "<b>" not in sent.alternatives[0].content and recipients() == ["anna@example.com"]


def test_the_sweep_asks_the_same_number_of_queries_whoever_waits(tea, django_assert_max_num_queries):
    for n in range(30):
        alerts.waiting_guest(f"guest{n}@example.com", tea)
    alerts.set_stock(tea, 30)
    with django_assert_max_num_queries(12):
        assert sweep_messages(timezone.now()) == 30
    assert Delivery.objects.count() == 30


def test_nothing_is_written_while_messages_are_switched_off(settings, client):
    tea = shop.create_shop_product("Tea", stock=5)
    alerts.waiting_customer("anna", tea)
    assert sweep_messages(timezone.now()) == 0 and not ChannelConsent.objects.exists()
    assert Client().get("/").status_code == 200
