"""A preview is the page that the customer gets, and nothing else comes of it."""

import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from personalization.merchandising import publishing
from personalization.models import AuditEntry, Event, Visitor
from personalization.oscar.previews import PARAMETER, Preview
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SCREEN = reverse("personalization:personalization-preview")


@pytest.fixture
def staff():
    """May preview as anybody."""
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["preview_as", "view_customer"]))
    return user


@pytest.fixture
def customer():
    """With a history, and consent, in a trained shop."""
    users, _products = shop.trained_even_and_odd()
    User.objects.filter(pk=users[2].pk).update(email="two@shop.example")
    visitor = Visitor.objects.get_or_create_customer(users[2].pk)
    assert visitor is not None
    return User.objects.get(pk=users[2].pk)


def rows_of(page):
    """The titles of rows and cards of a page of ours, in order."""
    body = page.content.decode()
    return re.findall(r'<h2[^>]*>(.*?)</h2>|<h3[^>]*>\s*<a [^>]*title="([^"]*)"', body, re.S)


def frames(client, **chosen):
    """The addresses of the frames."""
    page = client.get(SCREEN, {"page": "/", **chosen})
    return [address for _title, address in page.context["frames"]]


def test_a_preview_equals_the_live_page_of_the_customer(client, staff, customer):
    client.force_login(customer)
    live = rows_of(client.get("/"))
    client.force_login(staff)
    own = rows_of(client.get("/"))
    (address,) = frames(client, customer="two@shop.example")
    preview = client.get(address)
    assert rows_of(preview) == live and live != own and len(live) > 3
    assert preview["X-Frame-Options"] == "SAMEORIGIN" and preview["X-Robots-Tag"] == "noindex"
    assert "no-store" in preview["Cache-Control"]
    assert "Nothing here counts" in preview.content.decode()
    assert not [name for name in preview.cookies if "personalization" in name]


def test_a_preview_greets_whom_it_is_shown_as_and_not_who_looks(client, staff, customer):
    User.objects.filter(pk=staff.pk).update(first_name="Mia", date_joined="2020-01-01T00:00Z")
    User.objects.filter(pk=customer.pk).update(first_name="Tom", date_joined="2020-01-01T00:00Z")
    client.force_login(staff)
    assert "Welcome back, Mia" in client.get("/").content.decode()
    (address,) = frames(client)
    stranger = client.get(address).content.decode()
    assert "Welcome to" in stranger and "Welcome back" not in stranger
    (address,) = frames(client, customer="two@shop.example")
    assert "Welcome back, Tom" in client.get(address).content.decode()


def test_a_preview_records_nothing_but_that_somebody_looked(client, staff, customer):
    client.force_login(staff)
    events, visitors = Event.objects.count(), Visitor.objects.count()
    (address,) = frames(client, customer="two@shop.example")
    body = client.get(address).content.decode()
    assert "data-token" not in body and "seen.js" not in body
    assert (Event.objects.count(), Visitor.objects.count()) == (events, visitors)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.by, entry.subject) == ("preview", staff, customer)


def test_a_draft_is_seen_in_the_preview_and_nowhere_else(client, staff, customer):
    product = shop.create_shop_product("Brand new thing")
    document = {
        "where": [{"surface": "home"}],
        "what": [{"do": "pin", "target": {"products": [product.pk]}, "place": 1}],
    }
    draft = publishing.create("campaign", "Draft", document, staff)
    client.force_login(staff)
    assert "Brand new thing" not in _first_row(client.get("/"))
    (address,) = frames(client, drafts=[draft.pk])
    assert "Brand new thing" in _first_row(client.get(address))
    without = frames(client, drafts=[draft.pk], compared_with="campaigns")[1]
    assert "Brand new thing" not in _first_row(client.get(without))


def _first_row(page):
    return page.content.decode().partition("</section>")[0]


def test_a_token_is_worth_nothing_to_anybody_else(client, staff, customer):
    token = Preview(staff=str(staff.pk), customer=str(customer.pk)).sign()
    plain = rows_of(client.get("/"))
    assert rows_of(client.get("/", {PARAMETER: token})) == plain
    client.force_login(User.objects.create_superuser("root", "root@shop.example", "secret-42"))
    assert "Nothing here counts" not in client.get("/", {PARAMETER: token}).content.decode()
    assert client.get("/", {PARAMETER: "forged"}).status_code == 200


def test_without_the_permission_for_customers_no_customer_is_shown(client, staff, customer):
    staff.user_permissions.remove(Permission.objects.get(codename="view_customer"))
    client.force_login(staff)
    page = client.get(SCREEN, {"page": "/", "customer": "two@shop.example"})
    assert page.context.get("frames") is None and "You may not look at customers." in page.content.decode()
    token = Preview(staff=str(staff.pk), customer=str(customer.pk)).sign()
    assert "Nothing here counts" not in client.get("/", {PARAMETER: token}).content.decode()


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/x", "javascript:alert(1)", "/\\evil.org"])
def test_only_addresses_of_the_shop_are_framed(client, staff, page):
    client.force_login(staff)
    found = client.get(SCREEN, {"page": page}).context
    assert all(not urlsplit(address).netloc and address.startswith("/") for _t, address in found.get("frames", []))


def test_the_page_of_a_product_is_not_noted_as_viewed(client, staff, customer):
    from oscar.apps.analytics.models import UserProductView
    from oscar.apps.catalogue.models import Product

    client.force_login(staff)
    (address,) = frames(client, page=Product.objects.first().get_absolute_url(), customer="two@shop.example")
    response = client.get(address)
    assert "Nothing here counts" in response.content.decode()
    assert not UserProductView.objects.exists() and "oscar_history" not in response.cookies


def test_the_page_is_in_the_language_and_for_the_device_that_was_chosen(client, staff, customer):
    client.force_login(staff)
    (address,) = frames(client, language="de", device="phone")
    assert (
        "Vorschau" in client.get(address).content.decode() or '<html lang="de"' in client.get(address).content.decode()
    )


@pytest.mark.parametrize("name", ["privacy", "privacy_download", "privacy_erase_confirm"])
def test_a_preview_gives_away_nothing_that_is_stored_about_the_customer(client, staff, customer, name):
    client.force_login(staff)
    token = Preview(staff=str(staff.pk), customer=str(customer.pk)).sign()
    asked = client.get(reverse(f"personalization:{name}"), {PARAMETER: token})
    assert asked.status_code == 200 and "X-Robots-Tag" not in asked
    stored = str(Visitor.objects.of_customer(customer.pk).pk)
    body = asked.getvalue().decode()
    assert "Nothing here counts" not in body and stored not in body and "Product 2" not in body
