"""What is stored of messages is in the export, goes with its person and with time, and holds no address."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from personalization.models import ChannelConsent, Delivery, Suppression
from personalization.privacy import data_export, retention
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(switched_on):
    """A customer who was told about one product, and waits for another."""
    user, _ = alerts.waiting_customer("anna", shop.create_shop_product("Tea", stock=5))
    alerts.sweep_and_send()
    alerts.dated(shop.create_shop_product("Coffee", stock=0).productalert_set.create(user=user), 60)
    return user


def erase(user):
    client = Client()
    client.force_login(user)
    assert client.post(reverse("personalization:privacy_erase")).status_code in (200, 302)


def test_the_export_names_the_product_and_says_what_became_of_the_message(anna):
    tables = data_export.visitor_tables(anna.pk, None)
    (row,) = tables["personalization.Delivery"]
    assert (row["product_name"], row["state"], row["kind"]) == ("Tea", "sent", "back_in_stock")
    assert [row["source"] for row in tables["personalization.ChannelConsent"]] == ["product alert"] * 2


def test_the_download_says_whether_ones_own_address_is_written_to(anna, client):
    client.force_login(anna)

    def suppressed(content=None):
        content = content or json.loads(client.get(reverse("personalization:privacy_download")).getvalue())
        return [(row["channel"], row["purpose"], row["reason"]) for row in content["suppressed"]]

    Suppression.objects.suppress(hash_address("ben@example.com"), "complained", timezone.now())
    assert suppressed() == []
    Suppression.objects.suppress(hash_address("ANNA@example.com"), "bounced", timezone.now())
    Suppression.objects.suppress(hash_address(anna.email), "unsubscribed", timezone.now(), purpose="offers")
    assert suppressed() == [("email", "all", "bounced"), ("email", "offers", "unsubscribed")]
    assert suppressed(client.get(reverse("personalization:api:data")).json()) == suppressed()


def test_erasure_takes_all_of_it_and_nothing_is_sent_of_what_was_asked_for_before(anna):
    erase(anna)
    assert not Delivery.objects.exists() and not ChannelConsent.objects.exists()
    assert [row.reason for row in Suppression.objects.all()] == ["erased"]
    mail.outbox.clear()
    alerts.set_stock(anna.alerts.get(product__title="Coffee").product, 5)
    assert (dict(alerts.sweep_and_send().skipped), mail.outbox) == ({"suppressed": 1}, [])


def test_who_asks_anew_after_erasure_is_told(anna):
    erase(anna)
    Suppression.objects.update(at=timezone.now() - timedelta(hours=3))
    mail.outbox.clear()
    alerts.set_stock(anna.alerts.get(product__title="Coffee").product, 5)
    assert alerts.sweep_and_send().sent == 1


def test_the_page_of_ones_data_says_what_is_stored_of_messages_to_those_who_have_some(anna, client):
    sentence = "What you asked to be told about, in which language, and what became of our messages to you"
    client.force_login(anna)
    page = reverse("personalization:privacy")
    shown = client.get(page).content.decode()
    assert f"{sentence} is stored for 390 days" in shown
    assert "what you ordered in the two weeks after that, and whether you ended messages" in shown
    confirmed = client.get(reverse("personalization:privacy_erase_confirm")).content.decode()
    assert "what you asked to be told about or allowed us to write, and what became of our messages" in confirmed
    erase(anna)
    assert sentence not in client.get(page).content.decode()


def test_erasure_in_a_shop_without_messages_stores_nothing_of_them():
    anna = shop.create_customer("anna")
    erase(anna)
    assert not Suppression.objects.exists()


def test_no_table_holds_an_address(anna):
    for model in (Delivery, ChannelConsent, Suppression):
        assert "anna" not in str(list(model.objects.values()))


def test_old_messages_and_requests_are_dropped_and_suppressions_stay(anna):
    Suppression.objects.suppress("x", "unsubscribed", timezone.now())
    late = timezone.now() + timedelta(days=391)
    assert retention.rows_due(late).messages == retention.apply_retention(late).messages == 3
    assert not Delivery.objects.exists() and not ChannelConsent.objects.exists() and Suppression.objects.exists()
