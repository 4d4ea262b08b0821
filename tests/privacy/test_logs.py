"""A database quotes the row that it refuses, with search words and visitors' ids: none of that reaches the log."""

import logging
import uuid

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Visitor
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, to_milliseconds
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, send_events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite quotes no row"),
]
SECRET = "insulin pump"
OURS = apps.get_app_config("personalization").get_models()
TABLES = sorted(model._meta.db_table for model in OURS if model._meta.managed)


@pytest.fixture
def browser():
    """It agreed, and is known."""
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE, raise_request_exception=False)
    client.post(reverse("personalization:consent"), {"answer": "granted"})
    assert search(client).json()["accepted"] == 1
    return client


@pytest.fixture
def written(caplog):
    """Everything that any logger wrote since, tracebacks too, but Django's protocol of queries."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "django.db.backends")

    def text():
        formatter = logging.Formatter()
        return "\n".join(formatter.format(record) for record in caplog.records)

    return text


def search(client, words=SECRET):
    told = {"id": str(uuid.uuid4()), "name": "search", "at": to_milliseconds(now()), "search_term": words}
    return send_events(client, told)


def refuse_every_row(table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT refuses CHECK (false) NOT VALID")


def accept_again(table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT refuses")


@pytest.mark.parametrize("table", TABLES)
def test_no_word_and_no_id_of_a_visitor_is_logged_while_a_table_refuses_every_row(browser, written, table):
    tea, anna = shop.create_shop_product("Tea"), User.objects.create_user("anna", "anna@example.com", "x")
    visitor, order = Visitor.objects.get(user=None), shop.create_past_order(None, [tea], days_ago=0)
    refuse_every_row(table)
    try:
        assert search(browser).status_code == 202
        browser.post(reverse("basket:add", kwargs={"pk": tea.pk}), {"quantity": 1, "child_id": tea.pk})
        browser.post(reverse("personalization:privacy_preference"), {"kind": "interest", "key": 1, "sign": 1})
        browser.post(reverse("personalization:sort"), {"sort": "off", "next": "/catalogue/"})
        browser.get(reverse("search:search"), {"q": SECRET})
        form = {"login-username": anna.email, "login-password": "x", "login_submit": "1"}
        assert browser.post(reverse("customer:login"), form).status_code == 302
        browser.post(reverse("personalization:consent"), {"answer": "refused"})
        browser.post(reverse("personalization:privacy_erase"), {"sure": "on"})
    finally:
        accept_again(table)
    found = written()
    for private in (SECRET, str(visitor.pk), visitor.pk.hex, anna.email, browser.cookies[cookies.CONSENT_COOKIE].value):
        assert not private or private not in found
    assert order.number not in found
