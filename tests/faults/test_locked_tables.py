"""Another session holds one of our tables, as an `ALTER TABLE` does that waits for an open read: the shop goes on."""

import json
import time
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.urls import reverse

from personalization.decide import active_snapshot
from personalization.decide.active_snapshot import look_in_background
from personalization.models import Event, Visitor, query_limits
from personalization.models.fail_open import fail_open
from tests.shops import factories as shop
from tests.walks.event_requests import view_payload

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no locks of one table"),
]

OURS = apps.get_app_config("personalization").get_models()
TABLES = sorted(model._meta.db_table for model in OURS if model._meta.managed)
SLACK = 1.0
"""Seconds by which two requests for one page may differ on a busy machine."""


@pytest.fixture
def limits_of_a_shop(monkeypatch):
    """Those that our settings have by default, and the thread that looks for snapshots."""
    monkeypatch.delitem(settings.PERSONALIZATION, "ROW_QUERY_MILLISECONDS")
    monkeypatch.delitem(settings.PERSONALIZATION, "PAGE_QUERY_MILLISECONDS")
    monkeypatch.setattr(active_snapshot, "look_in_background", look_in_background)


@pytest.fixture
def customer(client, limits_of_a_shop):
    """Signed in, with a history, in a trained shop."""
    users, products = shop.trained_even_and_odd()
    client.force_login(users[1])
    visitor = Visitor.objects.get_or_create_customer(users[1].pk)
    client.get("/")  # a first page may be slow
    return visitor, products


@contextmanager
def locked(*tables):
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def pages(products):
    category = products[0].categories.first()
    return {
        "home": "/",
        "catalogue": reverse("catalogue:index"),
        "product": products[0].get_absolute_url(),
        "category": category.get_absolute_url() if category else reverse("catalogue:index"),
        "basket": reverse("basket:summary"),
        "sign in": reverse("customer:login"),
        "account": reverse("customer:summary"),
    }


def timed(client, path):
    began = time.monotonic()
    response = client.get(path)
    return response.status_code, time.monotonic() - began


def setting(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("table", [*TABLES, "all"])
def test_each_page_is_there_in_time_and_the_next_one_does_not_wait_again(client, customer, table):
    _, products = customer
    paths = pages(products)
    usual = {name: timed(client, path) for name, path in paths.items()}
    before = setting("statement_timeout"), setting("lock_timeout")
    with locked(*(TABLES if table == "all" else [table])):
        first = {name: timed(client, path) for name, path in paths.items()}
        second = {name: timed(client, path) for name, path in paths.items()}
    assert (setting("statement_timeout"), setting("lock_timeout")) == before
    for name, (status, seconds) in usual.items():
        assert first[name][0] == second[name][0] == status, name
        assert first[name][1] <= seconds + 0.15 + SLACK, (name, first)
    lost = [sum(seconds for _, seconds in run.values()) for run in (usual, second)]
    assert lost[1] <= lost[0] + SLACK, "the second round waited again"


def test_a_report_is_given_up_and_can_be_sent_again(client, customer):
    _, products = customer
    body = json.dumps({"events": [view_payload(products[0])]})
    send = {"content_type": "application/json", "headers": {"sec-fetch-site": "same-origin", "user-agent": "Firefox"}}
    with locked("personalization_event"):
        began = time.monotonic()
        refused = client.post(reverse("personalization:events"), body, **send)
        assert time.monotonic() - began < 0.15 + SLACK
    assert [one["code"] for one in refused.json()["rejected"]] == ["not_stored"]
    assert not Event.objects.exists()


def test_what_is_asked_next_in_the_shops_transaction_works_and_has_no_limit(client, customer):
    """The cancelled query was ours: the shop's own, which runs longer than ours may, is not cancelled."""
    _, products = customer
    with locked("personalization_visitor", "personalization_event"):
        response = client.post(
            reverse("basket:add", kwargs={"pk": products[1].pk}), {"quantity": 1, "child_id": products[1].pk}
        )
        assert response.status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.4)")
    assert client.get(reverse("basket:summary")).context["basket"].num_items == 1


def test_many_short_queries_are_limited_together_and_the_log_says_so(limits_of_a_shop, caplog):
    def ask(times):
        made = 0
        with fail_open("Asking slowly"), connection.cursor() as cursor:
            for _ in range(times):
                cursor.execute("SELECT pg_sleep(0.02)")
                made += 1
        return made

    query_limits.start_request()
    assert 1 <= ask(9) < 9
    assert ask(1) == 0  # it rests
    query_limits.finish_request()
    assert ask(9) == 9  # a command takes its time
    assert caplog.text.count("Asking slowly failed") >= 1
