"""What somebody did a moment ago, and what they allow, change the very next page."""

import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Consent, Event, Visitor
from personalization.privacy import flows, identity
from personalization.privacy.requester import requester_from_request
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db


def looked_at(visitor, product, minutes_ago=0.0):
    store_event(visitor, minutes_ago=minutes_ago, product_id=product.pk)


def rows(response):
    return {row.type: row for row in response.context["slate"].rows}


def test_what_an_anonymous_visitor_looked_at_moves_their_very_next_page(client, trained):
    _, products = trained
    visitor = identify_browser(client)
    assert "because_you_viewed" not in rows(client.get("/"))
    looked_at(visitor, products[3])
    row = rows(client.get("/"))["because_you_viewed"]
    assert row.title == "Because you viewed Product 3"
    assert {item.product_id for item in row.items} <= {product.pk for product in products[1::2]} - {products[3].pk}
    looked_at(visitor, products[2])
    assert rows(client.get("/"))["because_you_viewed"].title == "Because you viewed Product 2"


def test_what_was_looked_at_counts_less_with_every_day(client, trained):
    users, products = trained
    client.force_login(users[1])
    visitor = Visitor.objects.get_or_create_customer(users[1].pk)
    looked_at(visitor, products[3])
    assert list(rows(client.get("/")))[:3] == ["continue_shopping", "because_you_viewed", "buy_again"]
    Event.objects.update(occurred_at=now() - timedelta(days=20))
    assert next(iter(rows(client.get("/")))) == "buy_again"
    Event.objects.update(occurred_at=now() - timedelta(days=91))
    assert "because_you_viewed" not in rows(client.get("/"))


def test_without_consent_nothing_of_a_visitor_is_used(client, trained):
    users, products = trained
    looked_at(Visitor.objects.get_or_create_customer(users[1].pk), products[3])
    anonymous = rows(client.get("/"))
    Visitor.objects.filter(user=users[1]).update(consent=Consent.NONE)
    client.force_login(users[1])
    assert list(rows(client.get("/"))) == list(anonymous)


@pytest.mark.parametrize("header", ["HTTP_SEC_GPC", "HTTP_DNT"])
def test_a_browser_that_objects_is_served_what_a_stranger_sees(client, trained, header):
    users, _ = trained
    client.force_login(users[1])
    assert any(row.personal for row in rows(client.get("/")).values())
    assert not any(row.personal for row in rows(client.get("/", **{header: "1"})).values())


def test_a_withdrawal_works_on_the_next_request_and_deletes_the_genome(client, trained):
    users, _ = trained
    client.force_login(users[1])
    request = client.get("/").wsgi_request
    flows.withdraw_consent(requester_from_request(request), now(), source="test")
    assert not any(row.personal for row in rows(client.get("/")).values())
    call_command("personalization_train", verbosity=0)
    identity.grant_consent(requester_from_request(request), now(), source="test")
    assert not any(row.personal for row in rows(client.get("/")).values())


def test_after_signing_out_the_page_is_a_fresh_visitors(client, trained):
    users, products = trained
    fresh = client.get("/").content
    client.force_login(users[1])
    looked_at(Visitor.objects.get_or_create_customer(users[1].pk), products[3])
    assert client.get("/").content != fresh
    client.get(reverse("customer:logout"))
    assert rows(client.get("/")).keys() == {"bestsellers", "trending", "bestsellers_in_category"}


def test_signing_out_deletes_the_cookie_of_recently_viewed_products(client, trained, settings):
    users, products = trained
    client.force_login(users[1])
    client.get(products[0].get_absolute_url())
    assert client.cookies[settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME].value
    client.get(reverse("customer:logout"))
    assert not client.cookies[settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME].value


def test_a_day_after_signing_in_no_row_tells_what_was_bought(client, trained, settings):
    users, _ = trained
    client.force_login(users[1])
    assert "Buy again" in client.get("/").content.decode()
    session = client.session
    session["personalization_signed_in"] = time.time() - 25 * 3600
    session.save()
    page = client.get("/").content.decode()
    assert "Recommended for you" in page
    assert "Buy again" not in page
    assert "You bought" not in page


def test_a_child_has_no_profile(client, trained, settings):
    users, _ = trained
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "IS_CHILD_CALLABLE": "tests.walks.test_recent_activity.is_customer_1",
    }
    client.force_login(users[1])
    assert not any(row.personal for row in rows(client.get("/")).values())
    client.force_login(users[3])
    assert any(row.personal for row in rows(client.get("/")).values())


def is_customer_1(user):
    return user.username == "customer1"


@pytest.mark.parametrize(("answer", "personal"), [("says_yes", True), ("says_no", False), ("does_not_know", True)])
def test_the_shops_own_consent_tool_is_asked(client, trained, settings, answer, personal):
    users, _ = trained
    path = f"tests.walks.test_recent_activity.{answer}"
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_CALLABLE": path}
    client.force_login(users[1])
    assert any(row.personal for row in rows(client.get("/")).values()) == personal


def says_yes(request):
    return True


def says_no(request):
    return False


def does_not_know(request):
    return None


def test_the_page_of_a_known_visitor_costs_two_queries_more(client, trained):
    _, products = trained
    client.get("/")
    assert questions_about_visitors(client) == 0
    visitor = identify_browser(client)
    for product in products[:20]:
        looked_at(visitor, product)
    assert questions_about_visitors(client) == 2


def questions_about_visitors(client):
    """How often the home page asks the tables that know visitors (more rows cost Oscar 4.1 a query a card)."""
    with CaptureQueriesContext(connection) as captured:
        client.get("/")
    tables = ("personalization_visitor", "personalization_event", "personalization_genome")
    return sum(any(f'FROM "{table}"' in query["sql"] for table in tables) for query in captured)


def test_nothing_about_a_visitor_is_logged(client, trained, caplog):
    users, products = trained
    client.force_login(users[1])
    visitor = Visitor.objects.get_or_create_customer(users[1].pk)
    looked_at(visitor, products[3])
    with caplog.at_level("INFO"):
        client.get("/")
        client.get(reverse("customer:logout"))
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert not any(secret in logged for secret in (users[1].email, str(visitor.pk), visitor.pk.hex))
