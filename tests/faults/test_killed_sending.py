"""Sending processes that are really killed: no message is sent twice, and only what may have been sent is lost."""

import pytest

from tests.lifecycle.alerts import MESSAGES
from tests.lifecycle.mail_server import running_server

SHOP = f"""
import os, signal
from datetime import timedelta
from django.conf import settings
from django.utils import timezone
settings.PERSONALIZATION = {{**settings.PERSONALIZATION, **{MESSAGES!r}}}
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", LISTENING
from personalization.lifecycle import sending, sweep
from personalization.models import Delivery
from oscar.apps.catalogue.models import Product
from oscar.apps.customer.models import ProductAlert
def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)
def run(minutes):
    at = timezone.now() + timedelta(minutes=minutes)
    sweep.sweep_messages(at)
    return sending.send_messages(limit=10, clock=lambda: at)
"""
WAIT = """
from tests.lifecycle.alerts import publish_message
publish_message("back_in_stock")
for name in ("anna", "bert"):
    ProductAlert.objects.create(email=name + "@example.com", product=Product.objects.first()).confirm()
run(-31)
"""
KILLED = {
    "while it decides": "Delivery.mark = die\n",
    "before the server hears of it": "sending.hand_over = die\n",
    "after the server took it": (
        "plain = sending.hand_over\n"
        "def hand_over(*arguments):\n"
        "    plain(*arguments)\n"
        "    die()\n"
        "sending.hand_over = hand_over\n"
    ),
}
TOLD = """
from oscar.core.compat import get_user_model
from personalization.shop import notifications
def wait_in_shop():
    from tests.lifecycle.alerts import publish_message
    publish_message("back_in_stock", channels=["shop"])
    user = get_user_model().objects.create_user("anna", "anna@example.com", "x")
    ProductAlert.objects.create(user=user, product=Product.objects.first())
    run(-31)
"""
KILLED_IN_SHOP = {
    "before it is there": "notifications.notify = die\n",
    "before it is marked": "Delivery.mark = die\n",
    "after it was marked": (
        "plain = Delivery.mark\n"
        "def mark(*arguments, **named):\n"
        "    plain(*arguments, **named)\n"
        "    die()\n"
        "Delivery.mark = mark\n"
    ),
}
INBOX = "\nprint(notifications.Notification.objects.count(), *(row.state for row in Delivery.objects.all()))"
STATES = "\nprint(*(f'{row.state} {row.why}' for row in Delivery.objects.order_by('source_id')), sep=', ')"


@pytest.mark.parametrize(
    ("moment", "states", "addresses"),
    [
        ("while it decides", "sent , sent ", ["anna@example.com", "bert@example.com"]),
        ("before the server hears of it", "failed unknown, sent ", ["bert@example.com"]),
        ("after the server took it", "failed unknown, sent ", ["anna@example.com", "bert@example.com"]),
    ],
)
def test_a_run_killed_at_any_moment_is_followed_by_one_that_repeats_nothing(process, moment, states, addresses):
    with running_server() as server:
        code = SHOP.replace("LISTENING", str(server.port))
        assert process(code + WAIT) == (0, "")
        assert process(code + KILLED[moment] + "run(0)")[0] == -9
        assert process(code + "run(1); run(20); run(60 * 24 * 2)" + STATES) == (0, states.strip())
    assert server.addresses() == addresses


@pytest.mark.parametrize("moment", sorted(KILLED_IN_SHOP))
def test_a_run_killed_at_any_moment_leaves_one_notification_after_the_next_run(process, moment):
    code = SHOP.replace("LISTENING", "1") + TOLD
    assert process(code + "wait_in_shop()") == (0, "")
    assert process(code + KILLED_IN_SHOP[moment] + "run(0)")[0] == -9
    assert process(code + INBOX) == (0, "0 due")
    assert process(code + "run(1); run(20); run(60 * 24 * 2)" + INBOX) == (0, "1 sent")
