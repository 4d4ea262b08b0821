"""The door through which browsers report what happened."""

import itertools
import re
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization import rate_limits
from personalization.collect import ingestion
from personalization.models import Event, Visitor
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, delivery_body, event_payload, to_milliseconds
from tests.shops import factories as shop
from tests.walks.event_requests import (
    HERE,
    consented_client,
    post_events,
    raise_disk_full,
    rejection_codes,
    send_events,
    view_payload,
)

pytestmark = pytest.mark.django_db


def test_a_browser_that_agreed_reports_and_is_known_from_then_on(milk):
    client = consented_client()
    response = send_events(client, view_payload(milk))
    assert (response.status_code, response.json()) == (202, {"accepted": 1, "rejected": []})
    cookie = response.cookies[cookies.VISITOR_COOKIE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert cookies.VISITOR_COOKIE not in send_events(client, view_payload(milk)).cookies
    assert Visitor.objects.count() == 1
    assert (
        list(Event.objects.values_list("type", "product_id", "is_suspected_bot")) == [("view_item", milk.pk, False)] * 2
    )


def test_every_answer_stays_out_of_caches(milk):
    client = consented_client()
    for response in (
        send_events(client, view_payload(milk)),
        post_events(client, b""),
        client.get(reverse("personalization:events")),
    ):
        assert response["Cache-Control"] == "private, no-store"
        assert "Cookie" in response["Vary"]
        assert response["Content-Type"] == "application/json"


def test_an_event_that_is_wrong_is_named_and_the_others_are_taken(milk):
    response = send_events(consented_client(), event_payload("purchase"), view_payload(milk), event_payload("search"))
    assert response.json() == {
        "accepted": 1,
        "rejected": [
            {
                "index": 0,
                "code": "purchases_not_accepted",
                "message": "Purchases are not accepted: they are read from the shop's own orders.",
            },
            {"index": 2, "code": "missing_search_term", "message": "A search needs a search_term."},
        ],
    }


def test_an_account_that_agreed_reports_without_a_cookie_of_ours(milk, customer):
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    client.force_login(customer)
    response = send_events(client, view_payload(milk))
    assert response.json() == {"accepted": 1, "rejected": []}
    assert cookies.VISITOR_COOKIE not in response.cookies
    assert Event.objects.get().visitor.user == customer


@pytest.mark.parametrize("signal", [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}])
def test_whoever_objects_is_not_known_and_gets_no_cookie(milk, signal):
    response = send_events(consented_client(**signal), view_payload(milk), event_payload("purchase"))
    assert (response.status_code, rejection_codes(response)) == (202, ["no_consent", "purchases_not_accepted"])
    assert not response.cookies
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)


def test_whoever_was_not_asked_is_not_known(milk):
    response = send_events(Client(HTTP_ORIGIN=HERE), view_payload(milk))
    assert (response.status_code, rejection_codes(response)) == (202, ["no_consent"])
    assert not response.cookies
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)


def test_a_withdrawal_counts_from_the_next_request_on(milk, customer):
    client = consented_client()
    client.force_login(customer)
    assert rejection_codes(send_events(client, view_payload(milk))) == []
    Visitor.objects.get().change_consent("withdrawn", version="1", source="test", now=now())
    assert rejection_codes(send_events(client, view_payload(milk))) == ["no_consent"]


def test_a_childs_account_is_not_known(milk, customer, settings):
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "IS_CHILD_CALLABLE": "tests.walks.test_event_endpoint.everybody",
    }
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    client.force_login(customer)
    assert rejection_codes(send_events(client, view_payload(milk))) == ["no_consent"]


def everybody(user):
    return True


def test_nobody_is_made_known_by_events_that_are_all_wrong():
    assert rejection_codes(send_events(consented_client(), event_payload("purchase"), "nonsense")) == [
        "purchases_not_accepted",
        "invalid_event",
    ]
    assert send_events(consented_client()).json() == {"accepted": 0, "rejected": []}
    assert Visitor.objects.count() == 0


def test_a_forged_cookie_is_replaced(milk):
    client = consented_client()
    client.cookies[cookies.VISITOR_COOKIE] = "forged"
    response = send_events(client, view_payload(milk))
    token = response.cookies[cookies.VISITOR_COOKIE].value
    assert cookies.verify_visitor_token(token) == Visitor.objects.get().pk


def test_the_visitor_of_an_event_is_never_taken_from_what_was_sent(milk):
    victim = Visitor.objects.create(consent="granted", consented_at=now())
    told = {key: str(victim.pk) for key in ("visitor", "visitor_id", "client_id", "user_id")}
    send_events(consented_client(), view_payload(milk, **told, params=told))
    assert Event.objects.exclude(visitor=victim).count() == 1


ORIGINS = {None: False, HERE: True, "http://evil.example": False, "null": False, "https://testserver": False, "": False}
SITES = {None: False, "same-origin": True, "same-site": False, "cross-site": False, "none": False}
TYPES = {
    "text/plain": True,
    "application/json": True,
    "application/json; charset=utf-8": True,
    "application/x-www-form-urlencoded": False,
    "multipart/form-data; boundary=x": False,
    "text/html": False,
    "": False,
}


@pytest.mark.parametrize("signed_in", [False, True])
def test_only_json_from_a_page_of_the_shop_is_taken(milk, customer, signed_in):
    found, expected = {}, {}
    for origin, site, kind in itertools.product(ORIGINS, SITES, TYPES):
        client = consented_client()
        del client.defaults["HTTP_ORIGIN"]
        if signed_in:
            client.force_login(customer)
        headers = {"HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": site}
        sent = {name: value for name, value in headers.items() if value is not None}
        rate_limits.reset_counters()
        found[origin, site, kind] = post_events(client, delivery_body(view_payload(milk)), kind, **sent).status_code
        here = ORIGINS[origin] or SITES[site]
        expected[origin, site, kind] = 415 if not TYPES[kind] else 202 if here else 403
    assert found == expected


def test_a_beacon_of_somebody_who_is_signed_in_needs_no_csrf_token(milk, customer):
    client = Client(enforce_csrf_checks=True, HTTP_USER_AGENT=FIREFOX, HTTP_SEC_FETCH_SITE="same-origin")
    client.force_login(customer)
    assert send_events(client, view_payload(milk)).status_code == 202


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_every_other_method_is_refused(method):
    response = getattr(consented_client(), method)(reverse("personalization:events"))
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_crawler_is_kept_apart(milk):
    send_events(consented_client(), view_payload(milk), HTTP_USER_AGENT="Mozilla/5.0 (compatible; Googlebot/2.1)")
    send_events(consented_client(), view_payload(milk), HTTP_USER_AGENT="")
    assert list(Event.objects.values_list("is_suspected_bot", flat=True)) == [True, True]
    visitor = Event.objects.first().visitor
    assert Event.objects.recent(visitor.pk, now() - timedelta(days=1), now(), min_seen=1) == ((), ())


def test_ten_thousand_forged_views_by_one_visitor_count_as_120_and_the_rest_is_kept_apart_or_dropped(milk):
    client, answers = consented_client(), []
    for _ in range(200):
        answers.append(send_events(client, *(view_payload(milk) for _ in range(50))).json())
    minutes = 2  # the test may run into the next one
    unknown = 50  # the first delivery made the visitor known and is not counted as theirs
    assert Event.objects.filter(is_suspected_bot=False).count() <= 120 * minutes + unknown
    assert Event.objects.count() <= 600 * minutes
    dropped = sum(len(answer["rejected"]) for answer in answers)
    assert sum(answer["accepted"] for answer in answers) == Event.objects.count() == 10_000 - dropped
    assert {one["code"] for answer in answers for one in answer["rejected"]} == {"rate_limited"}


def test_what_is_dropped_is_counted_in_the_log_without_saying_whose_it_was(milk, caplog):
    for _ in range(13):
        send_events(
            consented_client(), *(view_payload(milk) for _ in range(49)), event_payload("search", search_term="secret")
        )
    said = [record.getMessage() for record in caplog.records if record.name == "personalization"]
    assert len(said) == 1
    assert not [
        name for name in ("secret", "127.0.0.1", *map(str, Visitor.objects.values_list("pk"))) if name in said[0]
    ]


def home_token(client):
    """The token of the first row on this browser's home page, and the product that stands first in it."""
    text = client.get("/").content.decode()
    return re.search(r'data-slate="([^"]+)"', text)[1], int(re.search(r'data-product="(\d+)"', text)[1])


def test_a_forged_click_is_refused_and_one_on_what_was_shown_is_taken(milk):
    client = consented_client()
    token, shown = home_token(client)
    other = shop.create_shop_product("Bread")
    click = {"name": "select_item", "slate": token}
    forged = view_payload(milk, slate=token[::-1])
    response = send_events(
        client, view_payload(other, **click), event_payload(product=shown, at=to_milliseconds(now()), **click), forged
    )
    assert [(one["index"], one["code"]) for one in response.json()["rejected"]] == [
        (0, "not_on_slate"),
        (2, "invalid_slate"),
    ]
    stored = Event.objects.values_list("product_id", "surface", "row_key", "position").get()
    assert stored == (shown, "home", "latest", 0)


def test_what_a_browser_was_shown_before_it_was_known_is_taken_from_it_and_from_no_other(milk):
    client = consented_client()
    token, shown = home_token(client)
    assert Visitor.objects.count() == 0
    click = event_payload("select_item", shown, slate=token, at=to_milliseconds(now()))
    strangers, known = consented_client(), consented_client()
    home_token(strangers)  # holds a secret of its own
    send_events(known, view_payload(milk))
    assert (
        rejection_codes(send_events(strangers, click))
        == rejection_codes(send_events(known, click))
        == ["invalid_slate"]
    )
    made_known = send_events(client, click)
    assert (made_known.json()["accepted"], cookies.VISITOR_COOKIE in made_known.cookies) == (1, True)
    assert (
        send_events(client, event_payload("select_item", shown, slate=token, at=to_milliseconds(now()))).json()[
            "accepted"
        ]
        == 1
    )


def test_before_consent_a_page_signs_nothing_and_sets_no_cookie_of_ours(milk):
    response = Client(HTTP_USER_AGENT=FIREFOX).get("/")
    assert "data-slate" not in response.content.decode()
    assert not [name for name in response.cookies if name.startswith("personalization")]


@pytest.mark.django_db(transaction=True)
def test_a_known_browsers_delivery_costs_four_queries(django_assert_num_queries):
    client, milk = consented_client(), shop.create_shop_product("Milk")
    send_events(client, view_payload(milk))
    told = [view_payload(milk) for _ in range(20)]
    with django_assert_num_queries(4):  # the visitor, the products, sensitive categories, one insert; no transaction
        assert send_events(client, *told).json()["accepted"] == 20


def test_when_nothing_can_be_stored_the_browser_is_told_to_send_it_again(milk, monkeypatch, caplog):
    client = consented_client()
    send_events(client, view_payload(milk))
    monkeypatch.setattr(ingestion, "store_events", raise_disk_full)
    response = send_events(client, view_payload(milk), event_payload("purchase"))
    assert (response.status_code, rejection_codes(response)) == (202, ["not_stored", "purchases_not_accepted"])
    assert Event.objects.count() == 1


def test_in_a_burst_deliveries_are_dropped_and_counted_and_later_ones_are_taken(milk, django_assert_num_queries):
    client = consented_client()
    with rate_limits.delivery_slot(), rate_limits.delivery_slot(), rate_limits.delivery_slot():
        with django_assert_num_queries(0):  # in a burst it is these that there are most of
            response = send_events(client, view_payload(milk), event_payload("purchase"))
        assert post_events(client, "no JSON").status_code == 400
    assert (response.status_code, rejection_codes(response)) == (202, ["server_busy", "server_busy"])
    assert response["Cache-Control"] == "private, no-store"
    assert rejection_codes(send_events(client, view_payload(milk))) == []
    assert Event.objects.count() == 1


def test_a_process_spends_a_part_of_its_time_on_events_and_the_rest_on_pages(milk, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "MAX_EVENT_TIME_SHARE", 0.25)
    client, keep = consented_client(), ingestion.store_events

    def slowly(*what):
        time.sleep(2)
        return keep(*what)

    monkeypatch.setattr(ingestion, "store_events", slowly)
    assert rejection_codes(send_events(client, view_payload(milk))) == []
    monkeypatch.setattr(ingestion, "store_events", keep)
    started = time.monotonic()
    assert rejection_codes(send_events(client, view_payload(milk))) == ["server_busy"]
    while rejection_codes(send_events(client, view_payload(milk))) == ["server_busy"]:  # half a second was too much
        assert time.monotonic() - started < 10
        time.sleep(0.05)


def test_a_visitor_who_is_forgotten_while_they_report_stays_forgotten(milk, monkeypatch):
    keep = ingestion.store_events

    def too_late(delivery, told):
        Visitor.objects.all().delete()
        return keep(delivery, told)

    monkeypatch.setattr(ingestion, "store_events", too_late)
    response = send_events(consented_client(), view_payload(milk))
    assert (response.status_code, rejection_codes(response)) == (202, ["no_consent"])
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)


def test_the_events_of_two_visitors_with_one_id_are_one(milk):
    told = view_payload(milk, id=str(uuid4()))
    assert [rejection_codes(send_events(consented_client(), told)) for _ in range(2)] == [[], []]
    assert Event.objects.count() == 1
