"""Nobody fills the shop's tables: neither by new visitors, nor by changes, nor by events, whichever way they come."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from oscar.core.loading import get_model

from personalization import rate_limits
from personalization.collect import feedback, ingestion
from personalization.collect.day_limit import within_day_limit
from personalization.models import Consent, ConsentRecord, Event, ServerKey, Visitor
from tests.api.api_client import ApiClient, issue_visitor_token
from tests.collect.event_payloads import to_milliseconds
from tests.shops import factories as shop
from tests.walks.event_requests import (
    consented_client,
    raise_disk_full,
    rejection_codes,
    send_events,
    view_payload,
)
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db

FEEDBACK, SORT, WISH, CONSENT, ERASE = (
    f"personalization:{name}" for name in ("feedback", "sort", "privacy_preference", "consent", "privacy_erase")
)
KITCHEN = "bestsellers:kitchen"


@pytest.fixture
def milk():
    return shop.create_shop_product("Milk", shop.create_from_breadcrumbs("Food > Dairy"))


@pytest.fixture
def frozen_minute(monkeypatch):
    """No minute ends while a test counts."""
    monkeypatch.setattr(rate_limits.time, "time", lambda: 1_790_000_000.0)


def dismiss(client, milk):
    return client.post(reverse(FEEDBACK), {"token": feedback.sign_feedback("reason", KITCHEN)})


def switch_sort(client, milk):
    return client.post(reverse(SORT), {"sort": "off"})


def like(client, milk):
    return client.post(reverse(WISH), {"kind": "interest", "key": milk.categories.get().pk, "sign": 1})


def take_back(client, milk):
    return client.post(reverse(WISH), {"kind": "reason", "key": KITCHEN, "sign": 0})


def dismiss_by_api(client, milk):
    client.get(reverse("personalization:privacy"))
    return ApiClient(client).post(f"feedback/{milk.pk}/")


def like_by_api(client, milk):
    interests = [{"category": milk.categories.get().pk, "sign": 1}]
    return ApiClient(client).patch("me/preferences/", {"interests": interests})


def become_visitor_by_api(client, milk):
    return ApiClient(Client()).post("visitors/", {"consent": "granted"})


NEWCOMERS = (dismiss, switch_sort, like, dismiss_by_api, like_by_api, become_visitor_by_api)
CHANGES = (dismiss, switch_sort, like, take_back, dismiss_by_api, like_by_api)


@pytest.fixture
def newcomer():
    """Makes browsers that agreed and are not known yet."""

    def make(address="203.0.113.9"):
        return consented_client(REMOTE_ADDR=address)

    return make


def stays_out(response):
    return response.status_code == 429 and 0 < int(response["Retry-After"]) <= 60


@pytest.mark.parametrize("change", NEWCOMERS)
def test_one_address_brings_in_twenty_visitors_a_minute(change, milk, newcomer, frozen_minute):
    answers = [change(newcomer(), milk) for _ in range(30)]
    assert Visitor.objects.count() == 20
    assert [stays_out(answer) for answer in answers] == [False] * 20 + [True] * 10


def test_all_ways_are_counted_together(milk, newcomer, frozen_minute):
    for number in range(40):
        client = newcomer()
        (dismiss, switch_sort, like)[number % 3](client, milk)
        send_events(consented_client(REMOTE_ADDR="203.0.113.9"), view_payload(milk))
    assert Visitor.objects.count() == 20
    dismiss(newcomer("203.0.113.10"), milk)
    assert Visitor.objects.count() == 21


def test_events_of_newcomers_beyond_that_may_be_sent_again_later(milk, frozen_minute):
    answers = [send_events(consented_client(), view_payload(milk)) for _ in range(21)]
    assert [rejection_codes(answer) for answer in answers] == [[]] * 20 + [["rate_limited"]]
    assert Visitor.objects.count() == Event.objects.count() == 20


def test_how_many_newcomers_is_a_setting(settings, milk, newcomer, frozen_minute):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_NEW_VISITORS_PER_MINUTE": 2}
    assert [dismiss(newcomer(), milk).status_code for _ in range(3)] == [302, 302, 429]


@pytest.mark.parametrize("change", CHANGES)
def test_one_visitor_makes_120_changes_a_minute_and_then_none(change, milk, client, frozen_minute, monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_VISITOR_CHANGES_PER_MINUTE", 3)
    visitor = identify_browser(client)
    visitor.set_preference("reason", KITCHEN, -1, 1.0)
    before = [stays_out(change(client, milk)) for _ in range(3)]
    known = Visitor.objects.values().get(), Event.objects.count()
    assert (before, stays_out(change(client, milk))) == ([False] * 3, True)
    assert (Visitor.objects.values().get(), Event.objects.count()) == known


def test_a_customer_who_agrees_over_and_over_is_stopped_and_a_no_is_always_heard(client, monkeypatch, frozen_minute):
    monkeypatch.setattr(rate_limits, "MAX_VISITOR_CHANGES_PER_MINUTE", 3)
    client.force_login(User.objects.create_user("anna"))
    for answer in ("granted", "refused") * 3:
        client.post(reverse(CONSENT), {"answer": answer})
    assert ConsentRecord.objects.count() == 6
    assert stays_out(client.post(reverse(CONSENT), {"answer": "granted"}))
    assert client.post(reverse(CONSENT), {"answer": "refused"}).status_code == 302
    assert client.post(reverse(ERASE)).status_code == 302
    assert Visitor.objects.get().consent == Consent.WITHDRAWN


def test_all_changes_of_a_request_are_made_or_none(milk, client, monkeypatch, frozen_minute):
    monkeypatch.setattr(rate_limits, "MAX_VISITOR_CHANGES_PER_MINUTE", 3)
    identify_browser(client)
    interests = [{"category": milk.categories.get().pk, "sign": sign} for sign in (1, -1, 1, -1)]
    answer = ApiClient(client).patch("me/preferences/", {"interests": interests})
    assert stays_out(answer) and answer.json()["code"] == "throttled"
    assert Visitor.objects.get().preferences == []


def test_visitors_of_one_address_share_a_limit_too(milk, monkeypatch, frozen_minute):
    monkeypatch.setattr(rate_limits, "MAX_ADDRESS_CHANGES_PER_MINUTE", 3)
    answers = []
    for _ in range(4):
        client = Client()
        identify_browser(client)
        answers.append(stays_out(dismiss(client, milk)))
    assert answers == [False, False, False, True]


@pytest.mark.parametrize(("language", "words"), [("en", "a little too often"), ("de", "etwas zu oft")])
def test_it_is_said_kindly(milk, newcomer, settings, language, words):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_NEW_VISITORS_PER_MINUTE": 1}
    dismiss(newcomer(), milk)
    said = newcomer().post(
        reverse(FEEDBACK), {"token": feedback.sign_feedback("reason", KITCHEN)}, headers={"Accept-Language": language}
    )
    assert (said.status_code, words in said.content.decode()) == (429, True)
    assert {"private", "no-store"} <= set(said["Cache-Control"].replace(" ", "").split(","))


def test_our_script_is_told_in_json(milk, newcomer, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_NEW_VISITORS_PER_MINUTE": 1}
    dismiss(newcomer(), milk)
    token = {"token": feedback.sign_feedback("reason", KITCHEN)}
    said = newcomer().post(reverse(FEEDBACK), token, headers={"Accept": "application/json"})
    assert (said.status_code, "try again" in said.json()["message"]) == (429, True)


def test_with_a_dead_cache_each_process_limits_by_itself(milk, newcomer, frozen_minute, monkeypatch):
    monkeypatch.setattr(rate_limits, "cache", None)
    assert [dismiss(newcomer(), milk).status_code for _ in range(25)] == [302] * 20 + [429] * 5


# How much is stored in a day


@pytest.fixture
def five_a_day(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_VISITOR_EVENTS_PER_DAY": 5}


def reported(client, milk, count=1, **fields):
    return rejection_codes(send_events(client, *[view_payload(milk, **fields) for _ in range(count)]))


@pytest.mark.parametrize("user_agent", ["Mozilla/5.0 Firefox/140.0", "curl/8.0"])
def test_a_visitor_stores_so_much_a_day_suspects_too(five_a_day, milk, user_agent):
    client = consented_client()
    client.defaults["HTTP_USER_AGENT"] = user_agent
    assert [reported(client, milk) for _ in range(6)] == [[]] * 5 + [["daily_limit"]]
    assert Event.objects.count() == 5
    rate_limits.reset_counters()  # as a new process, in another minute
    assert reported(client, milk, 2) == ["daily_limit"] * 2
    assert reported(consented_client(), milk) == []


@pytest.mark.parametrize("days_ago", [0, 6.9])
def test_a_cache_that_was_emptied_does_not_start_the_day_anew(five_a_day, milk, days_ago):
    client = consented_client()
    at = to_milliseconds(now() - timedelta(days=days_ago))
    assert reported(client, milk, 5, at=at) == []
    cache.clear()
    assert reported(client, milk) == ["daily_limit"]
    cache.clear()
    rate_limits.reset_counters()
    assert reported(client, milk, 1, at=at) == ["daily_limit"]
    assert Event.objects.count() == 5


def test_a_cache_that_was_emptied_early_in_the_day_is_told_what_is_stored(five_a_day, milk):
    client = consented_client()
    reported(client, milk, 3)
    cache.clear()
    assert [reported(client, milk) for _ in range(3)] == [[], [], ["daily_limit"]]


def test_with_a_dead_cache_the_table_is_asked(five_a_day, milk, monkeypatch):
    monkeypatch.setattr(rate_limits, "cache", None)
    client = consented_client()
    assert [reported(client, milk) for _ in range(6)] == [[]] * 5 + [["daily_limit"]]


def test_what_could_not_be_stored_and_is_sent_again_is_counted_once(five_a_day, milk, settings, monkeypatch):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_VISITOR_EVENTS_PER_MINUTE": 5}
    client = consented_client()
    assert reported(client, milk) == []
    with monkeypatch.context() as broken:
        broken.setattr(ingestion, "store_events", raise_disk_full)
        assert [reported(client, milk, 4) for _ in range(3)] == [["not_stored"] * 4] * 3
    assert reported(client, milk, 4) == []
    assert list(Event.objects.values_list("is_suspected_bot", flat=True)) == [False] * 5
    assert reported(client, milk) == ["daily_limit"]


def test_tomorrow_is_another_day(five_a_day, milk):
    client = consented_client()
    reported(client, milk, 5)
    visitor = Visitor.objects.get()
    assert not within_day_limit(visitor, 1, now())
    assert within_day_limit(visitor, 5, now() + timedelta(days=1))


def test_a_basket_is_filled_all_the_same(five_a_day, milk):
    client = consented_client()
    reported(client, milk, 4)
    for _ in range(3):
        assert client.post(reverse("basket:add", args=[milk.pk]), {"quantity": 1}).status_code == 302
    assert get_model("basket", "Line").objects.get().quantity == 3
    assert Event.objects.filter(type="add_to_cart").count() == 1


def test_not_interested_is_stored_without_an_event(five_a_day, milk):
    client = consented_client()
    reported(client, milk, 5)
    assert dismiss_by_api(client, milk).status_code == 204
    assert [entry[:3] for entry in Visitor.objects.get().preferences] == [["product", milk.pk, -1]]
    assert Event.objects.count() == 5


def test_a_server_of_the_shop_is_not_limited(five_a_day, milk):
    anna = shop.create_customer("anna")
    _key, secret = ServerKey.objects.create_key("till", ["events:write", "customers:read"])
    till = ApiClient(Client(), {"Authorization": f"Key {secret}", "X-Personalization-Customer": str(anna.pk)})
    events = [{"id": str(uuid4()), "name": "view_item", "items": [{"item_id": str(milk.pk)}]} for _ in range(9)]
    assert till.post("events/", {"events": events}).json()["accepted"] == 9


def test_a_client_with_a_token_is_told_the_code_in_its_language(five_a_day, milk):
    app = ApiClient(Client(), {"X-Personalization-Visitor": issue_visitor_token(), "Accept-Language": "de"})
    events = [{"id": str(uuid4()), "name": "view_item", "items": [{"item_id": str(milk.pk)}]} for _ in range(6)]
    (first, *_) = app.post("events/", {"events": events}).json()["rejected"]
    assert (first["code"], "morgen" in first["message"]) == ("daily_limit", True)


def test_a_sign_in_is_never_refused(milk, newcomer, monkeypatch, frozen_minute):
    monkeypatch.setattr(rate_limits, "MAX_ADDRESS_CHANGES_PER_MINUTE", 1)
    for _ in range(25):
        client = newcomer()
        dismiss(client, milk)
    User.objects.create_user("anna", "anna@example.com", "x")
    client.post(reverse(CONSENT), {"answer": "granted"})
    form = {"login-username": "anna@example.com", "login-password": "x", "login_submit": "Log In"}
    assert client.post(reverse("customer:login"), form).status_code == 302
    assert Visitor.objects.get(user__username="anna").consent == Consent.GRANTED
