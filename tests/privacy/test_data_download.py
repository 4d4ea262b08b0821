"""The download of everything: complete, or visibly not; never held in memory; one at a time."""

import json
import tracemalloc
import warnings
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.serializers.json import DjangoJSONEncoder
from django.core.signals import request_finished
from django.db import DatabaseError, close_old_connections, connection
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils.timezone import now

from personalization import rate_limits
from personalization.models import Event, Visitor
from personalization.privacy import data_export, json_stream
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

EVENTS = "personalization.Event"


@pytest.fixture
def visitor(client):
    return identify_browser(client)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(data_export, "PAGE_SIZE", 3)
    monkeypatch.setattr(json_stream, "CHUNK_LENGTH", 1)


@pytest.fixture
def frozen_minute(monkeypatch):
    monkeypatch.setattr(rate_limits.time, "time", lambda: 1_790_000_000.0)


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_VISITOR_DOWNLOADS_PER_MINUTE", 100)


def download(client, **headers):
    return client.get(reverse("personalization:privacy_download"), headers=headers)


def read(response):
    return json.loads(response.getvalue())


def end(response):
    """As servers do at the end of every request, but that the test keeps its connection to the database."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def store_events(visitor, count, product_id=1):
    """So many events; groups of four have one and the same moment."""
    at = now()
    Event.objects.bulk_create(
        [
            Event(
                event_id=uuid4(),
                visitor=visitor,
                type="view_item",
                product_id=product_id,
                occurred_at=at - timedelta(minutes=number // 4),
                received_at=at,
            )
            for number in range(count)
        ],
        batch_size=2_000,
    )


@contextmanager
def failing_queries(words):
    """The database has lost the table whose name is among these words."""

    def fail(execute, sql, params, many, context):
        if words in sql:
            raise DatabaseError("the server closed the connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 8, 30])
def test_every_event_is_in_it_once_with_its_name(client, visitor, small_pages, count):
    milk = shop.create_shop_product("Milk")
    store_events(visitor, count, milk.pk)
    store_events(Visitor.objects.create(), 5)
    rows = read(download(client))["tables"][EVENTS]
    stored = Event.objects.filter(visitor=visitor).order_by("occurred_at", "pk")
    assert [row["id"] for row in rows] == [event.pk for event in stored]
    assert {row["product_name"] for row in rows} == ({"Milk"} if count else set())


def test_it_says_what_is_exported_at_once(client, visitor):
    visitor.set_preference("reason", "bestsellers:", -1, 2.0)
    store_event(visitor, "search", query='he said "ü"\u2028\n')
    shown = read(download(client))
    tables = data_export.visitor_tables(None, visitor)
    assert shown["tables"] == json.loads(json.dumps(tables, cls=DjangoJSONEncoder))
    assert list(shown) == ["exported_at", "tables", "cookies", "shop", "suppressed"]
    assert shown["cookies"].keys() <= client.cookies.keys()


def test_lists_that_are_written_as_they_are_read_are_the_same_json():
    value = {"a": {"b": [{"c": [1, {"d": "ü\n"}]}, {}], "e": []}, "f": [], "g": {}, "h": [[1], []], "i": now()}
    lazy = {**value, "a": {name: iter(rows) for name, rows in value["a"].items()}}
    text = "".join(json_stream.json_chunks(lazy))
    assert json.loads(text) == json.loads(json.dumps(value, cls=DjangoJSONEncoder))
    assert text.startswith(
        '{\n "a": {\n  "b": [\n   {"c": [1, {"d": "ü\\n"}]},\n   {}\n  ],\n  "e": []\n },\n "f": [],'
    )


def test_its_memory_does_not_grow_with_the_events(client, visitor):
    store_events(visitor, 300)
    b"".join(download(client))  # what is loaded once
    store_events(visitor, 6_000)
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in download(client))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 3_000_000 and peak < 2_500_000


@pytest.mark.django_db(transaction=True)
def test_between_two_pages_no_transaction_and_no_cursor_is_open(client, visitor, small_pages):
    """Under ATOMIC_REQUESTS, which this shop has, and with another connection for each page, as behind PgBouncer."""
    store_events(visitor, 20)
    response = download(client)
    chunks = []
    for chunk in response:
        assert not connection.in_atomic_block
        if connection.vendor == "postgresql":
            connection.close()
        chunks.append(chunk)
    assert len(json.loads(b"".join(chunks))["tables"][EVENTS]) == 20


def test_an_asgi_server_sends_it_while_it_is_written(client, visitor, small_pages):
    store_events(visitor, 20)
    browser = AsyncClient()
    browser.cookies = client.cookies

    async def fetch():
        response = await browser.get(reverse("personalization:privacy_download"))
        return [chunk async for chunk in response]

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Django warns of what it has to read to its end
        chunks = async_to_sync(fetch)()
    assert len(chunks) > 7 and len(json.loads(b"".join(chunks))["tables"][EVENTS]) == 20


def test_a_failure_in_the_middle_leaves_no_complete_file_and_is_logged(client, visitor, small_pages, caplog):
    store_events(visitor, 20)
    sent = []
    with failing_queries('FROM "personalization_event" WHERE ("personalization_event"."visitor_id"'):
        response = download(client)
        with pytest.raises(DatabaseError):
            sent.extend(response)
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(sent))
    assert b'"tables"' in b"".join(sent)
    assert "not a complete file" in caplog.text
    assert len(read(download(client))["tables"][EVENTS]) == 20


@pytest.mark.parametrize("path", ["/personalization/privacy/download/", "/personalization/api/v1/me/data/"])
def test_what_cannot_be_read_does_not_look_as_if_nothing_were_stored(client, visitor, path):
    client.raise_request_exception = False
    with failing_queries('FROM "personalization_visitor"'):
        assert client.get(path).status_code == 503


def test_a_visitor_downloads_one_at_a_time(client, visitor, often):
    first = download(client)
    assert download(client).status_code == 429
    rate_limits._downloads.__init__()  # as another process
    assert download(client).status_code == 429
    other = Client()
    identify_browser(other)
    assert download(other).status_code == 200
    end(first)
    assert download(client).status_code == 200


def test_a_download_that_was_never_fetched_or_ended_is_over(client, visitor, often):
    for _ in range(2):
        response = client.head(reverse("personalization:privacy_download"))
        end(response)
        assert response.status_code == 200
    b"".join(download(client))
    assert download(client).status_code == 200


def test_a_download_whose_process_was_killed_stands_in_nobodys_way_for_long(client, visitor, monkeypatch):
    monkeypatch.setattr(rate_limits, "DOWNLOAD_LEASE", 0)
    first, second = download(client), download(client)
    assert (first.status_code, second.status_code) == (200, 200)


def test_a_process_makes_two_downloads_at_a_time():
    answers = []
    for number in range(3):
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        identify_browser(client)
        answers.append(download(client))
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize(("language", "words"), [("en", "a little too often"), ("de", "etwas zu oft")])
def test_a_visitor_downloads_a_few_times_a_minute(client, visitor, frozen_minute, language, words):
    for _ in range(3):
        b"".join(download(client))
    said = download(client, **{"Accept-Language": language})
    assert (said.status_code, words in said.content.decode()) == (429, True)
    assert 0 < int(said["Retry-After"]) <= 60 and "Content-Disposition" not in said


def test_strangers_of_one_address_do_not_begin_without_limit(frozen_minute):
    answers = []
    for _ in range(11):
        client = Client()
        identify_browser(client)
        answers.append(download(client))
        end(answers[-1])
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


def test_with_a_dead_cache_a_process_still_makes_one_at_a_time(client, visitor, monkeypatch):
    monkeypatch.setattr(rate_limits, "cache", None)
    first = download(client)
    assert download(client).status_code == 429
    assert b"".join(first) and download(client).status_code == 200


def test_names_are_in_the_language_of_the_request(client, visitor):
    german = read(download(client, **{"Accept-Language": "de"}))
    assert german["shop"][0]["name"] == "Bestellungen"
