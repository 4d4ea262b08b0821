"""A new product in the last place of a row, on the page as it is served, and what its token says."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.partner.models import StockRecord

from personalization.collect.impression_tokens import verify_impression
from personalization.decide.active_rules import read_rules_now
from personalization.models import Event, Newcomer, Visitor
from personalization.models.visitors import new_visitor_id
from personalization.privacy.retention import local_day
from tests.collect.event_payloads import FIREFOX, delivery_body, event_payload, to_milliseconds
from tests.merchandising.test_served_rows import set_row
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


@pytest.fixture
def new(trained):
    """A product that nobody bought yet, in the list of this night."""
    product = shop.create_shop_product("Brand new tea", days_old=3)
    today = local_day(now())
    row = Newcomer(
        product_id=product.pk, product_created_at=product.date_created, date=today, seen=0, weight=1.0
    )  # fmt: skip
    Newcomer.objects.replace([row], now())
    read_rules_now()
    return product


@pytest.fixture
def browser():
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    identify_browser(client)
    return client


def bestsellers(client):
    return next(one for one in client.get("/").context["printed_rows"] if one.row.type == "bestsellers")


def find_lucky_unit(client, wanted=True):
    """Gives the visitor of this client a unit that the chance falls on, or not; their row."""
    visitor = Visitor.objects.get(user=None)
    for unit in iter(new_visitor_id, None):
        Visitor.objects.filter(pk=visitor.pk).update(browser_unit=unit)
        printed = bestsellers(client)
        if any(item.propensity for item in printed.row.items) == wanted:
            return printed
    raise AssertionError


def test_it_stands_last_says_why_and_reports_its_chance(browser, new):
    before = [item.product_id for item in find_lucky_unit(browser, wanted=False).row.items]
    printed = find_lucky_unit(browser)
    assert [item.product_id for item in printed.row.items] == [*before[:-1], new.pk]
    assert printed.row.items[-1].explanation.startswith("Added ")
    page = browser.get("/").content.decode()
    assert "Brand new tea" in page and "Bought by the most customers in the last 28 days, and a new product" in page
    visitor = Visitor.objects.get(user=None)
    shown = verify_impression(printed.token, visitor.pk, now().timestamp())
    assert [item.propensity for item in shown.items] == [None] * 5 + [0.1]
    items = [{"item_id": str(item.product_id)} for item in printed.row.items]
    report = event_payload("view_item_list", slate=printed.token, at=to_milliseconds(now()), items=items)
    assert post_events(browser, delivery_body(report)).json() == {"accepted": 1, "rejected": []}
    event = Event.objects.get()
    assert event.items[-1] == [new.pk, 5, "new", None, 0.1] and len(event.items[0]) == 3


def test_what_cannot_be_bought_takes_no_place(browser, new):
    find_lucky_unit(browser)
    StockRecord.objects.filter(product=new).update(num_in_stock=0)
    assert new.pk not in [item.product_id for item in bestsellers(browser).row.items]


def test_off_is_off(browser, new, settings):
    row = find_lucky_unit(browser).row
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "NEWCOMER_SHARE": 0}
    after = bestsellers(browser).row
    assert [item.product_id for item in after.items[:5]] == [item.product_id for item in row.items[:5]]
    assert all(item.propensity is None for item in after.items) and new.pk != after.items[5].product_id


def test_it_costs_no_query(browser, new):
    find_lucky_unit(browser, wanted=False)
    browser.get("/")
    with CaptureQueriesContext(connection) as plain:
        browser.get("/")
    find_lucky_unit(browser)
    browser.get("/")
    with CaptureQueriesContext(connection) as with_new:
        browser.get("/")
    assert len(with_new) == len(plain)


def test_a_row_that_merchants_limited_holds_none(browser, new):
    find_lucky_unit(browser)
    set_row("bestsellers", {"leave_out": {"below_price": 1}})
    assert all(item.propensity is None for item in bestsellers(browser).row.items)


def test_nobody_who_did_not_agree_is_shown_one_and_the_page_of_the_row_has_none(new, browser):
    assert all(item.propensity is None for item in bestsellers(Client()).row.items)
    find_lucky_unit(browser)
    page = browser.get(reverse("personalization:row", args=["home", "bestsellers"])).content.decode()
    assert "Brand new tea" not in page
