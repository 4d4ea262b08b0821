"""Who asks: a session, cookies of ours, a token, a key; and never whoever a path, a query or a body names."""

from copy import deepcopy
from datetime import timedelta
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils.timezone import now
from oscar.apps.basket.models import Basket

from personalization import rate_limits
from personalization.api import urls
from personalization.api.views_base import APIEndpoint
from personalization.models import Event, ServerKey, Visitor
from personalization.privacy import cookies
from tests.api.api_client import ROOT, ApiClient, issue_visitor_token
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

WAYS = {
    "GET surfaces/<str:surface>/": "surfaces/home/",
    "GET blocks/<str:slot>/": "blocks/home-hero/",
    "POST recommendations/": "recommendations/",
    "POST rank/": "rank/",
    "GET navigation/": "navigation/",
    "GET continue/": "continue/",
    "POST visitors/": "visitors/",
    "POST events/": "events/",
    "POST feedback/<str:product>/": "feedback/{milk}/",
    "DELETE feedback/<str:product>/": "feedback/{milk}/",
    "GET me/preferences/": "me/preferences/",
    "PATCH me/preferences/": "me/preferences/",
    "GET me/data/": "me/data/",
    "DELETE me/data/": "me/data/",
    "POST purchases/": "purchases/",
    "POST posts/": "posts/",
    "GET me/household/": "me/household/",
    "POST me/household/invitations/": "me/household/invitations/",
    "DELETE me/household/invitations/<str:invitation>/": "me/household/invitations/1/",
    "POST me/household/join/": "me/household/join/",
    "POST me/household/leave/": "me/household/leave/",
    "GET explain/": "explain/",
    "GET health/": "health/",
    "GET schema/": "schema/",
}
"""Each method of each address, and what is asked to try it."""
BODIES = {
    "POST recommendations/": {"requests": [{"surface": "home"}]},
    "POST rank/": {"products": [1, 2]},
    "POST visitors/": {"consent": "granted"},
    "POST events/": {"events": [{"name": "view_item"}]},
    "PATCH me/preferences/": {"consent": "granted"},
    "POST purchases/": {"lines": []},
    "POST posts/": {"posts": []},
    "POST me/household/join/": {"code": "AAAA"},
}
READING = tuple(WAYS)[: list(WAYS).index("POST visitors/")]
FEEDBACK = [way for way in WAYS if "feedback" in way]
OF_HOUSEHOLDS = [way for way in WAYS if "household" in way]
NEW_EACH_TIME = ("token", "exported_at", "since")


@pytest.fixture(autouse=True)
def households_on(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)


@pytest.fixture
def everybody(stranger, known_browser, app, session, server):
    return {
        "stranger": stranger,
        "browser": known_browser,
        "app": app,
        "session": session,
        "key": server("surfaces:read"),
        "powerless key": server(),
        "speaking key": server("surfaces:read", "customers:read", customer=shop.create_customer("ben")),
        "reporting key": server("events:write"),
        "till": server("purchases:write"),
        "social tool": server("posts:write"),
    }


@pytest.fixture
def milk():
    return shop.create_shop_product("Milk")


def test_every_way_to_ask_is_tried():
    offered = {
        f"{method.upper()} {pattern.pattern}"
        for pattern in urls.urlpatterns
        for method in APIEndpoint.http_method_names
        if hasattr(pattern.callback.view_class, method) and method != "head"
    }
    assert offered == WAYS.keys()


def asked(who, way, milk, names=None, **headers):
    """What is answered; nothing of it remains, neither in the tables nor in the browser."""
    named, cookies = names or {}, deepcopy(who.client.cookies)
    body = {**BODIES.get(way, {}), **named}
    if "events" in body:
        items = [{"item_id": str(milk.pk)}]
        (event,) = body["events"]
        body["events"] = [{**event, "items": items, **said} for said in (named, {"id": named.get("id")})]
    path = WAYS[way].format(milk=milk.pk)
    rate_limits.reset_counters()
    cache.clear()
    with transaction.atomic():
        answer = who.send(way.partition(" ")[0].lower(), f"{path}?{urlencode(named)}", body, **headers)
        answer.left = held_of("cleo")
        transaction.set_rollback(True)
    who.client.cookies = cookies
    return answer


def held_of(name):
    held = Visitor.objects.filter(user__username=name)
    return [*held.values(), *Event.objects.filter(visitor__in=held).values()]


OPEN = {
    **dict.fromkeys(WAYS, 200),
    "GET explain/": 403,
    "POST purchases/": 403,
    "POST posts/": 403,
    "GET health/": 503,
    "POST visitors/": 201,
    "POST events/": 202,
}
OPEN |= dict.fromkeys([*FEEDBACK, "DELETE me/data/", "POST me/household/leave/"], 204)
OPEN |= dict.fromkeys(["POST me/household/invitations/", "POST me/household/join/"], 403)  # for customers only
OPEN |= {"DELETE me/household/invitations/<str:invitation>/": 404}
NO_EVENTS = {"POST events/": 403}
"""Without an origin, or without a key that may."""
CLOSED_TO_KEYS = dict.fromkeys(
    [*FEEDBACK, "GET me/data/", "DELETE me/data/", "PATCH me/preferences/", "POST visitors/", *OF_HOUSEHOLDS], 403
)
NOTHING_TO_READ = dict.fromkeys([*READING, "GET me/preferences/"], 403)
CHANGES = [*FEEDBACK, "DELETE me/data/", "PATCH me/preferences/", "POST rank/", "POST recommendations/"]
CHANGES += OF_HOUSEHOLDS[1:]


@pytest.mark.parametrize(
    ("who", "unlike"),
    [
        ("stranger", {**NO_EVENTS, **dict.fromkeys(FEEDBACK, 403)}),
        ("browser", {**NO_EVENTS, **dict.fromkeys(CHANGES, 403)}),  # without a CSRF token
        ("app", {}),
        ("session", {**NO_EVENTS, "POST me/household/invitations/": 201, "POST me/household/join/": 404}),
        ("key", {**NO_EVENTS, **CLOSED_TO_KEYS, "GET me/preferences/": 403}),
        ("powerless key", {**NO_EVENTS, **CLOSED_TO_KEYS, **NOTHING_TO_READ}),
        ("speaking key", {**NO_EVENTS, **CLOSED_TO_KEYS}),
        ("reporting key", {**CLOSED_TO_KEYS, **NOTHING_TO_READ}),
        ("till", {**NO_EVENTS, **CLOSED_TO_KEYS, **NOTHING_TO_READ, "POST purchases/": 200}),
        ("social tool", {**NO_EVENTS, **CLOSED_TO_KEYS, **NOTHING_TO_READ, "POST posts/": 200}),
    ],
)
def test_who_may_do_what(everybody, milk, who, unlike):
    assert {way: asked(everybody[who], way, milk).status_code for way in WAYS} == {**OPEN, **unlike}


@pytest.fixture
def cleo(milk):
    """Somebody else, who has all that somebody can have here."""
    user = shop.create_customer("cleo")
    theirs = Visitor.objects.get(user=user)
    theirs.set_preference("interest", 7, 1, now().timestamp())
    store_event(theirs, product_id=milk.pk)
    return user


@pytest.fixture
def foreign(cleo, milk):
    """What names her, and the same of nobody."""
    theirs, basket = Visitor.objects.get(user=cleo), Basket.objects.create(owner=cleo)
    signed_in = Client()
    signed_in.force_login(cleo)
    shown = [row["token"] for row in ApiClient(signed_in).get("surfaces/home/").json()["rows"]]
    hers = {
        **dict.fromkeys(["user", "user_id", "customer", "owner"], cleo.pk),
        **dict.fromkeys(["visitor", "visitor_id", "profile"], theirs.pk.hex),
        "email": cleo.email,
        "basket": basket.pk,
        "id": str(Event.objects.get(visitor=theirs).event_id),
        "slate": shown[0],
        "session": signed_in.session.session_key,
    }
    nobodys = {name: 10**9 if isinstance(value, int) else value[::-1] for name, value in hers.items()}
    return hers, {**nobodys, "id": "0b0b5f6e-6a5e-4c57-9d7c-1a4f0e6f2d11"}


def naming(names):
    """The headers that somebody may hope to be somebody else by."""
    session = {"Session-Id": str(names["session"]), "X-Session": str(names["session"])}
    return {
        "X-User": str(names["user"]),
        "X-Customer": str(names["customer"]),
        "X-Visitor": names["visitor"],
        **session,
    }


def told(answer):
    """All but what is new each time, as an invitation is."""
    content = {} if not answer.content or "expires_at" in answer.json() else answer.json()
    return answer.status_code, lasting(content)


def lasting(value):
    """The value without that, at any depth: the token of a row tells the second."""
    if isinstance(value, list):
        return [lasting(one) for one in value]
    if isinstance(value, dict):
        return {name: lasting(one) for name, one in value.items() if name not in NEW_EACH_TIME}
    return value


@pytest.mark.parametrize("way", WAYS)
def test_anothers_keys_are_answered_like_keys_of_nobody(everybody, way, milk, foreign):
    """In the query, the body and headers; of all that somebody else has nothing is changed."""
    known_browser = everybody["browser"]
    known_browser.get("me/preferences/")
    known_browser.headers["X-CSRFToken"] = known_browser.client.cookies["csrftoken"].value
    before = held_of("cleo")
    for name, who in everybody.items():
        if name in ("browser", "session", "stranger"):
            who.headers["Origin"] = "http://testserver"
        hers, nobodys = (asked(who, way, milk, names, **naming(names)) for names in foreign)
        assert (told(hers), hers.left) == (told(nobodys), before)
        if way != "POST events/":  # one that says less of its row is taken
            assert told(hers) == told(asked(who, way, milk))


@pytest.mark.parametrize("path", ["surfaces/home/", "me/preferences/", "navigation/"])
def test_a_token_of_another_is_worth_no_more_than_an_invented_one(path):
    signed = issue_visitor_token()
    visitors_id = "0" * 32
    forged = (signed.replace(signed.split(":")[1], visitors_id), "1:x", "x", "1:" + "é" * 20, "::::", "%00:" * 50)
    nobody = ApiClient(Client(), {"X-Personalization-Visitor": "nonsense"}).get(path).content
    for invented in forged:
        assert ApiClient(Client(), {"X-Personalization-Visitor": invented}).get(path).content == nobody


def test_a_key_of_an_unknown_customer_is_answered_like_a_key_of_none(server, anna):
    scopes = ("surfaces:read", "customers:read")
    alone, speaking = server(*scopes), server(*scopes, customer=anna)
    for named in ("999999", "", "x", "9" * 400, "-1", "None", "1e3", "²"):
        speaking.headers["X-Personalization-Customer"] = named
        for path in ("surfaces/home/", "me/preferences/", "navigation/", "continue/"):
            assert speaking.get(path).content == alone.get(path).content


def test_a_session_and_a_key_that_names_the_customer_are_the_same_person(session, server, anna):
    Visitor.objects.get(user=anna).set_preference("interest", 7, 1, now().timestamp())
    named = server("customers:read", customer=anna).get("me/preferences/").json()
    assert named == session.get("me/preferences/").json()
    assert named["interests"] == [{"category": 7, "sign": 1}]


def test_a_key_without_the_scope_names_nobody(server, anna):
    answer = server("surfaces:read", customer=anna).get("surfaces/home/")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("said", ["Key", "Key ", "Key x", "key " + "x" * 5000, "Key \x7f"])
def test_an_unknown_key_is_refused(stranger, said):
    answer = stranger.get("surfaces/home/", Authorization=said)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_key_ends_when_it_is_revoked_and_a_replaced_one_a_day_later(server):
    who = server("surfaces:read")
    key = ServerKey.objects.get()
    new, secret = key.rotate()
    assert who.get("navigation/").status_code == 200
    ServerKey.objects.filter(pk=key.pk).update(expires_at=now() - timedelta(seconds=1))
    assert who.get("navigation/").status_code == 401
    assert who.get("navigation/", Authorization=f"Key {secret}").status_code == 200
    new.expire(now())
    assert who.get("navigation/", Authorization=f"Key {secret}").status_code == 401


def test_only_what_a_key_hashes_to_is_stored():
    key, secret = ServerKey.objects.create_key("till", ["surfaces:read"])
    assert secret not in str(vars(ServerKey.objects.get(pk=key.pk)))


def header_session(get_response):
    """As django-oscar-api has it: whoever sends a header has the session that its id names."""

    def middleware(request):
        if key := request.headers.get("Session-Id"):
            request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        return get_response(request)

    return middleware


def test_a_session_that_a_header_names_is_not_the_customer(session, anna, settings):
    settings.MIDDLEWARE = [
        name
        for known in settings.MIDDLEWARE
        for name in ([known, f"{__name__}.header_session"] if known.endswith("SessionMiddleware") else [known])
    ]
    Visitor.objects.get(user=anna).set_preference("interest", 7, 1, now().timestamp())
    key = session.client.session.session_key
    guessed = ApiClient(Client(), {"Session-Id": key})
    assert session.get("me/preferences/").json()["interests"]
    for path in ("me/preferences/", "surfaces/home/", "navigation/", "continue/"):
        assert guessed.get(path).content == ApiClient(Client()).get(path).content
    assert guessed.delete("me/data/").status_code == 204
    assert Visitor.objects.get(user=anna).preferences


def test_a_known_browser_needs_djangos_token_to_change_something(known_browser, app):
    change = {"consent": "refused"}
    assert known_browser.patch("me/preferences/", change).json()["code"] == "csrf_failed"
    assert known_browser.delete("me/data/").json()["code"] == "csrf_failed"
    assert Visitor.objects.count() == 2
    assert known_browser.get("me/preferences/").json()["consent"]["code"] == "granted"
    csrf = known_browser.client.cookies["csrftoken"].value
    assert known_browser.patch("me/preferences/", change, **{"X-CSRFToken": csrf}).status_code == 200
    assert app.patch("me/preferences/", change).status_code == 200
    assert not Visitor.objects.exists()


def test_a_session_needs_djangos_token_to_change_something(anna):
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    assert ApiClient(client).delete("me/data/").json()["code"] == "csrf_failed"


def test_an_erased_token_is_worth_nothing(app, stranger):
    assert app.get("me/preferences/").json()["consent"]["code"] == "granted"
    assert app.delete("me/data/").status_code == 204
    assert app.get("me/preferences/").json() == stranger.get("me/preferences/").json()
    assert app.patch("me/preferences/", {"consent": "granted"}).json()["code"] == "token_expired"
    assert not Visitor.objects.exists()


def test_a_new_text_ends_what_tokens_agreed_to(app, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_VERSION": "2"}
    assert app.get("me/preferences/").json()["consent"]["code"] == "not_asked"


def test_whoever_objects_is_given_no_token(stranger):
    for signal in ("Sec-GPC", "DNT"):
        assert stranger.post("visitors/", {"consent": "granted"}, **{signal: "1"}).json()["code"] == "opt_out_signal"
    assert stranger.post("visitors/", {"consent": "refused"}).status_code == 400
    assert not Visitor.objects.exists()


def test_a_minted_token_is_known_again(stranger, app):
    minted = stranger.post("visitors/", {"consent": "granted"}).json()["token"]
    app.headers["X-Personalization-Visitor"] = minted
    assert app.get("me/preferences/").json()["consent"]["code"] == "granted"
    assert app.get("surfaces/home/").cookies.output() == ""


def test_a_token_goes_before_the_cookies_beside_it(app):
    client = Client()
    beside = identify_browser(client)
    store_event(beside, product_id=shop.create_shop_product("Milk").pk)
    app.client = client
    assert [row["id"] for row in app.get("me/data/").json()["tables"]["personalization.Visitor"]] != [str(beside.pk)]


def test_an_accounts_id_is_no_token(anna):
    account = Visitor.objects.get(user=anna)
    forged = ApiClient(Client(), {"X-Personalization-Visitor": f"1:{cookies.sign_visitor_token(account)}"})
    assert forged.get("me/data/").json()["tables"]["personalization.Visitor"] == []


def test_staff_see_why_for_their_own_visit(trained, session, anna):
    assert session.get("explain/").json()["code"] == "permission_denied"
    anna.user_permissions.add(Permission.objects.get(codename="explain_decision"))
    explained = session.get("explain/", {"limit": 3}).json()
    assert (explained["surface"], explained["visit"]["tracking_allowed"]) == ("home", True)
    assert {len(row["items"]) for row in explained["rows"] if not row["hidden_because"]} == {3}


def test_a_key_explains_nothing_even_of_staff(trained, server, anna):
    anna.is_superuser = True
    anna.save()
    who = server("surfaces:read", "customers:read", customer=anna)
    assert who.get("explain/").json()["code"] == "server_key_not_allowed"


def test_the_shops_own_authentication_counts(anna, settings, stranger):
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "UNAUTHENTICATED_USER": None,
        "DATETIME_FORMAT": "%s",
    }
    Visitor.objects.get(user=anna).set_preference("interest", 7, 1, now().timestamp())
    basic = {"Authorization": "Basic YW5uYTp4"}  # anna:x
    assert stranger.get("me/preferences/", **basic).json()["interests"] == [{"category": 7, "sign": 1}]
    assert stranger.get("me/preferences/").json()["interests"] == []
    wrong = stranger.get("me/preferences/", Authorization="Basic YW5uYTp5")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "authentication_failed")


def test_every_address_is_below_one_root(client):
    assert client.get(f"{ROOT}nowhere/").status_code == 404
