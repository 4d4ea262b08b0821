"""A preview is the page that the customer gets, and nothing else comes of it."""

import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import documents, publishing
from personalization.models import AuditEntry, Definition, Event, Visitor
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
def customer(trained):
    """With a history, and consent, in a trained shop."""
    users, _products = trained
    User.objects.filter(pk=users[2].pk).update(email="two@shop.example")
    visitor = Visitor.objects.get_or_create_customer(users[2].pk)
    assert visitor is not None
    return User.objects.get(pk=users[2].pk)


def rows_of(page):
    """The titles of rows and cards of a page of ours, in order."""
    body = page.content.decode()
    return re.findall(r'<h2[^>]*>(.*?)</h2>|<h3[^>]*>\s*<a [^>]*title="([^"]*)"', body, re.S)


def shown_to_shoppers(page):
    """`rows_of` a page without the question for consent, which nobody is asked in a preview."""
    return [pair for pair in rows_of(page) if pair[0] != "May we personalise this shop for you?"]


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


ROW_SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "shown": st.booleans(),
        "titles": st.just({"en-gb": "Chosen by us", "de": "Von uns gewählt"}),
        "most": st.integers(4, 12),
        "fewest": st.integers(1, 4),
        "leave_out": st.fixed_dictionaries(
            {}, optional={"bought_days": st.integers(0, 90), "above_price": st.sampled_from([5.0, 14.0, None])}
        ),
        "who": st.sampled_from([{"people": one} for one in ("all", "customers", "visitors")]),
        "fallback": st.just(["new_in"]),
        "weights": st.fixed_dictionaries({}, optional={"stock": st.integers(0, 50), "newness": st.integers(0, 50)}),
        "fixed": st.booleans(),
    },
)


@trying(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=ROW_SETTINGS, code=st.sampled_from(["bestsellers", "buy_again"]))
def test_whatever_the_settings_of_a_row_a_preview_is_the_page_that_is_served(client, staff, customer, document, code):
    """As a draft before it serves, and as it serves; as a customer and as a stranger."""
    assume(not documents.document_errors("row", document))
    definition = Definition.objects.filter(key=f"home/{code}").first()
    if definition is None:
        definition = publishing.create("row", code, document, staff, key=f"home/{code}")
    else:
        publishing.save_draft(definition, document, staff, base=definition.versions.count())
    definition.refresh_from_db()
    client.force_login(staff)
    drafts = [definition.pk] if definition.draft else []
    visitors = {"two@shop.example": customer, "": None}
    (drafted,), (drafted_stranger,) = (frames(client, customer=one, drafts=drafts) for one in visitors)
    drafted = [shown_to_shoppers(client.get(one)) for one in (drafted, drafted_stranger)]
    if definition.draft:
        publishing.publish(definition, staff)
    read_rules_now()
    previews = [shown_to_shoppers(client.get(*frames(client, customer=one))) for one in visitors]
    live = [shown_to_shoppers(_page_of(one)) for one in visitors.values()]
    assert previews == live == drafted and all(live)


def _page_of(customer):
    """The home page in a fresh browser of this customer, or of a stranger."""
    browser = Client()
    if customer is not None:
        browser.force_login(customer)
    return browser.get("/")


@pytest.mark.parametrize("name", ["Tom", "Ann", "Zoe"])
def test_a_preview_equals_the_live_page_of_each_customer(client, staff, customer, name):
    """With a genome, without a history, and without consent; under a campaign for customers."""
    made = {
        "Ann": shop.create_customer,
        "Zoe": lambda name: User.objects.create_user(name, f"{name}@shop.example", "x"),
    }
    named = made[name](name) if name in made else customer
    User.objects.filter(pk=named.pk).update(email=f"{name}@shop.example")
    product = shop.create_shop_product("Brand new thing")
    pinned = [{"do": "pin", "target": {"products": [product.pk]}, "place": 1}]
    document = {"where": [{"surface": "home"}], "who": {"people": "customers"}, "what": pinned}
    publishing.publish(publishing.create("campaign", "Week", document, staff), staff)
    read_rules_now()
    client.force_login(staff)
    for page in ("/", product.get_absolute_url()):
        (address,) = frames(client, page=page, customer=f"{name}@shop.example")
        preview = shown_to_shoppers(client.get(address))
        browser = Client()
        browser.force_login(named)
        assert preview == shown_to_shoppers(browser.get(page)) and preview


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
