"""Whatever is sent, there is an answer to it, and it is a problem that says its code."""

import json

import pytest
from django.core.cache import cache

from personalization import rate_limits
from personalization.api.parsers import MAX_BODY_BYTES
from personalization.api.schema import openapi_schema
from tests.api.api_client import ROOT
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

HOSTILE = [
    None, True, "", "\0", "\ud800", "a" * 257, "a" * 20_000, -1, 0, 2**63, 10**400, 1e308, float("inf"), 1.5,
    [], [[]], [[[[[[[]]]]]]], json.loads("[" * 300 + "]" * 300), {}, {"a": {"b": {"c": {}}}}, [1, "a", None], [None],
    "'; DROP TABLE x; --", "{0.__class__}",
]  # fmt: skip
BODIES = [
    b"", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{", b"null", b"[]", b'"a"', b"1", b"true", b"NaN", b'{"a": NaN}',
    b'{"products": [Infinity]}', b'{"products": [1e999]}', b'{"products": [' + b"9" * 5_000 + b"]}",
    b"\0", b'{"a": "\\u0000"}',
    b"[" * 60_000, b'{"a":' * 12_000, b'{"requests": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b" " * (MAX_BODY_BYTES + 1), b"[" * 10_000_000, b'{"surface": "home", "surface": []}',
]  # fmt: skip
FIELDS = {
    "rank/": {"products": [1], "query": "milk", "scores": True},
    "visitors/": {"consent": "granted"},
    "me/preferences/": {"consent": "granted", "interests": [{"category": 1, "sign": 1}]},
    "events/": {"sent_at": 1, "events": []},
    "me/household/join/": {"code": "x"},
}
EVENT = {"id": "0b0b5f6e-6a5e-4c57-9d7c-1a4f0e6f2d11", "name": "search", "at": 1, "params": {}, "items": [{}]}
ONE = {"surface": "home", "product": 1, "category": 1, "query": "milk", "limit": 3, "include": ["product"]}


@pytest.fixture(autouse=True)
def with_households(settings, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)


def send(who, path, body):
    cache.clear()
    rate_limits.reset_counters()
    return who.send("patch" if path == "me/preferences/" else "post", path, body)


def is_a_problem(answer):
    told = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert (told["status"], told["type"], bool(told["code"])) == (answer.status_code, "about:blank", True)


@pytest.mark.parametrize("path", [*FIELDS, "recommendations/"])
def test_a_body_that_says_nothing_is_a_problem(app, path):
    for body in BODIES:
        answer = send(app, path, body)
        if path == "me/preferences/" and answer.status_code == 200:  # nothing is to change
            continue
        assert answer.status_code in (400, 413, 415)
        is_a_problem(answer)


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, body in FIELDS.items() for field in body])
def test_whatever_stands_in_a_field_there_is_an_answer(app, path, field):
    for value in HOSTILE:
        answer = send(app, path, {**FIELDS[path], field: value})
        assert answer.status_code < 500
        if answer.status_code >= 400:
            is_a_problem(answer)


@pytest.mark.parametrize("field", ONE)
def test_whatever_stands_in_one_of_several_requests_there_is_an_answer(app, field):
    shop.create_shop_product("Milk")
    for value in HOSTILE:
        answer = send(app, "recommendations/", {"requests": [{**ONE, field: value}]})
        assert answer.status_code < 500
        if answer.status_code >= 400:
            is_a_problem(answer)


@pytest.mark.parametrize("field", ["category", "sign"])
def test_whatever_stands_in_an_interest_there_is_an_answer(app, field):
    for value in HOSTILE:
        assert send(app, "me/preferences/", {"interests": [{"category": 1, "sign": 1, field: value}]}).status_code < 500


@pytest.mark.parametrize("field", EVENT)
def test_whatever_stands_in_an_event_it_is_taken_or_rejected(app, field):
    for value in HOSTILE:
        answer = send(app, "events/", {"events": [EVENT, {**EVENT, field: value}]})
        if answer.status_code == 400:  # too deep, or no JSON, as a whole
            is_a_problem(answer)
            continue
        assert (answer.status_code, answer.json().keys()) == (202, {"accepted", "rejected"})
        assert answer.json()["accepted"] + len(answer.json()["rejected"]) == 2


@pytest.mark.parametrize("field", ["items", "search_term", "slate", "item_id", "value"])
def test_whatever_an_event_says_of_itself_it_is_taken_or_rejected(app, field):
    for value in HOSTILE:
        for said in ({field: value}, {"items": [{field: value}]}):
            assert send(app, "events/", {"events": [{**EVENT, "params": said}]}).status_code in (202, 400)


def test_what_is_said_twice_counts_as_it_was_last_said(app):
    answer = send(app, "rank/", b'{"products": [1], "products": [3, 2]}')
    assert answer.json() == {"products": [3, 2], "placements": [], "exposure": ""}


def test_a_body_is_thrown_at_every_address_that_takes_one():
    """What is thrown at each of them stands above; at those of servers, in `test_purchases` and `test_posts`."""
    ways = [(path, how) for path, operations in openapi_schema()["paths"].items() for how in operations.values()]
    assert {path.partition(ROOT)[2] for path, how in ways if "requestBody" in how} == {
        *FIELDS,
        "recommendations/",
        "purchases/",
        "posts/",
    }


@pytest.mark.parametrize("path", ["feedback/1/", "me/data/"])
def test_a_body_that_nobody_asked_for_changes_nothing(app, path):
    without = send_delete(app, path)
    for body in BODIES:
        assert send_delete(app, path, body) == without


def send_delete(who, path, body=b""):
    cache.clear()
    rate_limits.reset_counters()
    answer = who.send("delete", path, body)
    return answer.status_code, answer.content


@pytest.mark.parametrize("path", ["surfaces/home/", "continue/", "explain/", "me/data/"])
@pytest.mark.parametrize("field", ["product", "category", "query", "limit", "include", "surface", "cursor"])
def test_whatever_stands_in_a_query_there_is_an_answer(app, path, field):
    values = ["%00", "%ff", "%ED%A0%80", "a" * 300, "-1", "0", "9" * 400, "1e9", "٣", "NaN", "[]", "%F0%9F%98%80"]
    for value in values:
        cache.clear()
        rate_limits.reset_counters()
        assert app.client.get(f"{ROOT}{path}?{field}={value}", headers=app.headers).status_code < 500


@pytest.mark.parametrize("scores", [1, 0, "true", None])
def test_a_switch_is_true_or_false(app, scores):
    (fault,) = app.post("rank/", {"products": [1], "scores": scores}).json()["errors"]
    assert fault["field"] == "scores"


def test_a_list_is_no_object(app):
    answer = app.post("recommendations/", {"requests": [{"surface": "home", "include": {"product": 1}}]})
    assert [fault["field"] for fault in answer.json()["errors"]] == ["requests.0.include"]


def test_an_empty_value_is_like_none(stranger):
    told = stranger.get("surfaces/home/").json()
    assert stranger.get("surfaces/home/?product=&category=&query=&limit=&include=").json() == told


def test_a_text_with_nul_is_refused_once(stranger):
    (fault,) = stranger.get("surfaces/home/", {"query": "a\0"}).json()["errors"]
    assert (fault["field"], fault["code"]) == ("query", "null_characters_not_allowed")


def test_too_many_parameters_are_a_problem(stranger):
    answer = stranger.get("surfaces/home/?" + "&".join(f"a{n}=1" for n in range(2_000)))
    assert answer.status_code == 400


def test_a_problem_says_which_field_it_is_about(app):
    told = app.post("recommendations/", {"requests": [{"surface": "home"}, {"surface": "home", "limit": 0}]}).json()
    assert (told["code"], told["title"], told["status"]) == ("invalid", "Bad Request", 400)
    (fault,) = told["errors"]
    assert (fault["field"], fault["code"]) == ("requests.1.limit", "min_value")
    assert [fault["field"] for fault in app.post("rank/", []).json()["errors"]] == [""]


FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


@pytest.mark.parametrize("path", [*FIELDS, "recommendations/"])
@pytest.mark.parametrize("sent", ["text/plain", PARTS, FORM, "", "application/xml", "application/json; charset=utf-16"])
def test_other_kinds_of_bodies_are_refused(app, known_browser, session, path, sent):
    for who in (app, known_browser, session):
        answer = who.send("patch" if path.startswith("me/") else "post", path, b"--x\r\n\xff", content_type=sent)
        assert 400 <= answer.status_code < 500
        is_a_problem(answer)


NAMED = (
    "X-Personalization-Visitor", "X-Personalization-Customer", "Authorization", "If-None-Match", "X-CSRFToken",
    "Origin", "Referer", "Sec-Fetch-Site", "Sec-GPC", "DNT", "User-Agent", "Accept", "Accept-Language",
    "X-Forwarded-For", "Cookie",
)  # fmt: skip
SAID = (
    "", " ", "*", '"', 'W/"', "W/,,,", "\0", "\xff\xfe", "é", "x" * 20_000, ":" * 50, "1:" + "0" * 32 + ":x:y", "%00",
    "-1", "9" * 400, "None", "Key", "Key \0", "key " + "é" * 50, "Basic x", "Bearer x", "null", "text/*;q=x",
    "de;q=9, \0",
    "sessionid=\0; csrftoken=; personalization_choice=granted.1.x; personalization_visitor=é", "=;=;;",
    "personalization_choice=granted.1." + "9" * 400,
)  # fmt: skip


@pytest.mark.parametrize("header", NAMED)
def test_whatever_a_header_says_there_is_an_answer(app, server, known_browser, header, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "NUM_PROXIES": 1}
    asked = (
        (app, "post", "events/", {"events": [EVENT]}),
        (server("surfaces:read", "customers:read"), "get", "surfaces/home/", None),
        (known_browser, "get", "surfaces/home/", None),
        (known_browser, "patch", "me/preferences/", {"interests": []}),
    )
    for said in SAID:
        for who, method, path, body in asked:
            cache.clear()
            rate_limits.reset_counters()
            answer = who.send(method, path, body, **{header: said})
            assert answer.status_code < 500
            if answer.status_code >= 400:
                is_a_problem(answer)


def test_a_wrong_csrf_token_is_no_token(known_browser):
    known_browser.get("me/preferences/")
    for said in ("", "x", "\0", "é", "a" * 32, "a" * 64, "a" * 20_000):
        answer = known_browser.patch("me/preferences/", {"consent": "refused"}, **{"X-CSRFToken": said})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_other_methods_are_refused(app):
    for method in ("put", "options", "trace", "delete"):
        answer = app.send(method, "rank/", None)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_more_than_so_many_of_anything_is_refused(app):
    assert app.post("rank/", {"products": list(range(1, 502))}).status_code == 400
    assert app.post("recommendations/", {"requests": [{"surface": "home"}] * 11}).status_code == 400
    assert app.get("surfaces/home/", {"limit": 41}).status_code == 400


def test_who_asks_too_often_waits(stranger, server, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SERVER_KEY_REQUESTS_PER_MINUTE": 3}
    rate_limits.reset_counters()
    assert [stranger.post("visitors/", {"consent": "no"}).status_code for _ in range(21)] == [400] * 20 + [429]
    till = server("surfaces:read")
    answers = [till.get("navigation/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert answers[-1].json()["code"] == "throttled" and 0 <= int(answers[-1]["Retry-After"]) <= 60


def test_nobody_uses_up_the_limit_of_monitoring(stranger):
    assert {stranger.get("health/").status_code for _ in range(125)} == {503}  # there is no snapshot


def test_each_client_behind_a_proxy_has_its_own_limit_however_the_proxy_writes_its_address(stranger, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "NUM_PROXIES": 1}
    clients = ("1.2.3.4:5678", "1.2.3.5:5678", "[2001:db8::1]:80", '"[2001:db8:0:1::1]"', "_hidden", "unknown")
    for client in clients:
        answers = [stranger.post("visitors/", {"consent": "no"}, **{"X-Forwarded-For": client}) for _ in range(21)]
        assert [answer.status_code for answer in answers] == [400] * 20 + [429]


def test_a_dead_cache_is_no_fault(stranger, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    assert stranger.get("navigation/").status_code == 200


def test_a_failing_decision_is_an_empty_slate_that_nobody_keeps(stranger, monkeypatch):
    from personalization.api import surfaces

    monkeypatch.setattr(surfaces.report_tokens, "slate_tokens", lambda *some: 1 / 0)
    shop.create_shop_product("Milk")
    answer = stranger.get("surfaces/home/")
    assert json.loads(answer.content)["rows"] == [] and "no-store" in answer["Cache-Control"]
