"""What the shop itself sees of a visitor: what they put into the basket."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from personalization.models import Event, SensitiveCategory, Visitor
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.event_requests import consented_client, raise_disk_full, send_events, view_payload

pytestmark = pytest.mark.django_db


def add(client, product):
    return client.post(reverse("basket:add", args=[product.pk]), {"quantity": 2})


def test_what_a_known_browser_puts_into_the_basket_is_kept(milk):
    client = consented_client()
    send_events(client, view_payload(milk))
    assert add(client, milk).status_code == 302
    assert list(Event.objects.order_by("id").values_list("type", "product_id")) == [
        ("view_item", milk.pk),
        ("add_to_cart", milk.pk),
    ]
    assert isinstance(Event.objects.last().event_id, UUID)


def test_what_an_account_that_agreed_puts_into_the_basket_is_kept(milk, customer):
    client = Client(HTTP_USER_AGENT=FIREFOX)
    client.force_login(customer)
    add(client, milk)
    assert Event.objects.values_list("type", "visitor__user").get() == ("add_to_cart", customer.pk)


def test_a_basket_makes_nobody_known(milk):
    assert add(consented_client(), milk).status_code == 302
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)


def test_nothing_is_kept_of_the_basket_of_whoever_objects(milk, customer):
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_SEC_GPC="1")
    client.force_login(customer)
    add(client, milk)
    assert Event.objects.count() == 0


def test_nothing_sensitive_is_kept_of_a_basket(customer):
    shelf = shop.create_from_breadcrumbs("Pharmacy")
    SensitiveCategory.objects.create(category=shelf)
    client = Client(HTTP_USER_AGENT=FIREFOX)
    client.force_login(customer)
    add(client, shop.create_shop_product("Test", shelf))
    assert Event.objects.count() == 0


def test_nothing_of_ours_breaks_putting_something_into_the_basket(milk, customer, monkeypatch):
    monkeypatch.setattr("personalization.collect.ingestion.record_server_event", raise_disk_full)
    client = Client(HTTP_USER_AGENT=FIREFOX)
    client.force_login(customer)
    assert add(client, milk).status_code == 302
    assert client.get(reverse("basket:summary")).context["basket"].num_items == 2
