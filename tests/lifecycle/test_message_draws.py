"""Who is decided about is drawn into an arm, and what they come to is kept whatever becomes of the mail."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from personalization.lifecycle.decisions import is_held_back
from personalization.models import Definition, Delivery, MessageOutcome
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts, kinds
from tests.lifecycle.alerts import sweep_and_send
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def customers(greetings):
    """Twenty who allow greetings, of which half are held back."""
    Definition.objects.filter(kind="message").delete()
    alerts.publish_message("greeting", hold_back=0.5)
    users = [shop.create_customer(f"customer{number}") for number in range(20)]
    for user in users:
        kinds.allow(user)
    return users


def arms():
    return dict(MessageOutcome.objects.values_list("user", "arm"))


def test_all_are_drawn_by_the_hash_of_their_address_with_the_part_that_was_held_back(customers):
    result = sweep_and_send()
    held = {user.pk for user in customers if is_held_back(kinds.greeting, hash_address(user.email), 0.5)}
    assert 0 < len(held) < 20 and result.sent == 20 - len(held)
    assert {user for user, arm in arms().items() if arm == "held_back"} == held and len(arms()) == 20
    assert set(MessageOutcome.objects.values_list("share", flat=True)) == {0.5}
    assert arms() == dict(Delivery.objects.values_list("user", "arm"))


def test_who_got_no_mail_as_it_could_not_be_made_or_was_refused_counts_with_those_who_did(customers, mail_server):
    server = mail_server(*[(550, "no such user")] * 20)
    sweep_and_send()
    assert server is not None and not Delivery.objects.filter(state="sent").exists()
    assert len(arms()) == 20 and set(arms().values()) == {"treated", "held_back"}


def test_a_text_that_cannot_be_made_counts_too(customers, monkeypatch):
    monkeypatch.setattr(kinds.greeting, "text_values", lambda occasion: {}["nothing"])
    sweep_and_send()
    assert len(arms()) == 20 and "treated" in arms().values() and not mail.outbox


def test_who_may_not_be_written_to_is_not_drawn(customers):
    kinds.allow(customers[0], state="withdrawn", at=kinds.timezone.now())
    sweep_and_send()
    assert len(arms()) == 19 and customers[0].pk not in arms()


def test_where_nobody_is_held_back_nobody_is_drawn(greetings):
    kinds.allow(shop.create_customer("anna"))
    assert sweep_and_send().sent == 1 and not arms()


def test_erasure_leaves_the_draw_and_takes_the_name(customers):
    sweep_and_send()
    client = Client()
    client.force_login(customers[0])
    client.post(reverse("personalization:privacy_erase"))
    assert MessageOutcome.objects.count() == 20 and MessageOutcome.objects.filter(user=None).count() == 1
    assert not Delivery.objects.filter(user=customers[0]).exists()
