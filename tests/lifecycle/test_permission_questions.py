"""Customers are asked where they register and after an order: nothing is ticked for them, a yes is kept as proof."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from personalization.merchandising import publishing
from personalization.models import ChannelConsent, Definition
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

FORM = {
    "registration-email": "anna@example.com",
    "registration-password1": "a long enough one",
    "registration-password2": "a long enough one",
    "registration_submit": "Register",
}
LOGIN = "customer:login"


@pytest.fixture
def asking(settings):
    """A message that reminds is live, and one that offers."""
    alerts.switch_on(settings)
    alerts.publish_message("basket_left")
    alerts.publish_message("we_miss_you")
    return settings


def register(client, **ticked):
    client.post(reverse(LOGIN), {**FORM, **ticked})
    return User.objects.get(email="anna@example.com")


def test_the_form_of_registration_asks_and_ticks_nothing(client, asking):
    page = client.get(reverse(LOGIN)).content.decode()
    assert "Mail me reminders" in page and "Mail me offers" in page
    boxes = [tag for tag in page.split("<") if 'name="registration-allow_' in tag]
    assert len(boxes) == 2 and not any("checked" in box for box in boxes)
    register(client)
    assert not ChannelConsent.objects.exists()


def test_a_ticked_box_is_stored_with_where_when_and_which_text(client, asking):
    anna = register(client, **{"registration-allow_reminders": "on"})
    row = ChannelConsent.objects.get()
    assert (row.user, row.purpose, row.state, row.channel) == (anna, "reminders", "granted", "email")
    assert (row.source, row.version, row.language) == ("registration", "1", "en-gb")


def test_only_purposes_of_live_messages_are_asked_for_and_the_setting_ends_it(client, asking):
    publishing.pause(Definition.objects.get(name="we_miss_you"), None)
    page = client.get(reverse(LOGIN)).content.decode()
    assert "Mail me reminders" in page and "Mail me offers" not in page
    register(client, **{"registration-allow_offers": "on"})
    assert not ChannelConsent.objects.exists()
    client.logout()
    asking.PERSONALIZATION = {**asking.PERSONALIZATION, "ASK_TO_ALLOW_MESSAGES": False}
    assert "Mail me" not in client.get(reverse(LOGIN)).content.decode()


def thank_you(client, user):
    client.force_login(user)
    order = shop.create_past_order(user, [shop.create_shop_product("Tea")])
    session = client.session
    session["checkout_order_id"] = order.pk
    session.save()
    return client.get(reverse("checkout:thank-you")).content.decode()


def test_after_an_order_only_what_was_never_answered_is_asked(client, asking):
    anna = User.objects.create_user("anna", "anna@example.com", "x")
    allow(anna, state="withdrawn")
    page = thank_you(client, anna)
    section = page.split('id="personalization-ask-title"')[1].split("</section>")[0]
    assert "Mail me reminders" in section and "Mail me offers" not in section and "checked" not in section
    address = reverse("personalization:allow_messages")
    assert "Nothing was changed." in client.post(address, {}, follow=True).content.decode()
    page = client.post(address, {"purposes": ["reminders"]}, follow=True).content.decode()
    assert "Reminders: on" in page
    row = ChannelConsent.objects.get(state="granted")
    assert (row.user, row.purpose, row.source) == (anna, "reminders", "order confirmation")
    assert "personalization-ask-title" not in thank_you(client, anna)


def test_strangers_and_shops_without_messages_are_asked_nothing(client, db, django_assert_num_queries):
    from personalization.lifecycle.permission_questions import asked_purposes, open_questions

    with django_assert_num_queries(0):
        assert asked_purposes(None) == [] and open_questions(User(email="x@example.com"), None) == []
    assert client.post(reverse("personalization:allow_messages"), {"purposes": ["offers"]}).status_code == 302
    assert not ChannelConsent.objects.exists()


def test_a_fault_of_ours_keeps_nobody_from_registering(client, asking, monkeypatch):
    from personalization.pages import registration

    monkeypatch.setattr(registration, "allow_ticked", lambda *arguments: 1 / 0)
    assert register(client, **{"registration-allow_reminders": "on"}).pk
    monkeypatch.setattr(registration, "asked_purposes", lambda now: 1 / 0)
    client.logout()
    assert client.get(reverse(LOGIN)).status_code == 200
