""" "Not interested" through the front door: who may say it, what it stores, and where it leads."""

import html
import json
import re
import time

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from personalization.collect import feedback
from personalization.models import Consent, Event, Visitor
from personalization.privacy import cookies, identity

pytestmark = pytest.mark.django_db

DOOR = "/personalization/feedback/"
AT_ONCE = {"Accept": "application/json"}


@pytest.fixture
def customer(client, trained):
    """The browser of customer 1, who buys odd products."""
    client.force_login(trained[0][1])
    return client


def wishes(user=None) -> list[list]:
    return [wish[:3] for wish in Visitor.objects.get(user=user).preferences]


def send_away(browser, kind, key, headers=None, **more):
    return browser.post(DOOR, {"token": feedback.sign_feedback(kind, key), "next": "/", **more}, headers=headers or {})


def personal(browser, code):
    return next((row for row in browser.get("/").context["slate"].rows if row.type == code and row.personal), None)


def shown(browser):
    return {item.product_id for row in browser.get("/").context["slate"].rows for item in row.items}


def test_a_product_that_is_not_wanted_is_gone_from_the_next_page_and_undo_brings_it_back(customer, trained):
    users, products = trained
    assert products[1].pk in shown(customer)
    response = send_away(customer, "product", products[1].pk)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert wishes(users[1]) == [["product", products[1].pk, -1]]
    page = customer.get("/")
    assert "We won&#x27;t recommend Product 1 for 60 days." in page.content.decode()
    assert products[1].pk not in shown(customer)
    (form,) = re.findall(r'<form class="d-inline".*?</form>', page.content.decode(), re.S)
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    assert sorted(fields) == ["csrfmiddlewaretoken", "next", "token", "undo"]
    assert customer.post(DOOR, fields)["Location"] == "/"
    assert wishes(users[1]) == []
    assert products[1].pk in shown(customer)


def test_what_was_said_of_a_product_is_an_event_and_so_is_its_undoing(customer, trained):
    users, products = trained
    send_away(customer, "product", products[1].pk)
    send_away(customer, "product", products[1].pk, undo="1")
    said = Event.objects.filter(visitor__user=users[1]).order_by("id")
    assert [(one.type, one.product_id, one.value) for one in said] == [
        ("item_feedback", products[1].pk, -1.0),
        ("item_feedback", products[1].pk, 0.0),
    ]


@pytest.mark.usefixtures("rows_of_one_line")
@pytest.mark.usefixtures("rows_of_one_line")
def test_the_categorys_products_are_gone(customer, trained):
    users, _ = trained
    row = personal(customer, "popular_in_category")
    key = row.reason.params["category"]
    assert f'value="{feedback.sign_feedback("category", key)}"' in customer.get("/").content.decode()
    send_away(customer, "category", key)
    assert wishes(users[1]) == [["category", key, -1]]
    assert "We won&#x27;t recommend products from Odd for 60 days." in customer.get("/").content.decode()
    assert personal(customer, "popular_in_category") is None
    assert Event.objects.count() == 0


def test_a_row_is_gone_and_no_other(customer, trained):
    before = [row.key for row in customer.get("/").context["slate"].rows]
    row = personal(customer, "buy_again")
    send_away(customer, "reason", row.key)
    assert "We won&#x27;t show this row for 60 days." in customer.get("/").content.decode()
    after = [row.key for row in customer.get("/").context["slate"].rows]
    assert set(before) - set(after) == {"buy_again"}


def test_a_script_is_told_in_words_what_was_done_and_no_message_waits(customer, trained):
    _, products = trained
    response = send_away(customer, "product", products[1].pk, AT_ONCE)
    assert json.loads(response.content) == {"message": "We won't recommend Product 1 for 60 days.", "undo": "Undo"}
    response = send_away(customer, "product", products[1].pk, AT_ONCE, undo="1")
    assert json.loads(response.content) == {"message": "You may see this again.", "undo": "Undo"}
    assert list(get_messages(customer.get("/").wsgi_request)) == []


def test_a_browser_that_agreed_is_known_from_its_first_no(trained):
    _, products = trained
    browser = Client()
    browser.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int(time.time()) - 60}"
    assert products[0].pk in shown(browser)
    response = send_away(browser, "product", products[0].pk)
    assert response.cookies[cookies.VISITOR_COOKIE]["httponly"]
    assert wishes() == [["product", products[0].pk, -1]]
    assert products[0].pk not in shown(browser)


@pytest.mark.parametrize("answer", [None, "refused"])
def test_without_consent_nothing_is_stored_and_a_sentence_says_why(trained, answer):
    _, products = trained
    browser = Client()
    if answer:
        browser.cookies[cookies.CONSENT_COOKIE] = f"{answer}.1.{int(time.time()) - 60}"
    before = Visitor.objects.count()
    response = send_away(browser, "product", products[0].pk)
    assert (response.status_code, response["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert response.content.decode() == ("We can only remember this if you turn personalisation on.")
    assert (Visitor.objects.count(), Event.objects.count()) == (before, 0)
    assert cookies.VISITOR_COOKIE not in response.cookies


def test_a_customer_who_withdrew_is_not_remembered(customer, trained):
    users, products = trained
    Visitor.objects.filter(user=users[1]).update(consent=Consent.WITHDRAWN)
    assert send_away(customer, "product", products[1].pk).status_code == 403
    assert wishes(users[1]) == []


def test_a_signal_of_the_browser_wins(customer, trained):
    users, products = trained
    assert send_away(customer, "product", products[1].pk, {"Sec-GPC": "1"}).status_code == 403
    assert wishes(users[1]) == []


def test_what_is_not_in_the_shop_cannot_be_sent_away(customer, trained):
    users, products = trained
    gone = products[1].pk
    products[1].delete()
    for kind, key in (("product", gone), ("product", 10**9), ("category", 10**9)):
        assert send_away(customer, kind, key).status_code == 404
    assert wishes(users[1]) == []


def test_what_has_gone_since_can_still_be_undone(customer, trained):
    users, products = trained
    gone = products[1].pk
    send_away(customer, "product", gone)
    products[1].delete()
    assert send_away(customer, "product", gone, undo="1").status_code == 302
    assert wishes(users[1]) == []


@pytest.mark.parametrize(
    "token", ["", "12", "product:12", "\0", "a:b", "ü" * 100, "x" * 100_000, "W10:" + "A" * 43, feedback.SALT]
)
def test_only_what_stood_on_a_page_of_ours_can_be_sent_away(customer, trained, token):
    assert customer.post(DOOR, {"token": token, "next": "/"}).status_code == 404
    assert customer.post(DOOR, {"next": "/"}).status_code == 404
    assert wishes(trained[0][1]) == []


def test_a_changed_letter_is_found_out(customer, trained):
    signed = feedback.sign_feedback("category", 1)
    for place in range(len(signed)):
        changed = signed[:place] + ("A" if signed[place] != "A" else "B") + signed[place + 1 :]
        assert feedback.verify_feedback(changed) is None


def test_get_changes_nothing(customer, trained):
    users, products = trained
    response = customer.get(DOOR, {"token": feedback.sign_feedback("product", products[1].pk)})
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert wishes(users[1]) == []


def test_another_site_cannot_say_it_for_somebody(trained):
    users, products = trained
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(users[1])
    assert send_away(browser, "product", products[1].pk).status_code == 403
    assert wishes(users[1]) == []


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("/catalogue/?page=2", "/catalogue/?page=2"),
        ("/ü", "/%C3%BC"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("http://testserver/catalogue/", "/"),
        ("//evil.example/", "/"),
        ("///evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example/", "/"),
        ("/\n/evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("data:text/html,x", "/"),
        (" /catalogue/", "/"),
        ("catalogue/", "/"),
        ("//[", "/"),
        ("http://[", "/"),
    ],
)
def test_it_leads_back_to_a_page_of_this_shop_only(customer, trained, page, back):
    _, products = trained
    assert send_away(customer, "product", products[1].pk, next=page)["Location"] == back


def test_a_header_cannot_be_smuggled_in(customer, trained):
    response = send_away(customer, "product", trained[1][1].pk, next="/a\r\nSet-Cookie: b=c")
    assert response["Location"] in ("/", "/a%0D%0ASet-Cookie:%20b=c")
    assert "b" not in response.cookies


def test_a_title_is_text_wherever_it_is_said(customer, trained):
    _, products = trained
    type(products[1]).objects.filter(pk=products[1].pk).update(title='<img src=x onerror="alert(1)">&')
    assert "<img src=x" not in customer.get("/").content.decode()
    send_away(customer, "product", products[1].pk)
    text = customer.get("/").content.decode()
    assert "We won&#x27;t recommend &lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp; for 60 days." in text
    assert "<img src=x" not in text


def test_the_answer_is_nobody_elses(customer, trained):
    response = send_away(customer, "product", trained[1][1].pk)
    assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
    assert "Cookie" in response["Vary"]


def test_somebody_forgotten_at_this_very_moment_is_not_brought_back(customer, trained, monkeypatch):
    _, products = trained
    known = identity.get_or_create_consented

    def then_forgotten(request, now):
        visitor = known(request, now)
        Visitor.objects.all().delete()
        return visitor

    monkeypatch.setattr(identity, "get_or_create_consented", then_forgotten)
    assert send_away(customer, "product", products[1].pk).status_code == 403
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)
