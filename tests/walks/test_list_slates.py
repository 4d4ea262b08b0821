"""Search results, category pages and the menu say what they show, to be reported, for visitors who agreed."""

import re
import time
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.apps.catalogue.models import Category

from personalization.collect.impression_tokens import verify_impression
from personalization.decide import active_snapshot
from personalization.models import Event, Visitor
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, event_payload, to_milliseconds
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, consented_client, send_events
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

LIST = re.compile(r'data-slate="([^"]+)" data-kind="(\w+)" data-links="([^"]+)"')


@pytest.fixture
def trained(trained_and_indexed):
    return trained_and_indexed


def lists(response):
    """(token, kind, [(key, path), ...]) of each list on a page."""
    found = []
    for token, kind, links in LIST.findall(response.content.decode()):
        words = unescape(links).split(" ")
        found.append((token, kind, list(zip(map(int, words[::2]), words[1::2], strict=True))))
    return found


def product_list(response):
    """The only list of products on a page."""
    (found,) = (one for one in lists(response) if one[1] == "product")
    return found


def shown(response):
    return [hit.object for hit in response.context["page_obj"]]


def odd():
    return Category.objects.get(name="Odd")


@pytest.mark.parametrize("page", ["search", "category", "catalogue"])
def test_a_list_says_what_stands_where_and_why(trained, page):
    users, _ = trained
    client = Client()
    client.force_login(users[1])
    address, surface, row = {
        "search": ("/search/?q=product", "search", "results"),
        "category": (odd().get_absolute_url(), "category", f"results:{odd().pk}"),
        "catalogue": (reverse("catalogue:index"), "category", "results"),
    }[page]
    response = client.get(address)
    token, _, links = product_list(response)
    assert links == [(product.pk, product.get_absolute_url()) for product in shown(response)]
    slate = verify_impression(token, Visitor.objects.get(user=users[1]).pk, time.time())
    assert (slate.surface, slate.row, slate.item_kind) == (surface, row, "product")
    assert [item[:3] for item in slate.items] == [
        (product.pk, place, "personal_order") for place, product in enumerate(shown(response))
    ]
    assert slate.snapshot == active_snapshot.get_active_snapshot().name
    assert slate.slate_id is not None
    assert response["Cache-Control"] == "private, no-store"


def test_positions_go_on_from_page_to_page(trained):
    users, _ = trained
    client = Client()
    client.force_login(users[1])
    token, _, _ = product_list(client.get("/catalogue/?page=2"))
    slate = verify_impression(token, Visitor.objects.get(user=users[1]).pk, time.time())
    assert [item.position for item in slate.items] == list(range(20, 20 + len(slate.items)))


@pytest.mark.parametrize("how", ["sorted", "switched off"])
def test_a_list_in_the_shops_own_order_is_reported_too_without_a_reason(trained, how):
    users, _ = trained
    client = Client()
    client.force_login(users[1])
    if how == "switched off":
        client.cookies[cookies.SORT_COOKIE] = cookies.SORT_DISABLED
    token, _, _ = product_list(client.get("/catalogue/", {"sort_by": "title-asc"} if how == "sorted" else {}))
    slate = verify_impression(token, Visitor.objects.get(user=users[1]).pk, time.time())
    assert {item.reason for item in slate.items} == {""} and slate.snapshot == ""


def test_a_click_in_a_list_is_stored_with_its_position(trained):
    client = consented_client()
    response = client.get("/catalogue/")
    assert Visitor.objects.filter(user=None).count() == 0
    token, _, links = product_list(response)
    click = event_payload("select_item", links[3][0], slate=token, at=to_milliseconds(shop.now()))
    assert send_events(client, click).json()["accepted"] == 1
    kept = Event.objects.values_list("surface", "row_key", "product_id", "position").get()
    assert kept == ("category", "results", links[3][0], 3)


@pytest.mark.parametrize("who", ["stranger", "refused", "signal"])
@pytest.mark.parametrize("page", ["/catalogue/", "/search/?q=product"])
def test_nobody_else_s_page_says_anything(trained, who, page):
    client = Client(HTTP_SEC_GPC="1") if who == "signal" else Client()
    if who == "refused":
        client.cookies[cookies.CONSENT_COOKIE] = f"refused.1.{int(time.time())}"
    response = client.get(page)
    assert lists(response) == []


def test_what_is_reported_of_a_list_costs_no_query(trained, monkeypatch, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 3_600}
    client = consented_client()
    identify_browser(client)
    for page in ("/catalogue/", "/search/?q=product"):
        client.get(page)
        with CaptureQueriesContext(connection) as signed:
            assert lists(client.get(page))
        with monkeypatch.context() as patched, CaptureQueriesContext(connection) as unsigned:
            patched.setattr("personalization.oscar.listing_views.list_slate", lambda *args, **kwargs: None)
            assert not lists(client.get(page))
        assert len(signed) <= len(unsigned)


def test_a_failing_signature_leaves_oscars_page(trained, monkeypatch, caplog):
    monkeypatch.setattr("personalization.oscar.listing_views.list_slate", lambda *args, **kwargs: 1 / 0)
    response = consented_client().get("/catalogue/")
    assert (response.status_code, lists(response), len(shown(response))) == (200, [], 20)
    assert "Signing a list failed" in caplog.text


def test_the_menu_in_the_visitors_order_says_what_stands_where(trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MENU_MAX_SHIFT": 3}
    users, _ = trained
    shop.create_from_breadcrumbs("Empty")
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    client.force_login(users[1])
    response = client.get(reverse("basket:summary"))
    found = {
        verify_impression(token, Visitor.objects.get(user=users[1]).pk, time.time()).row: (token, kind, links)
        for token, kind, links in lists(response)
    }
    token, kind, links = found["menu"]
    entries = re.findall(r'<a class="dropdown-item" href="(/catalogue/category/[^"]+)">', response.content.decode())
    assert (kind, [path for _, path in links]) == ("category", entries)
    click = event_payload("select_item", links[1][0], slate=token, at=to_milliseconds(shop.now()))
    assert send_events(client, click).json() == {"accepted": 1, "rejected": []}
    kept = Event.objects.values_list("surface", "row_key", "item_kind", "product_id", "position", "items", "reason")
    assert kept.get() == (
        "navigation",
        "menu",
        "category",
        None,
        1,
        [[links[1][0], 1, "personal_order"]],
        "personal_order",
    )


def test_the_lines_for_you_in_the_menu_say_what_they_are(trained):
    users, _ = trained
    client = Client()
    client.force_login(users[1])
    response = client.get(reverse("basket:summary"))
    assert "personalization-shortcuts" in response.content.decode()
    ((token, kind, links),) = lists(response)
    slate = verify_impression(token, Visitor.objects.get(user=users[1]).pk, time.time())
    assert (slate.surface, slate.row, kind) == ("navigation", "shortcuts", "category")
    assert [item.item_id for item in slate.items] == [key for key, _ in links]
    assert all(item.reason for item in slate.items)
