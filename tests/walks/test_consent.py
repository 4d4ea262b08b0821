"""Asked before anything is stored: the banner, the answer, and what each of them leaves behind."""

import re
import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Consent, ConsentRecord, Event, Genome, Visitor
from personalization.models.visitors import new_visitor_id
from personalization.privacy import cookies
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

ANSWER, PAGE = "/personalization/consent/", "/personalization/privacy/"
BANNER = b'class="personalization-banner"'
TOOL = "tests.walks.test_consent.shops_own_tool"


def shops_own_tool(request):
    return {"yes": True, "no": False}.get(request.headers.get("Tool"))


def even_keys_are_children(user):
    return user.pk % 2 == 0


@pytest.fixture
def anna():
    return User.objects.create_user("anna", "anna@example.com", "x")


def identify_browser(client):
    """The client's browser agreed and did something: its visitor."""
    client.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int(time.time())}"
    visitor = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    keep_cookie(client, visitor)
    Event.objects.create(
        event_id=new_visitor_id(), visitor=visitor, type="view_item", occurred_at=now(), received_at=now(), product_id=1
    )
    return visitor


def keep_cookie(client, visitor):
    response = client.get(PAGE)
    cookies.set_visitor_cookie(response, visitor)
    client.cookies[cookies.VISITOR_COOKIE] = response.cookies[cookies.VISITOR_COOKIE].value


def sign_in(client, user):
    form = {"login-username": user.email, "login-password": "x", "login-redirect_url": "/", "login_submit": "Log In"}
    assert client.post(reverse("customer:login"), form).status_code == 302


def changes(user):
    return list(ConsentRecord.objects.filter(visitor__user=user).values_list("state", "source"))


def test_a_stranger_is_asked_on_every_page_and_nothing_is_stored(client):
    for page in ("/", "/catalogue/", "/basket/", "/accounts/login/"):
        response = client.get(page)
        assert BANNER in response.content
        assert not {cookies.CONSENT_COOKIE, cookies.VISITOR_COOKIE} & set(response.cookies)
    assert not Visitor.objects.exists()


def test_the_question_offers_yes_and_no_in_the_same_way(client):
    page = client.get("/").content.decode()
    buttons = re.findall(r'<button type="submit" class="([^"]+)" name="answer" value="(\w+)">', page)
    assert buttons == [("personalization-choice__button", "granted"), ("personalization-choice__button", "refused")]
    assert 'role="region" aria-labelledby="personalization-banner-title"' in page
    assert f'<a href="{PAGE}">Your personalisation data</a>' in page
    assert "checked" not in page.split("personalization-banner")[1].split("</section>")[0]


def test_a_yes_of_a_browser_is_remembered_there_only(client):
    response = client.post(ANSWER, {"answer": "granted", "next": "/catalogue/?page=2"})
    assert (response.status_code, response["Location"]) == (302, "/catalogue/?page=2")
    assert response.cookies[cookies.CONSENT_COOKIE].value.startswith("granted.1.")
    assert BANNER not in client.get("/").content
    assert not Visitor.objects.exists()


def test_a_no_of_a_browser_leaves_the_no_only(client):
    identify_browser(client)
    response = client.post(ANSWER, {"answer": "refused", "next": "/"})
    assert response.cookies[cookies.CONSENT_COOKIE].value.startswith("refused.1.")
    assert response.cookies[cookies.VISITOR_COOKIE]["max-age"] == 0
    assert not Visitor.objects.exists() and not Event.objects.exists()
    assert BANNER not in client.get("/").content


def test_a_yes_of_a_customer_is_stored_with_its_place_and_works_at_once(client, anna):
    shop.create_past_order(anna, [shop.create_shop_product("Tea")])
    client.force_login(anna)
    client.post(ANSWER, {"answer": "granted", "next": "/"})
    assert changes(anna) == [("granted", "banner")]
    assert Genome.objects.get(user=anna).purchases == 1
    client.post(ANSWER, {"answer": "granted", "next": "/"})
    assert changes(anna) == [("granted", "banner")]


def test_a_no_of_a_customer_who_never_answered_is_one_row_that_no_import_overrules(client, anna):
    client.force_login(anna)
    client.post(ANSWER, {"answer": "refused"})
    assert changes(anna) == [("withdrawn", "account")]
    assert Visitor.objects.grant_all([anna.pk], version="1", source="newsletter form", now=now()) == 0
    other_browser = Client()
    other_browser.force_login(anna)
    assert BANNER not in other_browser.get("/").content


def test_a_customer_who_turns_it_off_has_no_genome_from_then_on(client, anna):
    shop.create_past_order(anna, [shop.create_shop_product("Tea")])
    client.force_login(anna)
    client.post(ANSWER, {"answer": "granted", "next": PAGE})
    client.post(ANSWER, {"answer": "refused", "next": PAGE})
    assert changes(anna) == [("granted", "account"), ("withdrawn", "account")]
    assert not Genome.objects.exists()
    client.post(ANSWER, {"answer": "granted", "next": PAGE})
    assert Genome.objects.get(user=anna).purchases == 1


@pytest.mark.parametrize("signal", [{"Sec-GPC": "1"}, {"DNT": "1"}])
def test_the_browsers_signal_wins_over_a_yes_and_the_page_says_so(client, anna, signal):
    for sign_in in (False, True):
        if sign_in:
            client.force_login(anna)
        assert BANNER not in client.get("/", headers=signal).content
        response = client.post(ANSWER, {"answer": "granted"}, headers=signal, follow=True)
        assert (
            b"Your browser asks websites not to do this, and that takes precedence: personalisation stays off."
            in response.content
        )
        assert cookies.CONSENT_COOKIE not in client.cookies
    assert not Visitor.objects.exists()


def test_the_signal_hides_what_was_agreed_to_before(client, anna):
    shop.grant_consent(anna)
    client.force_login(anna)
    assert b"What we use" in client.get(PAGE).content
    assert b"What we would use, if you agree" in client.get(PAGE, headers={"Sec-GPC": "1"}).content


def test_a_childs_account_is_not_asked_and_cannot_agree(client, settings, anna):
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "IS_CHILD_CALLABLE": "tests.walks.test_consent.even_keys_are_children",
    }
    child = anna if anna.pk % 2 == 0 else User.objects.create_user("ben", "ben@example.com", "x")
    client.force_login(child)
    assert BANNER not in client.get("/").content
    page = client.post(ANSWER, {"answer": "granted"}, follow=True).content
    assert b"account: personalisation stays off." in page and b"we choose nothing for children personally" in page
    assert not Visitor.objects.exists()


def test_only_a_post_answers(client):
    assert client.get(ANSWER).status_code == 405
    assert client.head(ANSWER).status_code == 405


@pytest.mark.parametrize("answer", ["", "yes", "granted ", "GRANTED", "\x00", "granted\nrefused", "🙂" * 99])
def test_what_is_neither_yes_nor_no_changes_nothing(client, answer):
    response = client.post(ANSWER, {"answer": answer})
    assert response.status_code == 400
    assert not response.cookies


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "evil.example",
        "\x00/",
        " //evil.example",
        "http:///evil.example",
        "/" + "a" * 5_000,
    ],
)
def test_nobody_is_sent_to_another_site(client, elsewhere):
    assert client.post(ANSWER, {"answer": "granted", "next": elsewhere})["Location"] == PAGE


def test_a_form_of_another_site_is_refused():
    client = Client(enforce_csrf_checks=True)
    for path in (ANSWER, PAGE + "preference/", PAGE + "recent/", PAGE + "erase/confirmed/"):
        assert client.post(path, {"answer": "granted"}).status_code == 403


def test_an_answer_over_a_broken_cookie_is_kept(client):
    client.cookies[cookies.CONSENT_COOKIE] = "nonsense"
    response = client.post(ANSWER, {"answer": "granted"})
    assert response.cookies[cookies.CONSENT_COOKIE].value.startswith("granted.1.")


def test_a_new_text_asks_browsers_again_and_uses_nothing_until_they_answer(client, settings):
    identify_browser(client)
    assert b"What we use" in client.get(PAGE).content
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_VERSION": "2"}
    assert BANNER in client.get("/").content
    assert b"What we would use, if you agree" in client.get(PAGE).content


def test_a_report_under_way_while_somebody_refuses_does_not_bring_them_back(client):
    client.post(ANSWER, {"answer": "refused"})
    late = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    keep_cookie(client, late)
    response = client.get(PAGE)
    assert b"Personalisation: off" in response.content
    assert response.cookies[cookies.VISITOR_COOKIE]["max-age"] == 0


def test_who_refused_before_signing_in_is_not_made_to_agree_by_a_visitor_left_behind(client, anna):
    client.post(ANSWER, {"answer": "refused"})
    late = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    keep_cookie(client, late)
    sign_in(client, anna)
    assert not Visitor.objects.exists()


def test_consent_to_an_old_text_is_not_taken_into_an_account(client, settings, anna):
    identify_browser(client)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_VERSION": "2"}
    sign_in(client, anna)
    assert not Visitor.objects.filter(consent=Consent.GRANTED).exists()


def test_a_no_said_here_stands_whatever_the_shops_own_tool_says(client, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_CALLABLE": TOOL}
    assert b"Personalisation: on" in client.get(PAGE, headers={"Tool": "yes"}).content
    client.post(ANSWER, {"answer": "refused"}, headers={"Tool": "yes"})
    assert b"Personalisation: off" in client.get(PAGE, headers={"Tool": "yes"}).content
    assert BANNER not in client.get("/", headers={"Tool": "yes"}).content


def test_what_the_shops_own_tool_says_is_said_on_the_page(client, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_CALLABLE": TOOL}
    assert b"You chose this in this shop&#x27;s own privacy settings." in client.get(
        PAGE, headers={"Tool": "yes"}
    ).content.replace(b"'", b"&#x27;")
    assert (
        b"own privacy settings: we choose nothing for you personally"
        in client.get(PAGE, headers={"Tool": "no"}).content
    )


def test_the_answer_and_the_pages_stay_out_of_shared_caches(client, anna):
    client.force_login(anna)
    answers = [client.get(PAGE + part) for part in ("", "erase/", "download/")]
    answers += [client.post(ANSWER, {"answer": "granted"}), client.post(PAGE + "preference/"), client.get(ANSWER)]
    for response in answers:
        assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
        assert {"Cookie", "Sec-GPC", "DNT"} <= set(response["Vary"].replace(" ", "").split(","))


def test_the_banner_costs_a_stranger_no_query(client, django_assert_num_queries, rf):
    from django.contrib.auth.models import AnonymousUser
    from django.template import Context, Template

    request = rf.get("/?a=1&b=<script>")
    request.user, request.resolver_match = AnonymousUser(), None
    template = Template("{% load personalization %}{% personalization_consent %}")
    with django_assert_num_queries(0):
        words = template.render(Context({"request": request}))
    assert 'name="next" value="/?a=1&amp;b=%3Cscript%3E"' in words


def test_a_page_without_a_request_is_not_asked_and_does_not_break():
    from django.template import engines

    template = engines["django"].from_string("{% load personalization %}[{% personalization_consent %}]")
    assert template.render({}).strip("[]\n ") == ""
