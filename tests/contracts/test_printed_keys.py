"""Keys on pages are keys, however the shop prints its numbers."""

import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

FIRST_KEY = 1_234_567
ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"')
GROUPED = re.compile(r"(?<![\d,.])\d{1,3}(?:[,. \N{NO-BREAK SPACE}]\d{3})+(?!\d)")


def use_large_keys():
    """The next keys of all tables are above a million."""
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table, key = model._meta.db_table, model._meta.pk
            if model._meta.managed and key.get_internal_type() in ("AutoField", "BigAutoField"):
                if connection.vendor == "postgresql":
                    cursor.execute(
                        "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [f'"{table}"', key.column, FIRST_KEY]
                    )
                else:
                    cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                    cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, FIRST_KEY])


@pytest.fixture
def large_shop(own_files, settings):
    """(customers, products) of a trained shop whose keys are large and whose numbers are grouped."""
    settings.USE_THOUSAND_SEPARATOR = True
    use_large_keys()
    users, products = shop._build_even_and_odd()
    create_from_breadcrumbs("Grocery > Even > Deep")
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    assert min(product.pk for product in products) >= FIRST_KEY
    return users, products


def ungrouped(response):
    """The page, whose attributes hold no grouped number."""
    assert response.status_code == 200
    page = response.content.decode()
    found = [text for text in ATTRIBUTE.findall(page) if GROUPED.search(text) and "$" not in text]
    assert found == []
    return page


def addresses(product, category):
    """Every page that has something of ours."""
    search = reverse("search:search")
    names = ("catalogue:index", "basket:summary", "personalization:privacy", "personalization:privacy_erase_confirm")
    return [
        "/",
        *(reverse(name) for name in names),
        f"{search}?q=product",
        f"{search}?q=nosuchthing",
        product.get_absolute_url(),
        category.get_absolute_url(),
        reverse("storefront"),
    ]


def test_no_page_of_a_customer_prints_a_key_as_a_number(large_shop, client):
    users, products = large_shop
    category = products[0].categories.get()
    client.force_login(users[0])
    client.get(products[4].get_absolute_url())
    client.post(reverse("basket:add", kwargs={"pk": products[2].pk}), {"quantity": 1})
    pages = [ungrouped(client.get(address)) for address in addresses(products[1], category)]
    whole = "".join(pages)
    for name in ("data-product", "data-slate", "data-links", 'name="key"', "seen.js"):
        assert name in whole
    for order in users[0].orders.all()[:1]:
        session = client.session
        session["checkout_order_id"] = order.pk
        session.save()
        ungrouped(client.get(reverse("checkout:thank-you")))


def test_no_page_of_a_browser_prints_a_key_as_a_number(large_shop):
    _, products = large_shop
    browser = Client()
    visitor = identify_browser(browser)
    for product in products[:4]:
        store_event(visitor, product_id=product.pk)
    store_event(visitor, "search", query="nosuchthing")
    for address in addresses(products[1], products[0].categories.get()):
        ungrouped(browser.get(address))
    ungrouped(Client().get("/"))


def test_interests_and_reports_work_with_large_keys(large_shop, client):
    users, products = large_shop
    client.force_login(users[0])
    page = ungrouped(client.get(reverse("personalization:privacy")))
    key = re.search(r'<option value="(\d+)">', page).group(1)
    answer = client.post(reverse("personalization:privacy_preference"), {"kind": "interest", "key": key, "sign": "1"})
    assert answer.status_code == 302
    assert f'value="{key}"' in ungrouped(client.get(reverse("personalization:privacy")))
    told = re.findall(r'data-product="([^"]*)"', client.get(products[1].get_absolute_url()).content.decode())
    assert told and all(text.isdigit() for text in told)
