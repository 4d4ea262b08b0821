"""Products in a message are chosen under the rules of the pages, and its links are measured like clicks there."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone

from personalization.decide import active_snapshot
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising import publishing
from personalization.models import Credit, Event, SensitiveCategory, Visitor
from tests.lifecycle import alerts
from tests.measure.orders import place_order

pytestmark = pytest.mark.django_db

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LINK = re.compile(r"https://shop\.example(/\S*from-message/\S+)")


@pytest.fixture
def scarce(trained, switched_on):
    """(who waits, for what): two customers wait for the one piece of the first product."""
    users, products = trained
    for user in users[:2]:
        alert = user.alerts.create(product=products[0])
        alerts.dated(alert, 60)
    alerts.set_stock(products[0], 1)
    return users[0], products


def sent_links(days=0):
    """The links to products in the one mail that is sent after some days, in their order."""
    mail.outbox.clear()
    alerts.sweep_and_send(timezone.now() + timedelta(days=days))
    (sent,) = mail.outbox
    links = LINK.findall(sent.body)
    assert all(link.replace("&", "&amp;") in sent.alternatives[0].content for link in links)
    return links


def signed_in(user):
    client = Client(HTTP_USER_AGENT=BROWSER)
    client.force_login(user)
    return client


def keys_of(links):
    return [int(re.search(r"from-message/(\d+)/", link)[1]) for link in links]


def test_from_mail_over_link_and_order_to_credit(scarce):
    user, products = scarce
    subject, other, _ = links = sent_links()
    assert keys_of(links)[0] == products[0].pk
    client = signed_in(user)
    assert client.get(subject)["Location"] == products[0].get_absolute_url()
    visitor = Visitor.objects.get(user=user)
    bought = type(products[0]).objects.get(pk=keys_of([other])[0])
    client.get(other)
    place_order(visitor, [(products[0], 1, "3.50"), (bought, 1, "3.50")], timezone.now() + timedelta(seconds=1))
    measure_outcomes(timezone.now() + timedelta(hours=1))
    found = Credit.objects.order_by("line_id").values_list("surface", "row_key", "touch", "product_id")
    assert list(found) == [("message", "back_in_stock", "clicked", one.pk) for one in (products[0], bought)]


def test_what_is_scarce_comes_with_two_alternatives_and_what_is_not_with_none(scarce):
    _, products = scarce
    links = sent_links()
    assert len(links) == 3 and set(keys_of(links)) <= {product.pk for product in products[0::2]}
    assert "In case it is gone again:" in mail.outbox[0].body
    alerts.set_stock(products[0], 50)
    assert len(sent_links(days=2)) == 1 and "In case" not in mail.outbox[0].body


def alerted_again(user, product):
    """They wait anew, and are the first to."""
    user.alerts.all().delete()
    alerts.dated(user.alerts.create(product=product), 900)


def test_an_alternative_that_is_sold_out_disliked_or_excluded_is_none(scarce):
    user, products = scarce
    _, first, second = keys_of(sent_links())
    alerts.set_stock(type(products[0]).objects.get(pk=first), 0)
    Visitor.objects.get(user=user).set_preference("product", second, -1, timezone.now().timestamp())
    alerted_again(user, products[0])
    others = keys_of(sent_links(days=2))[1:]
    assert len(others) == 2 and not {first, second, products[0].pk} & set(others)
    never = {"do": "exclude", "target": {"products": [others[0]]}}
    document = {"where": [{"surface": "message"}], "what": [never]}
    publishing.publish(publishing.create("campaign", "Never", document, None), None)
    active_snapshot.reset_active_snapshot()
    alerted_again(user, products[0])
    again = keys_of(sent_links(days=4))[1:]
    assert len(again) == 2 and others[0] not in again
    SensitiveCategory.objects.create(category=products[0].categories.get())
    alerted_again(user, products[0])
    assert keys_of(sent_links(days=6))[1:] == []


def test_a_link_is_counted_once_of_who_consented_and_leads_everybody_to_the_page(scarce):
    user, products = scarce
    link = sent_links()[0]
    page = products[0].get_absolute_url()
    stranger, child = Client(), User.objects.create_user("noconsent", "no@example.com", "x")
    for client in (stranger, signed_in(child)):
        answer = client.get(link)
        assert (answer["Location"], dict(answer.cookies)) == (page, {}) and "no-store" in answer["Cache-Control"]
    client = signed_in(user)
    assert client.head(link).status_code == client.get(link, headers={"Sec-Purpose": "prefetch"}).status_code == 302
    assert client.post(link).status_code == 405
    assert client.get(link.replace("shown=", "shown=x"))["Location"] == page
    assert not Event.objects.exists()
    for _ in range(2):
        assert client.get(link)["Location"] == page
    (event,) = Event.objects.all()
    assert (event.type, event.surface, event.row_key, event.product_id) == (
        "select_item",
        "message",
        "back_in_stock",
        products[0].pk,
    )


def test_no_page_can_report_the_token_of_a_mail_and_no_link_takes_that_of_another_product(scarce):
    user, products = scarce
    first = sent_links()[0]
    token = first.partition("shown=")[2]
    event = {"name": "select_item", "slate": token, "items": [{"item_id": str(products[0].pk), "index": 0}]}
    client = signed_in(user)
    address, same = "/personalization/events/", {"HTTP_SEC_FETCH_SITE": "same-origin"}
    answer = client.post(address, {"events": [event]}, content_type="application/json", **same)
    assert [one["code"] for one in answer.json()["rejected"]] == ["invalid_slate"]
    odd = products[1]
    assert client.get(f"/personalization/from-message/{odd.pk}/?shown={token}")["Location"] == odd.get_absolute_url()
    for key in (987654321, 10**30):
        assert client.get(f"/personalization/from-message/{key}/").status_code == 404
    assert not Event.objects.exists()


def test_who_did_not_consent_gets_plain_links_and_what_others_take_instead(scarce):
    user, products = scarce
    Visitor.objects.filter(user=user).update(consent="withdrawn")
    alerts.sweep_and_send()
    (sent,) = mail.outbox
    assert f"https://shop.example{products[0].get_absolute_url()}" in sent.body
    assert "from-message" not in sent.body and sent.body.count("/catalogue/") == 3


def test_in_a_browser_that_agreed_it_counts_before_anybody_signs_in_and_goes_with_them(scarce):
    user, products = scarce
    link = sent_links()[0]
    browser, same = Client(HTTP_USER_AGENT=BROWSER), {"HTTP_SEC_FETCH_SITE": "same-origin"}
    browser.post("/personalization/consent/", {"answer": "granted"})
    view = {"name": "view_item", "items": [{"item_id": str(products[7].pk)}]}
    browser.post("/personalization/events/", {"events": [view]}, content_type="application/json", **same)
    assert browser.get(link)["Location"] == products[0].get_absolute_url()
    event = Event.objects.get(surface="message")
    assert event.visitor.user is None
    login = {"username": user.email, "password": "x", "redirect_url": "/"}
    form = {f"login-{name}": value for name, value in login.items()}
    browser.post("/accounts/login/", {**form, "login_submit": "1"})
    assert Event.objects.get(surface="message").visitor.user == user
