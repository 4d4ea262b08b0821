"""How readers end messages: one click of a mail program, or a page; programs that follow links change nothing."""

import re
from datetime import timedelta

import pytest
from django.core import mail, signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oscar.apps.customer.models import ProductAlert

from personalization.lifecycle.unsubscribe import SALT
from personalization.models import ChannelConsent, Delivery, Suppression
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def link(switched_on):
    """The address in the mail that anna got."""
    tea = shop.create_shop_product("Tea", stock=5)
    alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    (sent,) = mail.outbox
    mail.outbox.clear()
    return sent.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("https://shop.example")


def waits_again(minutes_ago=60):
    coffee = shop.create_shop_product("Coffee", stock=5)
    anna = ProductAlert.objects.get(product__title="Tea").user
    return alerts.dated(ProductAlert.objects.create(user=anna, product=coffee), minutes_ago)


def suppressed():
    return sorted(Suppression.objects.values_list("purpose", "reason"))


def test_one_click_acts_at_once_without_a_cookie_a_sign_in_or_a_token_of_a_form(link):
    waits_again()
    for _ in range(2):
        answer = Client(enforce_csrf_checks=True).post(link, ONE_CLICK)
        assert (answer.status_code, answer.content, dict(answer.cookies)) == (200, b"", {})
    assert suppressed() == [("asked_for", "unsubscribed")]
    assert [row.state for row in ChannelConsent.objects.order_by("pk")] == ["granted", "granted", "withdrawn"]
    result = alerts.sweep_and_send()
    assert (dict(result.skipped), mail.outbox) == ({"no_permission": 1}, [])


def test_who_asks_anew_after_that_is_told(link):
    Client().post(link, ONE_CLICK)
    Suppression.objects.update(at=timezone.now() - timedelta(hours=3))
    ChannelConsent.objects.update(recorded_at=timezone.now() - timedelta(hours=3))
    waits_again(minutes_ago=60)
    assert alerts.sweep_and_send().sent == 1


def test_programs_that_follow_all_links_change_nothing(link):
    page = Client(enforce_csrf_checks=True)
    for _ in range(3):
        answer = page.get(link, HTTP_USER_AGENT="Mozilla/5.0 (compatible; SafeLinks)")
        assert page.head(link).status_code == answer.status_code == 200
        assert page.options(link).status_code == 405
    text = answer.content.decode()
    assert "We write to a•••@example.com. Nothing has been changed yet." in " ".join(text.split())
    assert "anna@" not in text and set(answer.cookies) <= {"csrftoken"}  # of a form in Oscar's page
    assert "no-store" in answer["Cache-Control"]
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("button", "purpose", "sentence"),
    [
        ("purpose", "asked_for", "gets no message about what was asked for so far"),
        ("everything", "", "gets no more messages from us, except about orders and passwords."),
    ],
)
def test_each_button_of_the_page_does_what_it_says(link, button, purpose, sentence):
    buttons = re.findall(r'name="end" value="(\w+)"', Client().get(link).content.decode())
    assert buttons == ["purpose", "everything"]
    answer = Client(enforce_csrf_checks=True).post(link, {"end": button})
    assert f"a•••@example.com {sentence}" in " ".join(answer.content.decode().split())
    assert suppressed() == [(purpose, "unsubscribed")]
    waits_again()
    alerts.sweep_and_send()
    assert mail.outbox == []


def forged(link):
    token = link.rstrip("/").rpartition("/")[2]
    content = signing.loads(token, salt=SALT)
    yield "x"
    yield token[:-1] + ("A" if token[-1] != "A" else "B")
    yield "A" + token
    yield signing.dumps(content, salt="personalization.visitor")
    yield signing.dumps(content, salt=SALT, key="another key")


def test_a_forged_token_or_one_of_another_purpose_ends_nothing_and_a_mail_program_is_not_told(link):
    for token in forged(link):
        address = reverse("personalization:unsubscribe", args=[token])
        assert Client().post(address, ONE_CLICK).status_code == 200
        assert Client().post(address, {"end": "everything"}).status_code == 200
        answer = Client().get(address)
        assert answer.status_code == 404 and b"This link is not complete, or not ours." in answer.content
    assert not Suppression.objects.exists()


def test_the_token_holds_no_address(link):
    token = link.rstrip("/").rpartition("/")[2]
    assert "anna@" not in str(signing.loads(token, salt=SALT))


def test_a_link_works_after_its_account_is_gone_and_the_address_is_never_written_to_again(link, settings):
    ProductAlert.objects.get().user.delete()
    assert not Delivery.objects.exists() and not ChannelConsent.objects.exists()
    assert Client().post(link, {**ONE_CLICK, "end": "everything"}).status_code == 200
    coffee = shop.create_shop_product("Coffee", stock=5)
    alerts.waiting_guest("Anna@example.com", coffee)
    alerts.sweep_and_send()
    assert mail.outbox == []
