"""The report about customers: the numbers of the page are those of the shop's orders."""

import re
from datetime import datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import get_default_timezone, localdate

from personalization.models import Visitor
from tests.measure.orders import place_order
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
REPORT = reverse("personalization:personalization-customer-report")


def noon(days_ago: int) -> datetime:
    return datetime.combine(localdate() - timedelta(days=days_ago), time(12), get_default_timezone())


def line(page: str, label: str, table: int = 0) -> list[str]:
    """The cells of the line with this label, in the table of this number."""
    rows = re.findall(r"<table.*?</table>", page, re.S)[table]
    found = re.search(rf'<th scope="row">{re.escape(label)}</th>(.*?)</tr>', rows, re.S)
    return [re.sub("<.*?>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", found[1], re.S)]


@pytest.fixture
def customers(db):
    """Six each: new, returning, won back, lost, long gone; each order is of 10.00 a week ago, or as said."""
    tea = shop.create_shop_product("Tea", stock=10_000)
    for group, days in {
        "new": [7],
        "returning": [60, 7],
        "back": [300, 7],
        "lost": [190],
        "gone": [500],
    }.items():
        for number in range(6):
            visitor = Visitor.objects.get(user=shop.create_customer(f"{group}{number}"))
            for ago in days:
                place_order(visitor, [(tea, 1, "10.00")], noon(ago))
    cancels = Visitor.objects.get(user=shop.create_customer("cancels"))
    place_order(cancels, [(tea, 1, "99.00")], noon(7), "Cancelled")
    place_order(None, [(tea, 1, "5.00")], noon(7))
    return tea


def test_new_returning_won_back_and_lost_customers_stand_apart(admin_client, customers):
    page = admin_client.get(REPORT).content.decode()
    assert line(page, "New: their first order") == ["6", "6", "$60.00", "$10.00"]
    assert line(page, "Returning") == ["6", "6", "$60.00", "$10.00"]
    assert line(page, "Won back") == ["6", "6", "$60.00", "$10.00"]
    assert line(page, "Lost") == ["6", "0", "$0.00", "$0.00"]
    assert line(page, "All who bought") == ["18", "18", "$180.00", "$10.00"]
    assert "Beside them 1 order of guests" in page and "$5.00" not in page  # one guest's order tells who


def test_tiers_are_of_the_year_and_add_up(admin_client, customers):
    page = admin_client.get(REPORT).content.decode()
    tiers = [line(page, label, 1) for label in ("the best 10 %", "the next 20 %", "the next 30 %", "the next 40 %")]
    assert sum(int(one[0]) for one in tiers) == 24  # all but those who bought nothing in a year
    assert tiers[0] == ["2", "2", "\N{EN DASH}", "\N{EN DASH}"]
    assert sum(int(one[1]) for one in tiers) == 18


def test_an_order_that_was_cancelled_makes_no_customer(admin_client, customers):
    page = admin_client.get(REPORT).content.decode()
    assert "$99.00" not in page


def test_a_year_is_two_queries_more_than_the_frame(admin_client, customers, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert admin_client.get(REPORT, {"days": "365"}).status_code == 200


def test_a_period_that_is_none_says_what_is_wrong(admin_client):
    answer = admin_client.get(REPORT, {"days": "own", "first": "2026-05-02", "last": "2026-05-01"})
    assert answer.status_code == 400 and "before the first one" in answer.content.decode()


def test_a_shop_without_orders_has_a_report_of_nobody(admin_client):
    page = admin_client.get(REPORT).content.decode()
    assert line(page, "All who bought") == ["0", "0", "\N{EN DASH}", "\N{EN DASH}"]
