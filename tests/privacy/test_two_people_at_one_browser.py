"""What one person allowed or did at a browser is not the next one's who signs in there."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Consent, Event, Visitor
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, to_milliseconds
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, send_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return [User.objects.create_user(name, f"{name}@example.com", "x") for name in ("anna", "ben")]


@pytest.fixture
def browser():
    return Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)


def answer(browser, word):
    browser.post(reverse("personalization:consent"), {"answer": word})


def sign_in(browser, person):
    form = {"login-username": person.email, "login-password": "x", "login_submit": "1"}
    assert browser.post(reverse("customer:login"), form).status_code == 302


def sign_out(browser):
    browser.get(reverse("customer:logout"))


def consent_of(person):
    return getattr(Visitor.objects.filter(user=person).first(), "consent", Consent.NONE)


def accepted(browser, words="tea"):
    told = {"id": str(uuid.uuid4()), "name": "search", "at": to_milliseconds(now()), "search_term": words}
    return send_events(browser, told).json()["accepted"]


def test_an_accounts_answer_is_not_that_of_the_next_one_and_nothing_is_stored_in_between(browser, people):
    anna, ben = people
    sign_in(browser, anna)
    answer(browser, "granted")
    assert (consent_of(anna), accepted(browser)) == (Consent.GRANTED, 1)
    sign_out(browser)
    assert accepted(browser) == 0
    sign_in(browser, ben)
    assert consent_of(ben) == Consent.NONE
    assert accepted(browser) == 0
    assert "personalization-banner" in browser.get("/catalogue/").content.decode()  # Ben is asked


@pytest.mark.parametrize("between", ["sign out", "an older session"])
def test_a_browsers_answer_from_before_is_not_the_accounts(browser, people, between):
    anna, ben = people
    answer(browser, "granted")
    if between == "sign out":
        sign_in(browser, anna)
        assert consent_of(anna) == Consent.GRANTED
        sign_out(browser)
    else:
        del browser.cookies["sessionid"]
    assert accepted(browser) == 1
    sign_in(browser, ben)
    assert consent_of(ben) == Consent.NONE
    assert not Event.objects.filter(visitor__user=ben).exists()


def test_staff_who_sign_in_as_a_customer_answer_nothing_for_them(browser, people, rf):
    staff, ben = people
    sign_in(browser, staff)
    answer(browser, "granted")
    request = RequestFactory().get("/")
    request.COOKIES = {name: cookie.value for name, cookie in browser.cookies.items()}
    request.session, request.user = browser.session, staff
    login(request, ben, "django.contrib.auth.backends.ModelBackend")
    assert (consent_of(staff), consent_of(ben)) == (Consent.GRANTED, Consent.NONE)


def test_after_a_refusal_in_the_account_the_browser_is_asked_again(browser, people):
    anna, _ = people
    answer(browser, "granted")
    sign_in(browser, anna)
    answer(browser, "refused")
    sign_out(browser)
    assert accepted(browser) == 0
    assert "personalization-banner" in browser.get("/catalogue/").content.decode()


def test_of_a_browser_only_what_it_did_in_this_visit_becomes_the_accounts(browser, people):
    """An id that somebody else planted, and uses, too, has a past that is not the customer's."""
    anna, _ = people
    shop.grant_consent(anna)
    answer(browser, "granted")
    assert accepted(browser, "mine") == 1
    visitor = Visitor.objects.get(user=None)
    long_ago = now() - timedelta(hours=2)
    Event.objects.create(
        event_id=uuid.uuid4(),
        visitor=visitor,
        type="search",
        query="planted",
        occurred_at=long_ago,
        received_at=long_ago,
    )
    sign_in(browser, anna)
    assert [event.query for event in Event.objects.all()] == ["mine"]
    assert Event.objects.get().visitor.user == anna


def test_where_the_shops_own_tool_says_yes_the_visit_comes_along(browser, people, settings):
    anna, _ = people
    path = f"{__name__}.always"
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_CALLABLE": path}
    accepted(browser, "before")  # which is when the shop hears that they agreed
    assert accepted(browser, "mine") == 1
    sign_in(browser, anna)
    assert consent_of(anna) == Consent.GRANTED
    assert [event.query for event in Event.objects.filter(visitor__user=anna)] == ["mine"]


def always(request):
    """What a consent tool says to which everybody agreed."""
    return True


def test_a_cookie_without_the_prefix_that_keeps_others_from_planting_it_counts_for_nothing(browser):
    answer(browser, "granted")
    assert accepted(browser) == 1
    assert all(name.startswith("__Host-") for name in cookies.COOKIE_NAMES)
    for name in cookies.COOKIE_NAMES:
        if name in browser.cookies:
            cookie = browser.cookies.pop(name)
            assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", True)
            browser.cookies[name.removeprefix("__Host-")] = cookie.value
    assert accepted(browser) == 0


def test_a_shop_without_https_has_cookies_without_the_prefix(browser, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "COOKIE_SECURE": False}
    answer(browser, "granted")
    assert (accepted(browser), accepted(browser)) == (1, 1)
    assert "personalization_visitor" in browser.cookies and cookies.VISITOR_COOKIE not in browser.cookies
    assert Visitor.objects.count() == 1
