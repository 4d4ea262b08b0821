"""Whose an event is, whoever signs in and out where, with whatever cookies: two people, two browsers, one thief."""

import json
import os
import time
import uuid

import pytest
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from personalization import rate_limits
from personalization.models import Consent, Event, Visitor
from personalization.privacy import cookies
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("IDENTITY_RUNS", "40"))
BROWSERS = st.sampled_from((0, 1))
PEOPLE = st.sampled_from((0, 1))
SIGNALS = st.sampled_from(({}, {}, {}, {"sec-gpc": "1"}, {"dnt": "1"}))


class Shop(RuleBasedStateMachine):
    """Keeps for each event who did it, and who may have it by now; the shop's tables must agree, event by event.

    An event is a person's when they were signed in, or when the browser was nobody's yet and they then signed in there.
    """

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        cache.clear()
        rate_limits.reset_counters()
        self.tea = shop.create_shop_product("Tea")
        self.users = [User.objects.create_user(f"person{n}", f"person{n}@example.com", "x") for n in (0, 1)]
        self.browsers = [Client(headers={"user-agent": "Mozilla/5.0 Firefox/143.0"}) for _ in (0, 1)]
        self.choice = [None, None]
        self.agreed_in_session = [False, False]
        self.signed_in = [None, None]
        self.account = [Consent.NONE, Consent.NONE]
        self.kept_cookies = []
        self.owner = {}
        self.visitors = set()

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize()
    def agree(self):
        """Most browsers that do something agreed: what the others do leaves no trace anyway."""
        for browser in (0, 1):
            self.answer(browser, granted=True, signal={})

    @rule(browser=BROWSERS, granted=st.sampled_from((True, True, False)), signal=SIGNALS)
    def answer(self, browser, granted, signal):
        left = self.known(browser)
        answer = "granted" if granted else "refused"
        self.browsers[browser].post(reverse("personalization:consent"), {"answer": answer}, headers=signal)
        if granted and signal:
            return
        person = self.signed_in[browser]
        if not granted:
            self.lose(("browser", left))
        if person is None:
            self.choice[browser] = self.agreed_in_session[browser] = granted
        else:
            self.answer_in_the_account(browser, person, granted=granted)

    def answer_in_the_account(self, browser, person, *, granted):
        """It is the account's alone; after a refusal the browser has not answered, either."""
        self.account[person] = Consent.GRANTED if granted else Consent.WITHDRAWN
        if not granted:
            self.choice[browser] = None if self.choice[browser] else self.choice[browser]
            self.lose(("person", person))

    @rule(browser=BROWSERS, signal=SIGNALS)
    def look(self, browser, signal):
        event, person, before = uuid.uuid4(), self.signed_in[browser], self.known(browser)
        accepted = self.deliver(browser, event, signal)
        if person is not None:
            allowed, owner = self.account[person] == Consent.GRANTED, ("person", person)
        else:
            allowed, owner = bool(self.choice[browser]), ("browser", before or self.known(browser))
        assert accepted == (allowed and not signal)
        if accepted:
            self.owner[event] = owner

    @rule(browser=BROWSERS)
    def look_in_peace(self, browser):
        self.look(browser, {})

    @precondition(lambda self: self.owner)
    @rule(browser=BROWSERS, number=st.integers(0, 99))
    def send_again(self, browser, number):
        """An event of whoever comes once more, from anywhere: it stays whose it was."""
        self.deliver(browser, sorted(self.owner)[number % len(self.owner)], {})

    @rule(browser=BROWSERS, person=PEOPLE)
    def sign_in(self, browser, person):
        if self.signed_in[browser] is not None:
            return
        left = self.known(browser)
        self.keep_cookie(browser)
        form = {"login-username": self.users[person].email, "login-password": "x", "login_submit": "1"}
        assert self.browsers[browser].post(reverse("customer:login"), form).status_code == 302
        self.signed_in[browser] = person
        if self.account[person] == Consent.NONE and self.choice[browser] and self.agreed_in_session[browser]:
            self.account[person] = Consent.GRANTED
        self.agreed_in_session[browser] = False
        taken = self.account[person] == Consent.GRANTED and self.choice[browser] is not False
        self.lose(("browser", left), to=("person", person) if taken else None)

    @rule(browser=BROWSERS, person=PEOPLE)
    def take_over(self, browser, person):
        """Staff sign in as a customer, as django-hijack does it: in the session of another account."""
        if self.signed_in[browser] in (None, person):
            return
        client, left = self.browsers[browser], self.known(browser)
        request = RequestFactory().post("/")
        request.COOKIES = {name: cookie.value for name, cookie in client.cookies.items()}
        request.session, request.user = client.session, self.users[self.signed_in[browser]]
        login(request, self.users[person], "django.contrib.auth.backends.ModelBackend")
        request.session.save()
        client.cookies["sessionid"] = request.session.session_key
        self.signed_in[browser], self.agreed_in_session[browser] = person, False
        taken = self.account[person] == Consent.GRANTED and self.choice[browser] is not False
        self.lose(("browser", left), to=("person", person) if taken else None)

    @rule(browser=BROWSERS)
    def sign_out(self, browser):
        self.browsers[browser].get(reverse("customer:logout"))
        self.signed_in[browser], self.agreed_in_session[browser] = None, False

    @rule(browser=BROWSERS, signal=SIGNALS)
    def forget(self, browser, signal):
        left, person = self.known(browser), self.signed_in[browser]
        page = reverse("personalization:privacy_erase")
        self.browsers[browser].post(page, {"sure": "on"}, headers=signal)
        self.lose(("browser", left))
        if person is None:
            self.choice[browser] = False
        else:
            self.answer_in_the_account(browser, person, granted=False)

    @precondition(lambda self: self.kept_cookies)
    @rule(browser=BROWSERS, number=st.integers(0, 99))
    def replay(self, browser, number):
        """A cookie from before somebody signed in: it leads nowhere any more."""
        value = self.kept_cookies[number % len(self.kept_cookies)]
        self.browsers[browser].cookies[cookies.VISITOR_COOKIE] = value
        assert self.known(browser) is None

    @rule(browser=BROWSERS, value=st.sampled_from(("x", "0" * 32, str(uuid.uuid4()), "a:b:c", "\x7f", "é")))
    def forge(self, browser, value):
        self.browsers[browser].cookies[cookies.VISITOR_COOKIE] = value
        assert self.known(browser) is None

    @invariant()
    def the_tables_agree(self):
        stored = {}
        for event, user, visitor in Event.objects.values_list("event_id", "visitor__user_id", "visitor_id"):
            people = {person.pk: number for number, person in enumerate(self.users)}
            stored[event] = ("browser", visitor) if user is None else ("person", people[user])
        assert stored == self.owner

    @invariant()
    def nobody_is_kept_who_did_not_agree(self):
        for person, state in enumerate(self.account):
            kept = Visitor.objects.filter(user=self.users[person]).first()
            assert (kept.consent if kept else Consent.NONE) == state
        browsers = Visitor.objects.filter(user=None)
        assert not browsers.exclude(consent=Consent.GRANTED).exists()

    def deliver(self, browser, event, signal):
        told = {
            "id": str(event),
            "name": "view_item",
            "at": int(time.time() * 1000),
            "items": [{"item_id": self.tea.pk}],
        }
        answer = self.browsers[browser].post(
            reverse("personalization:events"),
            json.dumps({"events": [told]}),
            content_type="application/json",
            headers={"sec-fetch-site": "same-origin", **signal},
        )
        assert answer.status_code == 202
        return bool(answer.json()["accepted"])

    def lose(self, owner, to=None):
        kept = {event: to if had == owner else had for event, had in self.owner.items()}
        self.owner = {event: had for event, had in kept.items() if had is not None}

    def known(self, browser):
        """The id of the visitor to whom the browser's cookie leads; None when to nobody."""
        request = RequestFactory().get("/")
        request.COOKIES = {name: cookie.value for name, cookie in self.browsers[browser].cookies.items()}
        found = cookies.read_visitor_id(request.COOKIES)
        return found if Visitor.objects.filter(pk=found, user=None).exists() else None

    def keep_cookie(self, browser):
        cookie = self.browsers[browser].cookies.get(cookies.VISITOR_COOKIE)
        if cookie is not None and cookie.value:
            self.kept_cookies.append(cookie.value)


def test_every_event_is_whose_it_is_and_nobodys_else(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_NEW_VISITORS_PER_MINUTE": 1_000}
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    how = effort(
        max_examples=RUNS, stateful_step_count=25, deadline=None, suppress_health_check=checks, derandomize=True
    )
    run_state_machine_as_test(Shop, settings=how)


def test_the_cookies_are_what_they_should_be(client):
    client.post(reverse("personalization:consent"), {"answer": "granted"})
    told = {"id": str(uuid.uuid4()), "name": "search", "at": int(time.time() * 1000), "search_term": "tea"}
    client.post(
        reverse("personalization:events"),
        json.dumps({"events": [told]}),
        content_type="application/json",
        headers={"sec-fetch-site": "same-origin"},
    )
    for name in (cookies.CONSENT_COOKIE, cookies.VISITOR_COOKIE):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
        assert 0 < cookie["max-age"] <= 397 * 86_400


def test_an_account_that_withdrew_takes_nothing_over_and_stays_withdrawn(client):
    person = User.objects.create_user("person", "person@example.com", "x")
    Visitor.objects.create(user=person, consent=Consent.WITHDRAWN)
    client.post(reverse("personalization:consent"), {"answer": "granted"})
    browser = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    Event.objects.create(event_id=uuid.uuid4(), visitor=browser, type="search", occurred_at=now(), received_at=now())
    response = HttpResponse()
    cookies.set_visitor_cookie(response, browser)
    client.cookies[cookies.VISITOR_COOKIE] = response.cookies[cookies.VISITOR_COOKIE].value
    form = {"login-username": person.email, "login-password": "x", "login_submit": "1"}
    client.post(reverse("customer:login"), form)
    assert not Event.objects.exists()
    assert [visitor.consent for visitor in Visitor.objects.all()] == [Consent.WITHDRAWN]


def test_the_id_of_a_browser_is_another_after_signing_in_and_out(client):
    User.objects.create_user("person", "person@example.com", "x")
    client.post(reverse("personalization:consent"), {"answer": "granted"})
    before = reported(client)
    form = {"login-username": "person@example.com", "login-password": "x", "login_submit": "1"}
    client.post(reverse("customer:login"), form)
    reported(client)
    assert not Visitor.objects.filter(pk=before).exists()
    client.get(reverse("customer:logout"))
    assert reported(client) not in (None, before)


def reported(client):
    """The id by which a browser is known after it reported something; None for an account's."""
    told = {"id": str(uuid.uuid4()), "name": "search", "at": int(time.time() * 1000), "search_term": "tea"}
    client.post(
        reverse("personalization:events"),
        json.dumps({"events": [told]}),
        content_type="application/json",
        headers={"sec-fetch-site": "same-origin"},
    )
    visitor = Event.objects.get(event_id=told["id"]).visitor
    return None if visitor.user_id else visitor.pk
