"""A touch keeps what was true when it happened, from the page to the report: the segments of the visitor, and the
currency of the price."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.partner.models import StockRecord

from personalization.collect.impression_tokens import verify_impression
from personalization.decide import active_rules
from personalization.decide.arms import plain_visit
from personalization.decide.audience import segments_of
from personalization.decide.visit import Visit
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising import publishing
from personalization.models import Credit, CustomerFacts, DailyTotal, Definition, Event, Visitor
from personalization.privacy.retention import roll_up_days
from tests.dashboard.test_query_counts import count_queries
from tests.dashboard.test_reports import REPORT, cells, noon
from tests.measure.orders import DAY, click, place_order, see
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
FILE = reverse("personalization:personalization-report-csv")
BROWSER = {"Origin": "http://testserver", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"}
EVENTS = reverse("personalization:events")


def segment(name: str, field: str, op: str, value: object) -> int:
    """The key of a live segment with one condition."""
    condition = {"field": field, "op": op, "value": value}
    document = {"match": "all", "groups": [{"match": "all", "conditions": [condition]}]}
    definition = publishing.publish(publishing.create("segment", name, document, None), None)
    active_rules.read_rules_now()
    return definition.pk


@pytest.fixture
def signed_in(client, trained_and_indexed):
    """(the visitor of a customer with six orders, who is signed in and agreed; the products)"""
    users, products = trained_and_indexed
    shop.grant_consent(users[0])
    client.force_login(users[0])
    visitor = Visitor.objects.get(user=users[0])
    Visitor.objects.filter(pk=visitor.pk).update(consented_at=now() - 60 * DAY)
    return visitor, products


def tokens(client, address: str) -> list[str]:
    return re.findall(r'data-slate="([^"]+)"', client.get(address).content.decode())


def segments_on(client, visitor, address: str) -> set[tuple[int, ...]]:
    """The segments that the tokens of the page's products name."""
    found = [verify_impression(token, visitor.pk, now().timestamp()) for token in tokens(client, address)]
    assert found and all(found)
    return {one.segments for one in found if one.item_kind == "product"}


def click_first(client, visitor, address: str, row: str = "") -> int:
    """Reports a click on the first product of a row of the page, through the door; the product's key."""
    for token in tokens(client, address):
        shown = verify_impression(token, visitor.pk, now().timestamp())
        if shown.item_kind == "product" and shown.items[0].reason and shown.row.startswith(row):
            key = shown.items[0].item_id
            event = {"name": "select_item", "slate": token, "items": [{"item_id": key}]}
            client.post(EVENTS, {"events": [event]}, content_type="application/json", headers=BROWSER)
            return key
    raise AssertionError("no row")


@pytest.mark.parametrize("address", ["/", "/search/?q=product", "/catalogue/"])
def test_every_token_of_a_page_names_the_segments_of_who_sees_it(client, signed_in, address):
    visitor, _products = signed_in
    buyers = segment("Buyers", "orders", "at_least", 1)
    segment("Heavy buyers", "orders", "at_least", 1_000)
    assert segments_on(client, visitor, address) == {(buyers,)}


def test_it_costs_no_query_and_a_page_that_reads_no_events_says_nothing_of_them(client, signed_in):
    visitor, products = signed_in
    pages = ["/", "/search/?q=product", products[0].get_absolute_url()]

    def counted() -> list[int]:
        return [len(count_queries(client, page)[1]) for page in pages]

    before = counted()
    often = segment("Often here", "visits", "at_most", {"number": 100, "days": 30})
    buyers = segment("Buyers", "orders", "at_least", 1)
    assert counted() == before
    assert segments_on(client, visitor, "/") == {(often, buyers)}  # the home page reads what they did anyway
    assert segments_on(client, visitor, "/search/?q=product") == {(buyers,)}


def test_the_held_out_are_in_no_segment(client, signed_in):
    visitor, _products = signed_in
    segment("Newcomers", "orders", "at_most", 1_000)
    assert segments_on(client, visitor, "/") != {()}
    visit = Visit(timestamp=0.0, strategy=None, visitor_id=visitor.pk, rules=active_rules.get_active_rules())
    assert segments_of(plain_visit(visit)) == ()


def test_credit_and_report_keep_the_segment_of_the_moment(client, signed_in, admin_user):
    visitor, _products = signed_in
    buyers = segment("Buyers", "orders", "at_least", 1)
    key = click_first(client, visitor, "/")
    Event.objects.filter(type="select_item").update(occurred_at=now() - DAY)
    product = next(one for one in _products if one.pk == key)
    place_order(visitor, [(product, 1, "10.00")], now() - DAY / 2)
    CustomerFacts.objects.filter(user=visitor.user_id).delete()  # today they are in none
    measure_outcomes()
    assert Event.objects.get(type="select_item").segments == [buyers]
    assert Credit.objects.get().segments == [buyers]
    total = DailyTotal.objects.get(segment_id=buyers, type="purchase")
    assert (total.gross, total.surface, total.product_id) == (10, "home", 0)


@pytest.fixture
def two_segments(db):
    """Six visitors in both segments and one more in the second: 40 cards and a click each, an order of 10.00."""
    tea = shop.create_shop_product("Green tea", stock=1_000)
    keys = [
        Definition.objects.create(kind="segment", key=name, name=name).pk for name in ("Tea lovers", "Everybody", "One")
    ]
    people = [Visitor.objects.get(user=shop.create_customer(f"person{number}")) for number in range(7)]
    for number, visitor in enumerate(people):
        both = keys[:2] if number < 6 else keys[1:]
        for minute in range(40):
            see(visitor, [tea], noon(5) + timedelta(minutes=minute), row="bestsellers", segments=both)
        click(visitor, tea, noon(5) + timedelta(minutes=50), row="bestsellers", segments=both)
        place_order(visitor, [(tea, 1, "10.00")], noon(5) + timedelta(hours=1))
    measure_outcomes()
    roll_up_days(now())
    return keys, people


def test_the_report_by_segment_names_segments_and_does_not_add_them_up(admin_client, two_segments):
    page = admin_client.get(REPORT, {"by": "segment", "days": "28"}).content.decode()
    kept = {name: cells(page, name)["Kept"] for name in ("Tea lovers", "Everybody", "All visitors")}
    assert kept == {"Tea lovers": "$60.00", "Everybody": "$70.00", "All visitors": "$70.00"}
    assert cells(page, "Tea lovers")["Seen"] == "240"
    assert "so these lines do not add up" in page
    assert "Of 1 segment nothing is said" in page and '<th scope="row">One</th>' not in page
    rows = list(csv.DictReader(io.StringIO(admin_client.get(FILE, {"by": "segment"}).getvalue().decode())))
    assert [(row["name"], row["kept_amount"]) for row in rows] == [("Everybody", "70.00"), ("Tea lovers", "60.00")]


def test_without_a_segment_it_does_not_say_that_nobody_saw_a_row(admin_client):
    tea = shop.create_shop_product("Green tea")
    see(Visitor.objects.get(user=shop.create_customer("anna")), [tea], noon(3), row="bestsellers")
    roll_up_days(now())
    page = admin_client.get(REPORT, {"by": "segment"}).content.decode()
    assert "Nobody saw a row in this period while they were in a segment." in page
    assert "Nobody has seen a row yet" not in page


def test_other_reports_are_the_same_with_segments(admin_client, two_segments):
    page = admin_client.get(REPORT, {"days": "28"}).content.decode()
    line = cells(page, "Home page · Bestsellers")
    assert (line["Seen"], line["Clicks"], line["Lines bought"], line["Kept"]) == ("280", "7", "7", "$70.00")
    assert cells(admin_client.get(REPORT, {"by": "product"}).content.decode(), "Green tea")["Kept"] == "$70.00"


def test_who_is_forgotten_leaves_sums_and_no_segment(admin_client, client, two_segments):
    _keys, people = two_segments
    browser = Client()
    browser.force_login(people[0].user)
    browser.post(reverse("personalization:privacy_erase"))
    assert Credit.objects.get(visitor=None).segments == []
    assert cells(admin_client.get(REPORT).content.decode(), "Together")["Kept"] == "$70.00"


@pytest.mark.parametrize("asked", [{"device": "phone"}, {"people": "customers"}])
def test_by_segment_there_is_no_split_by_device_or_people(admin_client, asked):
    answer = admin_client.get(REPORT, {"by": "segment", **asked})
    assert answer.status_code == 400 and "By segment there is no split" in answer.content.decode()


def buy_in(paid: str, visitor, product, at, currency: str = "") -> None:
    click(visitor, product, at, row="bestsellers", currency=currency)
    order = place_order(visitor, [(product, 1, "10.00")], at + timedelta(hours=1))
    type(order).objects.filter(pk=order.pk).update(currency=paid)


def test_a_click_on_a_price_in_another_currency_gets_no_credit(db):
    tea = shop.create_shop_product("Green tea")
    visitor = Visitor.objects.get(user=shop.create_customer("anna"))
    buy_in("EUR", visitor, tea, noon(5))
    measure_outcomes()
    assert not Credit.objects.exists()
    buy_in("EUR", visitor, tea, noon(4), currency="EUR")
    measure_outcomes()
    assert [(one.currency, one.touched_at) for one in Credit.objects.all()] == [("EUR", noon(4))]


def test_a_row_that_was_seen_in_two_currencies_counts_in_both(db):
    tea, coffee = shop.create_shop_product("Green tea"), shop.create_shop_product("Coffee")
    visitor = Visitor.objects.get(user=shop.create_customer("anna"))
    event = see(visitor, [tea], noon(3), row="bestsellers")
    items = [[tea.pk, 0, "bestsellers"], [coffee.pk, 1, "bestsellers", None, None, "EUR"]]
    Event.objects.filter(pk=event.pk).update(items=items)
    roll_up_days(now())
    totals = DailyTotal.objects.filter(type="view_item_list", product_id=0, segment_id=0)
    assert sorted(totals.values_list("currency", "event_count")) == [("", 1), ("EUR", 1)]


def test_the_report_has_a_line_for_each_currency_and_adds_none_of_them_up(admin_client):
    tea = shop.create_shop_product("Green tea", stock=1_000)
    for number in range(8):
        visitor = Visitor.objects.get(user=shop.create_customer(f"person{number}"))
        currency = "EUR" if number < 3 else ""
        buy_in(currency or "USD", visitor, tea, noon(5), currency=currency)
    measure_outcomes()
    roll_up_days(now())
    for by, name in (("row", "Home page · Bestsellers"), ("product", "Green tea"), ("surface", "Home page")):
        page = admin_client.get(REPORT, {"by": by, "days": "28"}).content.decode()
        found = {one: cells(page, one) for one in (name, f"{name} (EUR)", "Together", "Together (EUR)")}
        assert [(one["Clicks"], one["Kept"]) for one in found.values()] == [("5", "$50.00"), ("3", "€30.00")] * 2
    assert "$80.00" not in page and "nothing is added up over currencies" in page
    rows = list(csv.DictReader(io.StringIO(admin_client.get(FILE, {"by": "row"}).getvalue().decode())))
    assert [(row["currency"], row["kept_amount"]) for row in rows] == [("USD", "50.00"), ("EUR", "30.00")]


@pytest.mark.parametrize("address", ["/", "/search/?q=product"])
def test_a_page_reports_the_currency_of_its_prices(client, signed_in, address):
    visitor, _products = signed_in
    StockRecord.objects.update(price_currency="EUR")
    key = click_first(client, visitor, address)
    event = Event.objects.get(type="select_item")
    assert (event.product_id, event.currency) == (key, "EUR")
    StockRecord.objects.update(price_currency="USD")
    click_first(client, visitor, address)
    assert Event.objects.filter(type="select_item").order_by("-pk")[0].currency == ""
