"""Another session holds one of our tables, as an `ALTER TABLE` does that waits for an open read: the shop goes on."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from statistics import median

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from personalization import breakers
from personalization.decide import active_snapshot
from personalization.decide.active_snapshot import look_in_background
from personalization.models import Event, Visitor, query_limits
from personalization.models.fail_open import fail_open
from tests.collect.event_payloads import FIREFOX
from tests.faults.served_shop import administrator
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
def locked(*tables, mode="ACCESS EXCLUSIVE"):
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE")
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


def report(client, event):
    """The codes of what was not stored of this delivery, and how long its answer took."""
    body, headers = json.dumps({"events": [event]}), {"sec-fetch-site": "same-origin", "user-agent": FIREFOX}
    began = time.monotonic()
    response = client.post(reverse("personalization:events"), body, content_type="application/json", headers=headers)
    return [one["code"] for one in response.json()["rejected"]], time.monotonic() - began


def test_a_report_is_given_up_and_can_be_sent_again(client, customer):
    _, products = customer
    with locked("personalization_event"):
        codes, seconds = report(client, view_payload(products[0]))
    assert codes == ["not_stored"] and seconds < 0.15 + SLACK
    assert not Event.objects.exists()


def test_events_are_taken_again_within_a_second_after_a_page_had_one_slow_answer(client, customer):
    _, products = customer
    event = view_payload(products[0])
    with locked_for(0.1, "personalization_visitor"):
        assert client.get("/").status_code == 200
    assert query_limits.breakers.any_paused  # the page felt it
    released, tries = time.monotonic(), 1
    while report(client, event)[0]:
        tries += 1
        assert time.monotonic() - released < 1, tries
        time.sleep(0.02)
    assert [report(client, event)[0] for _ in range(3)] == [[]] * 3
    assert Event.objects.count() == 1


def other_session():
    """A connection that any thread may use."""
    return administrator(connection.settings_dict, connection.settings_dict["NAME"])


@contextmanager
def locked_for(seconds, table):
    """Until that is over another session holds the table, whatever the block does meanwhile."""
    with other_session() as other:
        other.execute("BEGIN")
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        release = threading.Timer(seconds, other.execute, ["ROLLBACK"])
        release.start()
        yield
        release.join()


@contextmanager
def watched_waits():
    """[(moment, how many queries wait for a lock), ...] of each hundredth of a second in which any did."""
    over, found = threading.Event(), []
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def look():
        with other_session() as other:
            while not over.wait(0.01):
                (waiting,) = other.execute(count).fetchone()
                found.extend([(time.monotonic(), waiting)] if waiting else [])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def test_where_only_changes_wait_reading_does_not_make_them_wait_again(client, customer, monkeypatch):
    """As while an index is made: pages read the table all the time, and no delivery tries it again for that."""
    monkeypatch.setattr(breakers, "FIRST_PAUSE", 30.0)
    visitor, products = customer
    with locked("personalization_event", mode="SHARE"):
        with watched_waits() as first:
            assert report(client, view_payload(products[0]))[0] == ["not_stored"]
        query_limits.start_request()
        with fail_open("Reading events"):
            read = Event.objects.for_visitor(visitor.pk).count()
        query_limits.finish_request()
        assert read == 0
        with watched_waits() as second:
            assert report(client, view_payload(products[0]))[0] == ["not_stored"]
    assert first and not second


LONG_LOCK, SHOPPERS = 20.0, 4
"""Seconds, and how many look at pages meanwhile, without a rest."""


def is_personal(client):
    return any(row.personal for row in client.get("/").context["slate"].rows)


def wait_until_personal(client):
    """At once, or after the pause that a slow answer of the database began."""
    began = time.monotonic()
    while not is_personal(client):
        assert time.monotonic() - began < breakers.LONGEST_PAUSE + SLACK
        time.sleep(0.05)


def look_around(client, paths, seconds):
    """(status, seconds) of all pages that so many browsers with these cookies see in this time, one after the other."""
    end = time.monotonic() + seconds

    def look(number):
        browser, found = Client(), []
        browser.cookies.update(client.cookies)
        for path in cycle(paths[number:] + paths[:number]):
            if time.monotonic() > end:
                break
            found.append(timed(browser, path))
        connection.close()
        return found

    with ThreadPoolExecutor(SHOPPERS) as threads:
        return [page for found in threads.map(look, range(SHOPPERS)) for page in found]


def test_a_long_lock_makes_no_queue_and_pages_are_personal_again_within_a_pause(client, customer):
    _, products = customer
    paths = list(pages(products).values())
    wait_until_personal(client)
    healthy = look_around(client, paths, 4.0)
    with locked("personalization_visitor"):
        began = time.monotonic()
        with watched_waits() as waits:
            seen = look_around(client, paths, LONG_LOCK)
        assert not is_personal(client)
    wait_until_personal(client)
    assert {status for status, _ in seen} == {status for status, _ in healthy}
    assert median(lasted for _, lasted in seen) <= median(lasted for _, lasted in healthy) + 0.05
    later = [count for moment, count in waits if moment > began + 1.0]
    assert max(count for _, count in waits) <= SHOPPERS  # at first all of them ask
    assert max(later) == 1 and len(later) < 0.05 * LONG_LOCK / 0.01  # now and then one does, for all


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
