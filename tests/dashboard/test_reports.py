"""The reports, as staff see them: the numbers of the page are those of events and orders."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now

from personalization.decide import active_rules
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising import publishing
from personalization.models import DailyTotal, Definition, DefinitionKind, Visitor
from personalization.privacy.retention import roll_up_days
from tests.measure.orders import DAY, click, pay_back, place_order, see
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
TOO_FEW = "\N{EN DASH}"
REPORT, FILE = (reverse(f"personalization:personalization-{name}") for name in ("reports", "report-csv"))


def noon(days_ago: int) -> datetime:
    return now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - days_ago * DAY


@pytest.fixture
def three_people(db):
    """Three shoppers who saw rows, clicked and bought; one order is cancelled, one paid back in part."""
    tea, coffee = shop.create_shop_product("Green tea"), shop.create_shop_product("Coffee")
    campaign = Definition.objects.create(kind=DefinitionKind.CAMPAIGN, key="spring", name="Spring")
    people = [Visitor.objects.get(user=shop.create_customer(name)) for name in ("anna", "ben")]
    people.append(Visitor.objects.create(consent="granted", consented_at=noon(30)))
    orders = []
    for number, visitor in enumerate(people):
        at = noon(5 - number)
        for minute in range(40):
            see(visitor, [tea, coffee], at + timedelta(minutes=minute), row="bestsellers", device="phone")
        click(visitor, tea, at + timedelta(minutes=50), row="bestsellers", campaign=f"{campaign.pk}:1", device="phone")
        orders.append(place_order(visitor, [(tea, 2, "10.00"), (coffee, 1, "4.00")], at + timedelta(hours=1)))
    type(orders[0]).objects.filter(pk=orders[0].pk).update(status="Cancelled")
    pay_back(orders[1], "8.40")  # half of 16.80
    measure_outcomes()
    roll_up_days(now())
    return tea, coffee, campaign


def cells(page: str, name: str) -> dict[str, str]:
    """{column: text} of the line with this name."""
    for line in re.findall(r"<tr>.*?</tr>", page, re.S):
        if re.search(rf'<th scope="row">{re.escape(name)}</th>', line):
            found = re.findall(r'data-label="([^"]*)">(?:<strong>)?(.*?)(?:</strong>)?</td>', line, re.S)
            return {label: text.strip() for label, text in found}
    raise AssertionError(f"no line {name!r}")


def test_the_page_says_what_was_seen_clicked_bought_lost_and_kept(admin_client, three_people):
    page = admin_client.get(REPORT).content.decode()
    assert cells(page, "Home page · Bestsellers") == {
        "Seen": "240",
        "Clicks": "3",
        "Clicks %": "1.3",
        "Added": "0",
        "Added ‰": "0.0",
        "Lines bought": "3",
        "Gross": "$30.00",
        "Lost": "$15.00",
        "Kept": "$15.00",
        "Kept per 1,000 seen": "$62.50",
        "Only seen, kept": "$6.00",
    }
    assert cells(page, "Together")["Kept"] == "$15.00"
    assert "Based on 100 % of the orders (3 of 3)" in page


def test_a_row_of_a_message_is_named_as_its_kind_is_in_each_language(admin_client):
    anna, tea = Visitor.objects.get(user=shop.create_customer("anna")), shop.create_shop_product("Tea")
    click(anna, tea, noon(2), row="basket_left", surface="message")
    roll_up_days(now())
    page = admin_client.get(REPORT).content.decode()
    assert cells(page, "Messages · Basket left")["Clicks"] == "1"
    assert '<option value="basket_left">Basket left</option>' in page and ">basket_left<" not in page
    german = admin_client.get(REPORT, HTTP_ACCEPT_LANGUAGE="de").content.decode()
    assert "· Warenkorb verlassen</th>" in german
    rows = list(csv.DictReader(io.StringIO(admin_client.get(FILE).getvalue().decode("utf-8-sig"))))
    assert [(row["row_code"], row["name"]) for row in rows] == [("basket_left", "Messages · Basket left")]


def test_the_numbers_are_those_of_an_independent_count(admin_client, three_people):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM personalization_event WHERE type = 'select_item' AND row_key = 'bestsellers'"
        )
        (clicks,) = cursor.fetchone()
        cursor.execute(
            "SELECT SUM(line.line_price_excl_tax) FROM order_line line JOIN order_order placed ON "
            "placed.id = line.order_id WHERE placed.status <> 'Cancelled' AND line.title = 'Green tea'"
        )
        (kept,) = cursor.fetchone()
    line = cells(admin_client.get(REPORT).content.decode(), "Together")
    assert line["Clicks"] == str(clicks)
    assert line["Kept"] == f"${Decimal(kept) - 5:.2f}"  # half of one order was paid back


@pytest.mark.parametrize(
    ("asked", "name", "kept"),
    [
        ({"by": "surface"}, "Home page", "$15.00"),
        ({"by": "campaign"}, "Spring", "$15.00"),
        ({"by": "product"}, "Green tea", "$15.00"),
        ({"people": "visitors"}, "Home page · Bestsellers", TOO_FEW),
        ({"device": "phone"}, "Together", "$15.00"),
        ({"days": "7"}, "Together", "$15.00"),
    ],
)
def test_it_is_split_and_filtered(admin_client, three_people, asked, name, kept):
    page = admin_client.get(REPORT, {"days": "28", **asked}).content.decode()
    assert cells(page, name)["Kept"] == kept


def test_fewer_than_three_lines_are_too_few_to_say_for_how_much(admin_client, three_people):
    line = cells(admin_client.get(REPORT, {"people": "visitors"}).content.decode(), "Together")
    assert (line["Lines bought"], line["Gross"], line["Kept"]) == ("1", TOO_FEW, TOO_FEW)


def test_the_sum_of_all_rows_is_the_sum_of_all_credits(three_people):
    for group in (0, 1):
        rows = DailyTotal.objects.filter(type="purchase").exclude(row_code="")
        rows = rows.filter(product_id__gt=0) if group else rows.filter(product_id=0)
        assert sum(rows.values_list("gross", flat=True)) == Decimal("30.00")


def test_the_chart_is_a_table_too(admin_client, three_people):
    page = admin_client.get(REPORT).content.decode()
    table = page[page.index("The same as a table") :]
    assert re.findall(r'data-label="Kept">(\$[\d.]+)<', table)[:2] == ["$5.00", "$10.00"]
    assert page.count("<rect") == 28


def test_the_file_has_the_same_numbers(admin_client, three_people):
    rows = list(csv.DictReader(io.StringIO(admin_client.get(FILE, {"by": "product"}).getvalue().decode())))
    (tea,) = [row for row in rows if row["name"] == "Green tea"]
    assert (tea["seen"], tea["clicks"], tea["kept_amount"]) == ("120", "3", "15.00")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"days": "own"}, "Choose the first and the last day."),
        ({"days": "own", "first": "2026-05-02", "last": "2026-05-01"}, "The last day is before the first one."),
        ({"days": "own", "first": "2020-05-02", "last": "2026-05-01"}, "A report covers at most 400 days."),
        ({"by": "product", "days": "365"}, "By product a report covers at most 92 days."),
        ({"by": "product", "device": "phone"}, "By product there is no split by device or by people."),
        ({"by": "'; DROP TABLE"}, "is not one of the available choices"),
        ({"campaign": "99999999999999999999"}, "is not one of the available choices"),
        ({"days": "own", "first": "0000-00-00", "last": "x"}, "Enter a valid date."),
        ({"row": "<script>alert(1)</script>"}, "is not one of the available choices"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(admin_client, asked, error):
    for address in (REPORT, FILE):
        answer = admin_client.get(address, asked)
        assert answer.status_code == 400 and error in answer.content.decode()
        assert "<script>alert" not in answer.content.decode()


def test_an_empty_shop_is_told_how_it_begins(admin_client):
    page = admin_client.get(REPORT).content.decode()
    assert "Nobody has seen a row yet in this period." in page and "personalization_apply_retention" in page


def test_it_costs_the_same_for_a_year_with_many_rows(admin_client, three_people, django_assert_max_num_queries):
    day = now().date() - DAY
    DailyTotal.objects.bulk_create(
        DailyTotal(
            date=day - number * DAY,
            type="view_item_list",
            surface="home",
            row_code=f"row_{row}",
            event_count=5,
            visitor_count=1,
        )
        for number in range(1, 360)
        for row in range(5)
    )
    with django_assert_max_num_queries(12):
        assert admin_client.get(REPORT, {"by": "row", "days": "365"}).status_code == 200


def test_the_overview_says_what_the_last_days_brought(admin_client, three_people):
    page = admin_client.get(reverse("personalization:personalization-overview")).content.decode()
    assert "$15.00 kept after clicks." in page
    assert "That is 54 % of what was ordered in these days and neither cancelled nor returned." in page
    assert "Home page · Bestsellers" in page


def test_the_overview_names_no_amount_of_few_lines(admin_client):
    tea = shop.create_shop_product("Green tea")
    visitor = Visitor.objects.get(user=shop.create_customer("anna"))
    click(visitor, tea, noon(3), row="bestsellers")
    place_order(visitor, [(tea, 1, "10.00")], noon(2))
    measure_outcomes()
    page = admin_client.get(reverse("personalization:personalization-overview")).content.decode()
    assert "Too little was bought after clicks" in page and "$10.00" not in page


@pytest.fixture
def live_campaign(db):
    """A campaign for tea that began nine days ago: two clicks before, five since, and one on coffee."""
    tea, coffee = shop.create_shop_product("Green tea"), shop.create_shop_product("Coffee")
    document = {
        "where": [{"surface": "home"}],
        "what": [{"do": "boost", "target": {"products": [tea.pk]}, "strength": 3}],
    }
    definition = publishing.publish(publishing.create("campaign", "Tea week", document, None), None)
    Definition.objects.filter(pk=definition.pk).update(published_at=noon(9))
    visitor = Visitor.objects.get(user=shop.create_customer("anna"))
    for days_ago in (20, 12, 10, 9, 8, 7, 4, 3, 2, 1):
        click(visitor, tea, noon(days_ago), row="bestsellers")
    click(visitor, coffee, noon(3), row="bestsellers")
    roll_up_days(now())
    active_rules.read_rules_now()
    return definition


def test_a_campaigns_products_before_and_since_it_began(admin_client, live_campaign, django_assert_max_num_queries):
    with django_assert_max_num_queries(12 + 5):  # Oscar's three, and a test's savepoint
        page = admin_client.get(REPORT, {"campaign": live_campaign.pk}).content.decode()
    around = page[page.index('id="around"') : page.index('id="how"')]
    assert re.findall(r'data-label="Clicks">(\d+)<', around) == ["2", "5"]  # not on the day itself, nor coffee
    assert "This is no proof" in around
    prove = reverse("personalization:personalization-experiment-create")
    assert f"{prove}?campaign={live_campaign.pk}" in around


def test_a_campaign_that_began_today_has_no_days_to_compare(admin_client, live_campaign):
    Definition.objects.update(published_at=now())
    assert 'id="around"' not in admin_client.get(REPORT, {"campaign": live_campaign.pk}).content.decode()


def test_a_campaign_that_is_not_live_is_compared_with_nothing(admin_client, live_campaign):
    publishing.pause(Definition.objects.get(), None)
    active_rules.read_rules_now()
    assert 'id="around"' not in admin_client.get(REPORT, {"campaign": live_campaign.pk}).content.decode()
