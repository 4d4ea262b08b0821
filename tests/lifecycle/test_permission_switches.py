"""Customers allow messages on the page of their data, and take it back there; each answer is kept as proof."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.merchandising import publishing
from personalization.models import ChannelConsent, Definition, Suppression
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle.kinds import allow

pytestmark = pytest.mark.django_db

PAGE, SWITCH = "personalization:privacy", "personalization:privacy_messages"


@pytest.fixture
def anna(client, greetings):
    """Signed in, in a shop that sends greetings, which are offers."""
    user = User.objects.create_user("anna", "anna@example.com", "x")
    client.force_login(user)
    return user


def page(client, language="en-gb"):
    return client.get(reverse(PAGE), HTTP_ACCEPT_LANGUAGE=language).content.decode()


def answer(client, value, purpose="offers"):
    return client.post(reverse(SWITCH), {"purpose": purpose, "answer": value}, follow=True).content.decode()


def greet():
    at = timezone.now()
    sweep_messages(at)
    return send_messages(limit=9, clock=lambda: at)


def test_who_allows_offers_gets_them_and_the_proof_says_where_when_and_of_which_text(client, anna):
    assert "Offers: off" in page(client) and "Allow offers" in page(client)
    shown = answer(client, "yes")
    assert "Saved. It counts from now on." in shown and "Offers: on" in shown and "No offers" in shown
    row = ChannelConsent.objects.get()
    proof = (row.user, row.address_hash, row.state, row.source, row.version, row.language)
    assert proof == (anna, hash_address("anna@example.com"), "granted", "privacy page", "1", "en-gb")
    assert greet().sent == 1 and mail.outbox[0].to == ["anna@example.com"]


def test_who_takes_it_back_gets_none_and_both_answers_are_kept(client, anna):
    answer(client, "yes")
    assert "Offers: off" in answer(client, "no")
    assert list(ChannelConsent.objects.order_by("pk").values_list("state", flat=True)) == ["granted", "withdrawn"]
    assert greet().sent == 0


def test_only_purposes_of_which_a_message_is_live_are_offered(client, anna):
    assert "Reminders" not in page(client)
    answer(client, "yes", "reminders")
    answer(client, "yes", "asked_for")
    publishing.pause(Definition.objects.get(name="greeting"), None)
    assert "Offers: " not in page(client) and "Nothing was changed." in answer(client, "yes")
    assert not ChannelConsent.objects.exists()


def test_a_shop_that_sends_nothing_has_no_such_part_of_the_page(client):
    client.force_login(User.objects.create_user("anna", "anna@example.com", "x"))
    assert "personalization-messages-title" not in page(client)


def test_strangers_children_and_who_has_no_address_are_not_asked(client, greetings, settings):
    assert "Offers: " not in page(client) and "Nothing was changed." in answer(client, "yes")
    client.force_login(User.objects.create_user("bert", "", "x"))
    assert "Offers: " not in page(client) and "Nothing was changed." in answer(client, "yes")
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "IS_CHILD_CALLABLE": "tests.lifecycle.test_permission_switches.is_child",
    }
    client.force_login(User.objects.create_user("carl", "carl@example.com", "x"))
    assert "Offers: " not in page(client)


def is_child(user):
    return user.username == "carl"


def test_who_unsubscribed_by_the_link_sees_it_and_may_allow_it_anew(client, anna):
    allow(anna)
    Suppression.objects.suppress(hash_address(anna.email), "unsubscribed", timezone.now())
    assert "Offers: off" in page(client)
    answer(client, "yes")
    assert "Offers: on" in page(client) and greet().sent == 1


def test_an_address_to_which_mails_came_back_stays_closed_and_is_told_so(client, anna):
    Suppression.objects.suppress(hash_address(anna.email), "bounced", timezone.now() - timedelta(days=9))
    shown = page(client)
    assert "Your address is closed for our messages" in shown and "Allow offers" not in shown
    assert "Nothing was changed." in answer(client, "yes") and not ChannelConsent.objects.exists()


def test_an_unknown_answer_is_refused(client, anna):
    assert client.post(reverse(SWITCH), {"purpose": "offers", "answer": "perhaps"}).status_code == 400
    assert client.get(reverse(SWITCH)).status_code == 405
    assert not ChannelConsent.objects.exists()
