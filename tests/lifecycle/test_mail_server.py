"""Each message is handed to a mail server once at most, whatever the server does."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone
from oscar.apps.customer.models import ProductAlert

from personalization.lifecycle.sending import send_messages
from personalization.lifecycle.sweep import sweep_messages
from personalization.models import Delivery
from tests.lifecycle import alerts, kinds
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna(switched_on):
    """A customer who waits for what is in stock."""
    tea = shop.create_shop_product("Tea", stock=5)
    return alerts.waiting_customer("anna", tea)


def stored():
    return [(row.state, row.why, row.attempts) for row in Delivery.objects.order_by("dedupe")]


def test_a_mail_has_text_html_and_the_headers_of_one_click(anna, mail_server):
    server = mail_server()
    assert alerts.sweep_and_send().sent == 1
    (mail,) = server.taken
    row = Delivery.objects.get()
    assert mail["To"] == "anna@example.com" and mail["Message-ID"] == f"<{row.pk}@shop.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip(" <>")
    assert link.startswith("https://shop.example/personalization/messages/")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert all(link in part.get_content() for part in mail.iter_parts())
    assert row.state == "sent" and row.arm == "treated" and row.sent_at is not None


def test_a_server_that_is_busy_is_asked_again_later_and_then_takes_it(anna, mail_server):
    server = mail_server("451 later")
    assert dict(alerts.sweep_and_send().waiting) == {"busy": 1}
    assert stored() == [("due", "busy", 1)] and ProductAlert.objects.get().is_active
    assert alerts.sweep_and_send().sent == 0  # not at once
    assert alerts.sweep_and_send(timezone.now() + timedelta(minutes=15)).sent == 1
    assert server.addresses() == ["anna@example.com"]


def test_a_server_that_refuses_is_not_asked_again(anna, mail_server):
    server = mail_server("554 spam")
    assert dict(alerts.sweep_and_send().failed) == {"refused": 1}
    assert alerts.sweep_and_send(timezone.now() + timedelta(hours=2)).sent == 0
    assert server.taken == [] and stored() == [("failed", "refused", 1)]


def test_an_address_that_does_not_exist_is_not_tried_again(switched_on, mail_server):
    server, tea = mail_server(), shop.create_shop_product("Tea", stock=5)
    alerts.waiting_customer("nobody", tea)
    alerts.waiting_customer("bert", tea)
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.failed)) == (1, {"refused": 1})
    assert server.addresses() == ["bert@example.com"]


def test_a_server_that_dies_after_the_text_may_have_sent_it_so_it_is_never_repeated(switched_on, mail_server):
    server, tea = mail_server("dies"), shop.create_shop_product("Tea", stock=5)
    alerts.waiting_customer("anna", tea, minutes_ago=90)
    alerts.waiting_customer("bert", tea, minutes_ago=60)
    result = alerts.sweep_and_send()
    assert (result.sent, dict(result.failed)) == (1, {"unknown": 1})
    for hours in (1, 2, 48):
        alerts.sweep_and_send(timezone.now() + timedelta(hours=hours))
    assert server.addresses() == ["anna@example.com", "bert@example.com"]


def test_a_server_that_does_not_answer_in_time_may_have_sent_it(anna, mail_server, settings):
    server = mail_server("delay 1.5")
    settings.EMAIL_TIMEOUT = 0.5
    assert dict(alerts.sweep_and_send().failed) == {"unknown": 1}
    alerts.sweep_and_send(timezone.now() + timedelta(hours=2))
    assert len(server.taken) <= 1


def test_while_no_server_can_be_reached_nothing_is_lost_and_the_command_fails(anna, mail_server, settings, capsys):
    server = mail_server()
    settings.EMAIL_PORT = 1
    sweep_messages(timezone.now() - timedelta(hours=1))
    with pytest.raises(CommandError, match=r"The mail server cannot be reached \(ConnectionRefusedError"):
        call_command("personalization_messages")
    assert stored() == [("due", "", 0)] and ProductAlert.objects.get().is_active
    settings.EMAIL_PORT = server.port
    call_command("personalization_messages")
    assert capsys.readouterr().out.splitlines()[-1] == "Done: 0 new messages due; 1 sent."
    assert server.addresses() == ["anna@example.com"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_workers_send_each_message_once(switched_on, mail_server):
    server, tea = mail_server(), shop.create_shop_product("Tea", stock=60)
    for n in range(40):
        alerts.waiting_customer(f"customer{n}", tea)
    at = timezone.now()
    results = at_once(lambda: (sweep_messages(at), send_messages(limit=100, clock=lambda: at + alerts.SOON))[1].sent)
    alerts.sweep_and_send(at)
    assert sorted(server.addresses()) == sorted(f"customer{n}@example.com" for n in range(40))
    assert set(stored()) == {("sent", "", 1)}
    assert len(results) == 2 and min(results) > 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_workers_keep_to_a_cap_together(greetings, mail_server, monkeypatch):
    server = mail_server()
    monkeypatch.setattr(kinds.greeting, "topics", ("spring", "summer"))
    users = [kinds.allow(User.objects.create_user(f"n{n}", f"n{n}@example.com", "x")).user for n in range(15)]
    at = timezone.now()
    sweep_messages(at)
    results = at_once(lambda: send_messages(limit=100, clock=lambda: at).sent)
    assert sorted(server.addresses()) == sorted(user.email for user in users)
    assert len(results) == 2 and min(results) > 0


def at_once(work):
    """What two workers return that begin at the same time."""
    start, results = threading.Barrier(2), []

    def run():
        try:
            start.wait(30)
            results.append(work())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=run) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return results
