"""The page "Your personalisation data" against forged keys, broken cookies and forms that make no sense."""

import re
import time
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from personalization import rate_limits
from personalization.models import Event, Visitor
from personalization.privacy import cookies
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

PAGE = "/personalization/privacy/"
WISH, RECENT, FORGOTTEN, DOWNLOAD = (
    PAGE + part for part in ("preference/", "recent/", "erase/confirmed/", "download/")
)
ANSWER = "/personalization/consent/"


def visitor_of(user):
    return Visitor.objects.get(user=user)


def test_nobody_reads_or_changes_what_is_anothers(client, anna):
    """Every address, as a stranger, a browser and a customer, with another's keys in it: the same as unknown keys."""
    ben = User.objects.create_user("ben", "ben@example.com", "x")
    shop.grant_consent(ben)
    theirs = store_event(visitor_of(ben), product_id=shop.create_shop_product("Ben's secret").pk)
    visitor_of(ben).set_preference("product", theirs.product_id, -1, time.time())
    stranger, known_browser = Client(), Client()
    identify_browser(known_browser)
    before = state(ben)
    foreign = {"user": ben.pk, "user_id": ben.pk, "visitor": visitor_of(ben).pk, "visitor_id": visitor_of(ben).pk}
    for who in (client, stranger, known_browser):
        for path in (PAGE, PAGE + "erase/", DOWNLOAD):
            told = plain(who.get(path, foreign, headers={"X-User": str(ben.pk)}))
            assert told == plain(who.get(path))
            assert b"secret" not in told[1]
        for path, fields in (
            (RECENT, {"event": theirs.event_id}),
            (WISH, {"kind": "product", "key": theirs.product_id, "sign": 0}),
            (RECENT, {"all": "views"}),
            (FORGOTTEN, {}),
            (ANSWER, {"answer": "refused"}),
        ):
            unknown = {"event": uuid4()} if "event" in fields else {"key": 10**9} if "key" in fields else {}
            answer = who.post(path, {**fields, **foreign}, follow=True)
            assert plain(answer) == plain(who.post(path, {**fields, **unknown}, follow=True))
    assert state(ben) == before


def state(user):
    visitor = visitor_of(user)
    return visitor.consent, visitor.preferences, Event.objects.filter(visitor=visitor).count(), visitor.pk


def plain(response):
    """The page without what every answer has of its own: tokens, the moment of its making, and its own address."""
    own = (
        rb'name="csrfmiddlewaretoken" value="\w+"|name="(created|next)" (content|value)="[^"]*"|"exported_at": "[^"]*"'
    )
    return response.status_code, re.sub(own, b"", response.getvalue())


def test_a_visitor_of_an_account_is_not_opened_by_a_cookie(client, anna):
    """Not even by one that we signed ourselves."""
    store_event(visitor_of(anna), product_id=shop.create_shop_product("Tea").pk)
    thief = Client()
    thief.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int(time.time())}"
    response = thief.get(PAGE)
    stolen = Visitor(pk=visitor_of(anna).pk)
    cookies.set_visitor_cookie(response, stolen)
    thief.cookies[cookies.VISITOR_COOKIE] = response.cookies[cookies.VISITOR_COOKIE].value
    assert thief.get(PAGE).context["overview"].recent_products == []
    thief.post(FORGOTTEN)
    assert Event.objects.count() == 1


COOKIE_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters=';,"\\'), max_size=200)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=COOKIE_TEXT, visitor=COOKIE_TEXT, signed=st.booleans())
@example(answer="granted.1.99999999999999999999", visitor="", signed=False)
@example(answer="granted.1.٣", visitor="a:b:c", signed=False)
@example(answer="granted.1.9999999999", visitor="00000000000000000000000000000000", signed=True)
@example(answer="granted..", visitor="f" * 3_000, signed=True)
def test_any_bytes_in_our_cookies_count_as_absent_and_go_with_the_next_page(client, anna, answer, visitor, signed):
    if not Event.objects.exists():
        store_event(visitor_of(anna), "search", query="Anna's secret")
    raw = f"{cookies.CONSENT_COOKIE}={answer}; {cookies.VISITOR_COOKIE}={visitor}"
    if signed:
        raw += f"; sessionid={client.cookies['sessionid'].value}"
    header = raw.encode("utf-8").decode("latin-1")  # as a server hands bytes on
    fresh = Client()
    cache.clear()
    rate_limits.reset_counters()
    for path in ("/", PAGE, DOWNLOAD):
        response = fresh.get(path, HTTP_COOKIE=header)
        assert response.status_code == 200
        assert signed or b"secret" not in response.getvalue()
        request = response.wsgi_request
        for name in (cookies.CONSENT_COOKIE, cookies.VISITOR_COOKIE):
            if name in request.COOKIES and (
                name == cookies.VISITOR_COOKIE or cookies.read_choice(request.COOKIES) is None
            ):
                assert response.cookies[name]["max-age"] == 0
    for word in ("granted", "refused") if not signed else ():
        answered = fresh.post(ANSWER, {"answer": word}, HTTP_COOKIE=header)
        assert answered.status_code == 302
        assert answered.cookies[cookies.CONSENT_COOKIE].value.startswith(f"{word}.1.")
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "interest"},
        {"kind": "interest", "key": "x", "sign": "1"},
        {"kind": "interest", "key": "1", "sign": "2"},
        {"kind": "interest", "key": "9" * 40, "sign": "0"},
        {"kind": "interest", "key": "-1", "sign": "0"},
        {"kind": "interest", "key": "1\x00", "sign": "0"},
        {"kind": "reason", "key": "\x00", "sign": "0"},
        {"kind": "reason", "key": "r" * 5_000, "sign": "0"},
        {"kind": "product", "key": "1", "sign": "-1"},
        {"kind": "reason", "key": "bestsellers:", "sign": "1"},
        {"kind": "price", "key": "1", "sign": "1"},
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(client, anna, fields):
    assert client.post(WISH, fields).status_code == 400
    assert visitor_of(anna).preferences == []


@pytest.mark.parametrize(
    "fields", [{}, {"event": "x"}, {"event": "\x00"}, {"all": "everything"}, {"event": "", "all": ""}]
)
def test_a_deletion_that_cannot_be_read_is_refused(client, anna, fields):
    store_event(visitor_of(anna), product_id=1)
    assert client.post(RECENT, fields).status_code == 400
    assert Event.objects.count() == 1


def test_what_somebody_searched_for_is_printed_as_text(client, anna):
    store_event(visitor_of(anna), "search", query='"><script>alert(1)</script>')
    page = client.get(PAGE).content
    assert b"<script>alert(1)" not in page and b"&lt;script&gt;alert(1)" in page


def test_nothing_in_the_log_says_who_was_there(client, anna, caplog):
    caplog.set_level("INFO")
    visitor = visitor_of(anna)
    store_event(visitor, "search", query="a secret query")
    for path in (PAGE, DOWNLOAD, "/"):
        client.get(path)
    client.post(RECENT, {"all": "searches"})
    client.post(FORGOTTEN)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert not any(word in said for word in ("anna@", "secret query", visitor.pk.hex, str(visitor.pk), "127.0.0.1"))
