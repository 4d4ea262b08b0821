"""Notifications in the customer's account: under the rules of the mails, and gone before they are read if untrue."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from oscar.apps.communication.models import Notification

from personalization.lifecycle.in_shop import fitting, make_notice
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.lifecycle.unsubscribe import UnsubscribeLink, end_messages
from personalization.models import ChannelConsent, Delivery, Suppression, Visitor
from personalization.models.visitors import Consent, new_visitor_id
from personalization.privacy import identity, retention
from personalization.privacy.message_addresses import hash_address
from tests.lifecycle import alerts, kinds
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

BOTH = ["email", "shop"]


def titles(user=None):
    rows = Notification.objects.order_by("pk") if user is None else user.notifications.order_by("pk")
    return list(rows.values_list("subject", flat=True))


def states():
    rows = Delivery.objects.order_by("dedupe", "channel").values_list("channel", "state", "why")
    return [" ".join(filter(None, row)) for row in rows]


def consenting(name):
    """A customer who agreed to personalisation, and said nothing about messages."""
    user = User.objects.create_user(name, f"{name}@example.com", "x")
    Visitor.objects.create(id=new_visitor_id(), user=user, consent=Consent.GRANTED)
    return user


@pytest.fixture
def tea(settings, db):
    """A product that people wait for, and a message that goes both ways."""
    alerts.switch_on(settings)
    alerts.publish_message(channels=BOTH)
    return shop.create_shop_product("Tea", stock=5)


@pytest.fixture
def greeted(greetings, monkeypatch):
    """Greetings go both ways."""
    from personalization.models import Definition  # the mail-only one of the fixture gives way

    Definition.objects.all().delete()
    alerts.publish_message("greeting", channels=BOTH)
    return greetings


def greet(at=None):
    at = at or timezone.now()
    sweep_messages(at)
    return send_messages(limit=50, clock=lambda: at)


def test_who_waits_is_told_once_by_each_channel_and_the_alert_ends_with_the_last(tea):
    anna, alert = alerts.waiting_customer("anna", tea)
    assert alerts.sweep_and_send().sent == 2
    assert titles(anna) == ["Tea is back in stock"] and [one.to for one in mail.outbox] == [[anna.email]]
    assert states() == ["email sent", "shop sent"]
    alert.refresh_from_db()
    assert not alert.is_active
    for hours in (1, 30, 60):
        alerts.sweep_and_send(timezone.now() + timedelta(hours=hours))
    assert len(titles()) == len(mail.outbox) == 1


def test_guests_have_no_account_to_be_told_in(tea):
    alerts.waiting_guest("guest@example.com", tea)
    assert alerts.sweep_and_send().sent == 1
    assert titles() == [] and states() == ["email sent"]


def test_the_notification_is_read_in_the_account_and_all_of_it_is_escaped(settings, client):
    alerts.switch_on(settings)
    words = {"en-gb": {"subject": "<b>{product}</b>", "opening": "<i>See</i>"}}
    alerts.publish_message(channels=["shop"], wording=words)
    product = shop.create_shop_product('<script>alert("x")</script>', stock=5)
    anna, _ = alerts.waiting_customer("anna", product)
    alerts.sweep_and_send()
    client.force_login(anna)
    page = client.get(reverse("customer:notifications-detail", args=[anna.notifications.get().pk])).content.decode()
    text = page.split("<table")[1].split("</table>")[0]
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text
    assert "&lt;b&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;/b&gt;" in text
    assert "&lt;i&gt;See&lt;/i&gt;" in text and mail.outbox == []
    links = re.findall(r'<a href="([^"]+)">', text.replace("&amp;", "&"))
    assert links == [product.get_absolute_url(), reverse("personalization:privacy")]
    assert "You get this message" not in text and "imprint" not in text


@pytest.mark.parametrize("language", ["en-gb", "de"])
@pytest.mark.parametrize("name", sorted(registered_kinds()))
def test_each_kind_has_a_notification_with_links_into_the_shop(trained, settings, name, language):
    alerts.switch_on(settings)
    kind = registered_kinds()[name]
    notice = make_notice(kind, kind.example(trained[0][0]), language)
    assert 0 < len(notice.title) <= 255
    assert not re.search(r"{{|{%|%\(|\bNone\b|https?://", notice.title + notice.body)
    links = re.findall(r'<a href="(/[^"]*)">[^<]+</a>', notice.body)
    assert len(links) >= 2 and links[-1].endswith(reverse("personalization:privacy").lstrip("/"))
    assert notice.body.count("<a ") == len(links)


def test_a_title_is_cut_before_it_is_escaped():
    assert fitting("a & b", 255) == "a &amp; b"
    cut = fitting("&" * 200, 255)
    assert len(cut) <= 255 and cut.endswith("&amp;…")


def test_who_agreed_to_personalisation_gets_notifications_and_no_mail_that_they_did_not_allow(greeted):
    anna, bert = consenting("anna"), User.objects.create_user("bert", "bert@example.com", "x")
    allow(bert)
    assert greet().sent == 2
    assert titles(anna) == ["Hello anna"] and titles(bert) == []
    assert [one.to for one in mail.outbox] == [["bert@example.com"]]
    assert Delivery.objects.count() == 2


def test_who_withdraws_consent_or_switches_them_off_loses_what_was_not_read(greeted, client):
    anna, bert = consenting("anna"), consenting("bert")
    greet()
    client.force_login(anna)
    page = client.get(reverse("personalization:privacy")).content.decode()
    assert "Notifications in your account: on" in page
    answer = {"purpose": "in_shop", "answer": "no"}
    page = client.post(reverse("personalization:privacy_messages"), answer, follow=True).content.decode()
    assert "Notifications in your account: off" in page and "Allow notifications" in page
    assert set(ChannelConsent.objects.values_list("channel", "state", "user")) == {("shop", "withdrawn", anna.pk)}
    Visitor.objects.filter(user=bert).update(consent=Consent.WITHDRAWN)
    result = greet(timezone.now() + timedelta(minutes=6))
    assert dict(result.taken_back) == {"no_permission": 2} and titles() == []
    client.post(reverse("personalization:privacy_messages"), {**answer, "answer": "yes"})
    kinds.greeting.topics = ("summer",)
    assert greet(timezone.now() + timedelta(minutes=12)).sent == 1 and len(titles(anna)) == 1


def test_the_switch_is_there_only_where_a_message_goes_that_way(client, greetings):
    anna = consenting("anna")
    client.force_login(anna)
    assert "Notifications in your account" not in client.get(reverse("personalization:privacy")).content.decode()
    answer = {"purpose": "in_shop", "answer": "no"}
    page = client.post(reverse("personalization:privacy_messages"), answer, follow=True).content.decode()
    assert "Nothing was changed." in page and not ChannelConsent.objects.exists()


@pytest.mark.parametrize(("everything", "told"), [(False, 1), (True, 0)])
def test_who_ends_all_messages_ends_notifications_too(greeted, everything, told):
    anna = consenting("anna")
    end_messages(UnsubscribeLink(hash_address(anna.email), "offers", ""), timezone.now(), everything=everything)
    assert greet().sent == told == len(titles(anna))


@pytest.mark.parametrize(("reason", "told"), [("bounced", 1), ("complained", 0), ("staff", 0), ("erased", 0)])
def test_of_what_closes_an_address_only_a_bounce_is_about_mails_alone(greeted, reason, told):
    anna = consenting("anna")
    Suppression.objects.suppress(hash_address(anna.email), reason, timezone.now())
    assert greet().sent == told == len(titles(anna))


def test_what_sold_out_before_it_was_read_is_taken_back_and_told_again_with_the_next_stock(tea):
    anna, alert = alerts.waiting_customer("anna", tea)
    Delivery.objects.all().delete()
    from personalization.models import Definition

    Definition.objects.all().delete()
    alerts.publish_message(channels=["shop"])
    now = timezone.now()
    alerts.sweep_and_send(now)
    alerts.set_stock(tea, 0)
    assert dict(alerts.sweep_and_send(now + timedelta(hours=1)).taken_back) == {"sold_out": 1}
    alert.refresh_from_db()
    assert titles() == [] and states() == ["shop skipped sold_out"] and alert.is_active
    alerts.set_stock(tea, 3)
    assert alerts.sweep_and_send(now + timedelta(hours=26)).sent == 1
    assert titles(anna) == ["Tea is back in stock"]


def test_who_bought_it_does_not_find_the_notification(tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    order = shop.create_past_order(anna, [tea])
    type(order).objects.update(date_placed=timezone.now())
    assert dict(alerts.sweep_and_send(timezone.now() + timedelta(minutes=6)).taken_back) == {"bought": 1}
    assert titles() == [] and states() == ["email sent", "shop skipped bought"]


def test_what_was_read_stays_and_is_not_looked_at_again(tea, client):
    anna, _ = alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    client.force_login(anna)
    client.get(reverse("customer:notifications-detail", args=[anna.notifications.get().pk]))
    alerts.set_stock(tea, 0)
    assert not alerts.sweep_and_send(timezone.now() + timedelta(minutes=6)).taken_back
    assert len(titles()) == 1 and Delivery.objects.get(channel="shop").recheck_at is None


def test_three_of_ours_at_most_lie_unread(greeted, monkeypatch, client):
    anna = consenting("anna")
    monkeypatch.setattr(kinds.greeting, "topics", ("a", "b", "c", "d", "e"))
    Notification.objects.create(recipient=anna, subject="From the shop")
    result = greet()
    assert (result.sent, dict(result.waiting)) == (3, {"capped": 2})
    client.force_login(anna)
    client.get(reverse("customer:notifications-detail", args=[anna.notifications.order_by("pk")[1].pk]))
    assert greet(timezone.now() + timedelta(hours=7)).sent == 1
    assert titles(anna).count("Hello anna") == 4


def test_notifications_do_not_count_as_mails_and_know_no_night(greeted, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_QUIET_FROM": 0, "MESSAGE_QUIET_UNTIL": 23}
    anna = consenting("anna")
    allow(anna)
    night = timezone.now().replace(hour=3)
    assert dict(greet(night).waiting) == {"quiet": 1} and len(titles(anna)) == 1
    assert Delivery.objects.sent_times(hash_address(anna.email), anna.pk, night - timedelta(days=1)) == []


def test_erasure_takes_the_notifications_that_are_ours(tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    Notification.objects.create(recipient=anna, subject="From the shop")
    alerts.sweep_and_send()
    assert len(titles(anna)) == 2
    identity.erase_customer(anna.pk, timezone.now())
    assert titles(anna) == ["From the shop"] and not Delivery.objects.exists()


def test_old_notifications_go_with_the_record_of_them(tea):
    alerts.waiting_customer("anna", tea)
    alerts.sweep_and_send()
    retention.apply_retention(timezone.now() + timedelta(days=391))
    assert titles() == []


def test_who_is_held_back_is_held_back_by_every_channel(greetings):
    from personalization.models import Definition, MessageOutcome

    Definition.objects.all().delete()
    alerts.publish_message("greeting", channels=BOTH, hold_back=0.5)
    people = [consenting(f"user{n}") for n in range(20)]
    for user in people:
        allow(user)
    greet()
    held = set(MessageOutcome.objects.filter(arm="held_back").values_list("user", flat=True))
    assert 0 < len(held) < 20 and MessageOutcome.objects.count() == 20
    assert {user.pk for user in people if not user.notifications.exists()} == held
    assert {user.pk for user in people if [user.email] not in [one.to for one in mail.outbox]} == held


def test_the_mail_of_a_message_that_goes_in_the_shop_only_is_not_sent(greetings):
    from personalization.models import Definition

    anna = consenting("anna")
    allow(anna)
    sweep_messages(timezone.now())
    Definition.objects.all().delete()
    alerts.publish_message("greeting", channels=["shop"])
    greet()
    assert states() == ["email skipped other_channel", "shop sent"] and mail.outbox == []


def test_a_mail_server_that_is_down_keeps_no_notification_back(tea, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    anna, alert = alerts.waiting_customer("anna", tea)
    result = alerts.sweep_and_send()
    assert result.sent == 1 and result.outage and len(titles(anna)) == 1
    alert.refresh_from_db()
    assert alert.is_active


def test_a_notification_that_the_shops_own_model_refuses_stops_no_other(tea, monkeypatch):
    from personalization.shop import notifications

    alerts.waiting_customer("anna", tea)
    monkeypatch.setattr(notifications.Notification.objects, "create", lambda **columns: 1 / 0)
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.waiting)) == (1, {"not_rendered": 1})
