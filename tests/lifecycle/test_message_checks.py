"""What keeps messages from being sent, or sends them twice, is said by `check`; the contract of kinds is tried."""

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization import checks
from personalization.lifecycle.kinds import MessageKind, Occasion, back_in_stock, registered_kinds
from personalization.plugins import REGISTRIES
from personalization.tasks import send_due_messages
from personalization.testing import check_message_kind
from tests.lifecycle import alerts, kinds
from tests.shops import factories as shop


def faults(check):
    return [(message.id, message.msg) for message in check(None)]


def test_a_shop_without_messages_is_told_nothing():
    assert faults(checks.check_messages) == faults(checks.check_alert_sender) == []


def test_a_missing_setting_is_named(settings):
    alerts.switch_on(settings, MESSAGE_BASE_URL="")
    assert faults(checks.check_messages) == [
        (
            "personalization.E010",
            "PERSONALIZATION: MESSAGE_ADDRESS_KEY is set, and MESSAGE_BASE_URL is not: no message can be sent.",
        )
    ]


def test_a_complete_shop_is_told_nothing(switched_on):
    assert faults(checks.check_messages) == faults(checks.check_alert_sender) == []


def test_two_senders_are_named(switched_on, monkeypatch):
    monkeypatch.setattr("personalization.oscar.class_loader.QUIET_ALERTS_MIXIN", "another.Mixin")
    assert faults(checks.check_alert_sender) == [
        (
            "personalization.W011",
            "Oscar's own sender of product alerts stays active: customers get two mails once ours is live.",
        )
    ]


def test_a_kind_that_breaks_the_contract_is_left_out_and_named(settings):
    alerts.switch_on(settings, MESSAGE_KINDS=["tests.lifecycle.test_message_checks.loud"])
    assert "back_in_stock" in registered_kinds() and "loud" not in registered_kinds()
    (fault,) = REGISTRIES["message_kind"].errors()
    assert "its purpose is 'shouting'; expected one of: asked_for, reminders, offers" in fault


class Loud(kinds.Greeting):
    name, purpose = "loud", "shouting"


loud = Loud()


@pytest.mark.django_db
def test_our_kind_keeps_the_contract(switched_on):
    alerts.waiting_customer("anna", shop.create_shop_product("Tea", stock=5))
    check_message_kind(back_in_stock.kind, now())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "broken", [{"name": "No Name"}, {"hold_back": 2}, {"purpose": "shouting"}, {"name": "unheard"}]
)
def test_a_broken_one_does_not(broken):
    kind = type("Broken", (kinds.Greeting,), broken)()
    assert isinstance(kind, MessageKind)
    with pytest.raises(Exception, match=r"its (name|purpose)|holds back|unheard_subject"):
        check_message_kind(kind, now())


class Deaf(kinds.Greeting):
    def example(self, customer=None):
        return Occasion("anna@example.com", User(username="anna"), is_example=True)


def test_a_kind_whose_templates_leave_out_the_shops_own_words_does_not(greetings):
    with pytest.raises(AssertionError, match=r"A mail of greeting does not say the shop's own words\."):
        check_message_kind(Deaf(), now())


@pytest.mark.django_db
def test_the_task_does_what_the_command_does(switched_on, mailoutbox):
    alerts.waiting_customer("anna", shop.create_shop_product("Tea", stock=5))
    send_due_messages()
    assert mailoutbox == []
    from personalization.models import Delivery

    Delivery.objects.update(due_at=now())
    send_due_messages()
    assert [sent.to for sent in mailoutbox] == [["anna@example.com"]]
