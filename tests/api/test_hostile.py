"""Whatever is sent, there is an answer to it, and it is a problem that says its code."""

import json

import pytest
from django.core.cache import cache

from personalization.api.reading import BODY_BYTES
from personalization.collect import limits
from tests import shop
from tests.api.asking import ROOT

pytestmark = pytest.mark.django_db

HOSTILE = [
    None, True, "", "\0", "\ud800", "a" * 257, "a" * 20_000, -1, 0, 2**63, 10**400, 1e308, float("inf"), 1.5,
    [], [[]], [[[[[[[]]]]]]], {}, {"a": {"b": {"c": {}}}}, [1, "a", None], [None],
    "'; DROP TABLE x; --", "{0.__class__}",
]  # fmt: skip
BODIES = [
    b"", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{", b"null", b"[]", b'"a"', b"1", b"true", b"NaN", b'{"a": NaN}',
    b'{"products": [Infinity]}', b'{"products": [1e999]}', b'{"products": [' + b"9" * 5_000 + b"]}",
    b"\0", b'{"a": "\\u0000"}',
    b"[" * 60_000, b'{"a":' * 12_000, b'{"requests": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b" " * (BODY_BYTES + 1), b"[" * 10_000_000, b'{"surface": "home", "surface": []}',
]  # fmt: skip
FIELDS = {
    "rank/": {"products": [1], "query": "milk", "scores": True},
    "visitors/": {"consent": "granted"},
    "me/preferences/": {"consent": "granted", "interests": [{"category": 1, "sign": 1}]},
    "events/": {"sent_at": 1, "events": []},
}
ONE = {"surface": "home", "product": 1, "category": 1, "query": "milk", "limit": 3, "include": ["product"]}


def send(who, path, body):
    cache.clear()
    limits.forget()
    return who.send("patch" if path.startswith("me/") else "post", path, body)


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
    shop.product("Milk")
    for value in HOSTILE:
        answer = send(app, "recommendations/", {"requests": [{**ONE, field: value}]})
        assert answer.status_code < 500
        if answer.status_code >= 400:
            is_a_problem(answer)


@pytest.mark.parametrize("field", ["category", "sign"])
def test_whatever_stands_in_an_interest_there_is_an_answer(app, field):
    for value in HOSTILE:
        assert send(app, "me/preferences/", {"interests": [{"category": 1, "sign": 1, field: value}]}).status_code < 500


@pytest.mark.parametrize("path", ["surfaces/home/", "continue/", "explain/"])
@pytest.mark.parametrize("field", ["product", "category", "query", "limit", "include", "surface"])
def test_whatever_stands_in_a_query_there_is_an_answer(app, path, field):
    values = ["%00", "%ff", "%ED%A0%80", "a" * 300, "-1", "0", "9" * 400, "1e9", "٣", "NaN", "[]", "%F0%9F%98%80"]
    for value in values:
        cache.clear()
        limits.forget()
        assert app.client.get(f"{ROOT}{path}?{field}={value}", headers=app.headers).status_code < 500


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


@pytest.mark.parametrize("sent", ["text/plain", PARTS, FORM, ""])
def test_other_kinds_of_bodies_are_refused(app, known_browser, session, sent):
    for who in (app, known_browser, session):
        answer = who.send("post", "rank/", b"--x\r\n\xff", content_type=sent)
        assert 400 <= answer.status_code < 500
        is_a_problem(answer)


def test_other_methods_are_refused(app):
    for method in ("put", "options", "trace", "delete"):
        answer = app.send(method, "rank/", None)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_more_than_so_many_of_anything_is_refused(app):
    assert app.post("rank/", {"products": list(range(1, 502))}).status_code == 400
    assert app.post("recommendations/", {"requests": [{"surface": "home"}] * 11}).status_code == 400
    assert app.get("surfaces/home/", {"limit": 41}).status_code == 400


def test_who_asks_too_often_waits(stranger, server, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "key_requests_per_minute": 3}
    limits.forget()
    assert [stranger.post("visitors/", {"consent": "no"}).status_code for _ in range(21)] == [400] * 20 + [429]
    till = server("surfaces:read")
    answers = [till.get("navigation/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert answers[-1].json()["code"] == "throttled" and 0 <= int(answers[-1]["Retry-After"]) <= 60


def test_a_dead_cache_is_no_fault(stranger, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    assert stranger.get("navigation/").status_code == 200


def test_a_failing_decision_is_an_empty_slate_that_nobody_keeps(stranger, monkeypatch):
    from personalization.api import surfaces

    monkeypatch.setattr(surfaces.serve, "tokens", lambda *some: 1 / 0)
    shop.product("Milk")
    answer = stranger.get("surfaces/home/")
    assert json.loads(answer.content)["rows"] == [] and "no-store" in answer["Cache-Control"]
