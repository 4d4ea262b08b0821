"""Who does not want to be reminded of a product, now or ever, is not; it can be undone, and no stranger answers."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from personalization.lifecycle.reminder_choice import read_reminder_token
from personalization.models import Definition, Delivery, ReminderAnswer, SweepTurn
from personalization.privacy import data_export, identity
from tests.lifecycle import alerts
from tests.lifecycle.left_baskets import run
from tests.lifecycle.test_due_again import bought, buyer, found, reminding, tea  # noqa: F401
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reminding")]


@pytest.fixture
def link(tea):  # noqa: F811
    """Anna was reminded of tea; the link in her mail."""
    buyer(tea, 87, 57, 27)
    assert run().sent == 1
    sent = mail.outbox[0]
    (address,) = set(re.findall(r"https://shop.example(/personalization/reminders/\S+)", sent.body))
    assert f'href="https://shop.example{address}"' in sent.alternatives[0].content
    return address


def due_in(days):
    Delivery.objects.all().delete()
    SweepTurn.objects.all().delete()
    return run(hours=24 * days).sent


def test_opening_the_link_changes_nothing_and_a_stranger_may_press_without_signing_in(link):
    client = Client(enforce_csrf_checks=True)
    page = client.get(link).content.decode()
    assert "Tea" in page and page.count('type="submit" name="answer"') == 2
    assert "Nothing has been changed yet." in page and not ReminderAnswer.objects.exists()
    assert "noindex" in page and "no-referrer" in page
    page = client.post(link, {"answer": "never"}).content.decode()
    assert "We do not remind you of this product any more." in page
    assert ReminderAnswer.objects.get().until is None
    assert client.post(link, {"answer": "perhaps"}).status_code == 400


@pytest.mark.parametrize("token", ["x", "WyIxIiwxXQ:1:aaaa"])
def test_a_forged_link_changes_nothing(token, client):
    assert read_reminder_token(token) is None
    address = reverse("personalization:reminder", args=[token])
    assert client.get(address).status_code == client.post(address, {"answer": "never"}).status_code == 404
    assert not ReminderAnswer.objects.exists()


def test_never_is_never_also_for_what_is_due_already(link, client):
    Delivery.objects.all().delete()
    assert found() == 1
    client.post(link, {"answer": "never"})
    assert dict(run().skipped) == {"not_wanted": 1} and len(mail.outbox) == 1
    assert found() == 0


def test_later_is_two_weeks_later_and_ends_with_a_purchase(link, client, tea):  # noqa: F811
    client.post(link, {"answer": "later"})
    assert due_in(1) == due_in(13) == 0
    assert due_in(15) == 1
    bought(ReminderAnswer.objects.get().user, tea, 0)
    ReminderAnswer.objects.update(answered_at=timezone.now() - timedelta(days=1))
    assert due_in(15) == 0


def test_other_products_are_reminded_of(link, client, tea):  # noqa: F811
    client.post(link, {"answer": "never"})
    bought(ReminderAnswer.objects.get().user, shop.create_shop_product("Coffee"), 87, 57, 27)
    mail.outbox.clear()
    assert due_in(0) == 1 and "Coffee" in mail.outbox[0].body and "Tea," not in mail.outbox[0].body


def test_customers_see_it_undo_it_download_it_and_have_it_erased(link, client):
    client.post(link, {"answer": "never"})
    anna = ReminderAnswer.objects.get().user
    client.force_login(anna)
    page = client.get(reverse("personalization:privacy")).content.decode()
    section = page.split('id="personalization-reminders"')[1].split("</section>")[0]
    assert "Tea" in section and "Never." in section and "Remind me again" in section
    (row,) = data_export.visitor_tables(anna.pk, None)["personalization.ReminderAnswer"]
    assert row["product_name"] == "Tea"
    key = ReminderAnswer.objects.get().product_id
    stranger = Client()
    stranger.post(reverse("personalization:privacy_reminders"), {"product": key})
    assert ReminderAnswer.objects.exists()
    page = client.post(reverse("personalization:privacy_reminders"), {"product": key}, follow=True).content.decode()
    assert "personalization-reminders-title" not in page and not ReminderAnswer.objects.exists()
    client.post(link, {"answer": "later"})
    identity.erase_customer(anna.pk, timezone.now())
    assert not ReminderAnswer.objects.exists()


def test_in_the_shop_the_link_is_there_and_the_answer_takes_the_notification_back(tea, client):  # noqa: F811
    Definition.objects.all().delete()
    alerts.publish_message("due_again", channels=["shop"])
    anna = buyer(tea, 87, 57, 27)
    shop.grant_consent(anna)
    assert run().sent == 1
    (address,) = re.findall(r'href="(/personalization/reminders/[^"]+)"', anna.notifications.get().body)
    client.post(address, {"answer": "later"})
    assert dict(run(hours=1).taken_back) == {"not_wanted": 1} and not anna.notifications.exists()
