"""What visitors and servers report, and what they want no more of."""

import time

import pytest

from personalization.models import Event, Visitor
from tests.api.api_client import ApiClient
from tests.collect.event_payloads import FIREFOX, event_payload
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

HERE = {"Origin": "http://testserver", "User-Agent": FIREFOX}


@pytest.fixture
def milk():
    return shop.create_shop_product("Milk")


def looks(milk, times):
    now = round(time.time() * 1000)
    return [event_payload(product=milk.pk, at=now) for _ in range(times)]


def test_a_token_reports_and_needs_no_origin(app, milk):
    sent = {"events": looks(milk, 2)}
    assert app.post("events/", sent, **{"User-Agent": FIREFOX}).json() == {"accepted": 2, "rejected": []}
    app.post("events/", sent)
    assert Event.objects.count() == 2


def test_cookies_report_from_this_shop_only(known_browser, milk):
    assert known_browser.post("events/", {"events": looks(milk, 1)}).json()["code"] == "cross_origin"
    far = {"Origin": "https://elsewhere.example"}
    assert known_browser.post("events/", {"events": looks(milk, 1)}, **far).status_code == 403
    assert known_browser.post("events/", {"events": looks(milk, 1)}, **HERE).json()["accepted"] == 1
    sent = known_browser.send("post", "events/", {"events": looks(milk, 1)}, content_type="text/plain", **HERE)
    assert sent.json()["accepted"] == 1


def test_a_server_reports_500_events_of_a_customer(server, anna, milk):
    till = server("events:write", "customers:read", customer=anna)
    assert till.post("events/", {"events": looks(milk, 500)}).json() == {"accepted": 500, "rejected": []}
    assert Event.objects.filter(visitor=Visitor.objects.get(user=anna), product_id=milk.pk).count() == 500
    assert till.post("events/", {"events": looks(milk, 501)}).json()["code"] == "too_many_events"


def test_others_report_50(app, milk):
    assert app.post("events/", {"events": looks(milk, 51)}).json()["code"] == "too_many_events"


def test_a_servers_delivery_may_have_512_kib_and_others_64(server, anna, app, milk):
    till = server("events:write", "customers:read", customer=anna)
    for who, kib in ((till, 512), (app, 64)):
        fits, does_not = (b'{"events": []}'.ljust(kib * 1024 + more) for more in (0, 1))
        assert who.post("events/", fits).status_code == 202
        answer = who.post("events/", does_not)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_server_reports_nothing_of_nobody(server, milk):
    (rejected,) = server("events:write").post("events/", {"events": looks(milk, 1)}).json()["rejected"]
    assert rejected["code"] == "no_consent"
    assert not Event.objects.exists() and not Visitor.objects.exists()


def test_a_key_that_may_only_ask_reports_nothing(server, milk):
    assert server("surfaces:read").post("events/", {"events": looks(milk, 1)}).json()["code"] == "missing_scope"


def test_what_is_not_wanted_is_not_shown_until_that_is_taken_back(app, milk):
    shop.create_shop_product("Bread")

    def shown():
        return [item["id"] for row in app.get("surfaces/home/").json()["rows"] for item in row["items"]]

    assert milk.pk in shown()
    assert app.post(f"feedback/{milk.pk}/").status_code == 204
    assert milk.pk not in shown()
    assert app.delete(f"feedback/{milk.pk}/").status_code == 204
    assert milk.pk in shown()


@pytest.mark.parametrize("key", [10**9, 2**63, 10**40, 0, "x", "01", "1,2", "²"])
def test_nothing_is_said_of_what_is_not_there(app, key):
    assert app.post(f"feedback/{key}/").json()["code"] == "unknown_product"


def test_who_does_not_agree_says_nothing(stranger: ApiClient, milk):
    assert stranger.post(f"feedback/{milk.pk}/").json()["code"] == "no_consent"
    assert not Visitor.objects.exists()


def test_interests_are_changed_all_or_none(app):
    from oscar.apps.catalogue.categories import create_from_breadcrumbs

    tea = create_from_breadcrumbs("Tea")
    one = {"category": tea.pk, "sign": 1}
    assert app.patch("me/preferences/", {"interests": [one]}).json()["interests"] == [one]
    wrong = app.patch("me/preferences/", {"interests": [{**one, "sign": -1}, {"category": 10**9, "sign": 1}]})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "unknown_category")
    assert app.get("me/preferences/").json()["interests"] == [one]
    assert app.patch("me/preferences/", {"interests": [{**one, "sign": 0}]}).json()["interests"] == []
