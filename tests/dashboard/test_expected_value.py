"""What staff read of the orders that are expected: of one customer, and of all by tier."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import CustomerFacts, ValueRun, Visitor
from personalization.oscar.dashboard.expected_value import expected_value
from tests.train.test_customer_values import refreshed, shop_with_habits

pytestmark = pytest.mark.django_db

REPORT = reverse("personalization:personalization-customer-report")


def a_run(**changed):
    return ValueRun(
        **{
            "computed_at": now(),
            "currency": "USD",
            "has_enough_history": True,
            "customers": 100,
            "history_days": 300,
            "expected": {"1": [10, 320.0], "2": [20, 280.0], "3": [70, 400.0]},
            **changed,
        }
    )


def facts_with(**changed):
    return CustomerFacts(
        **{
            "currency": "USD",
            "expected_orders": 6.04,
            "expected_spend": Decimal("430.00"),
            "expected_year_spend": Decimal("1700.00"),
            "order_chance": 0.934,
            "order_days": [2.0, 9.0, 20.0],
            "expected_tier": 1,
            "value_order_days": 12,
            "value_history_days": 275,
            **changed,
        }
    )


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


def test_the_page_of_a_customer_says_what_is_expected_and_why(admin_client):
    users, _ = shop_with_habits()
    run, facts = refreshed(users)
    row = facts[users[0].pk]
    page = text_of(
        admin_client.post(
            reverse("personalization:personalization-customer", args=[users[0].pk]), {"reason": "asked"}, follow=True
        )
    )
    assert f"Expected in 90 days ${row.expected_spend:,.2f}, with orders on {row.expected_orders:.0f} days" in page
    assert row.expected_orders >= 10
    assert f"Expected in a year ${row.expected_year_spend:,.2f}" in page
    assert "Chance of an order in 90 days more than 99 %" in page
    assert f"expected to bring {round(100 * run.expected_share(row.expected_tier))} % of all" in page
    assert re.search(r"Ordered on 23 days of the last 90; all customers on \d+\.\d on average\.", page)
    assert "from orders on 70 days within 278 days." in page and "shoppers do not see it" in page


def test_who_allows_no_profile_has_no_expectation_on_it(admin_client):
    users, _ = shop_with_habits()
    refreshed(users)
    Visitor.objects.withdraw_all([users[0].pk], version="1", source="test", now=now())
    page = text_of(
        admin_client.post(
            reverse("personalization:personalization-customer", args=[users[0].pk]), {"reason": "asked"}, follow=True
        )
    )
    assert "What is expected" not in page and "Expected in" not in page


@pytest.mark.parametrize(
    ("days", "is_said"), [([2.0, 9.0, 20.0], True), ([2.0, 9.0, 23.5], False), ([75.0, 88.0, 90.0], False)]
)
def test_a_date_is_said_only_where_the_interval_is_narrow(days, is_said):
    labels = [label for label, _ in expected_value(facts_with(order_days=days), a_run()).pairs]
    assert ("Next order" in labels) is is_said


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (["frequency", 1.0, 3.21], "Ordered on 1 day of the last 90; all customers on 3.2 on average."),
        (["order_value", 43.5, 30.0], "Spends $43.50 on a day with an order; in the whole shop it is $30.00."),
        (["trend", 6.0, 2.0], "Ordered on 6 days of the last 45, on 2 of the 45 before."),
        (["rhythm", 31.0, 9.0], "Usually orders every 9 days; it had been 31 days."),
        (["rhythm", 31.0, 0.0], "Ordered on one day, 31 days before."),
        (["basket", 4.25, 2.0], "4.2 order lines on a day with an order; in the whole shop 2.0."),
    ],
)
def test_each_reason_is_a_sentence(reason, sentence):
    assert expected_value(facts_with(value_reasons=[reason]), a_run()).reasons == [sentence]


def test_a_shop_with_too_little_history_hears_where_the_customer_stands_and_no_amount():
    facts = facts_with(expected_tier=None, recency_tier=5, frequency_tier=1, value_tier=10)
    shown = expected_value(facts, a_run(has_enough_history=False))
    assert shown.pairs == [
        ("By their last order (1 is the latest)", "part 1 of 5"),
        ("By the number of orders (1 is the most)", "part 5 of 5"),
        ("By kept revenue of a year (1 is the most)", "part 1 of 10"),
    ]
    assert shown.note.startswith("The shop has too little history") and shown.reasons == []


@pytest.mark.parametrize(
    ("chance", "words"), [(1.0, "more than 99 %"), (0.994, "99 %"), (0.934, "93 %"), (0.001, "less than 1 %")]
)
def test_no_chance_is_certain(chance, words):
    assert (
        dict(expected_value(facts_with(order_chance=chance), a_run()).pairs)["Chance of an order in 90 days"] == words
    )


def test_before_the_first_run_and_before_the_first_order_it_says_so():
    assert expected_value(facts_with(), None).note.startswith("Nothing is expected yet")
    assert expected_value(facts_with(expected_tier=None), a_run()).note.startswith(
        "Nothing is expected of this customer"
    )


def test_the_report_says_what_each_tier_will_bring_and_how_good_that_was(admin_client):
    users, _ = shop_with_habits()
    run, _ = refreshed(users)
    page = text_of(admin_client.get(REPORT))
    customers, spend = run.expected["1"]
    assert f"the top tenth 6 ${spend:,.2f} ${spend / customers:,.2f} {round(100 * run.expected_share(1))} %" in page
    share = round(100 * run.back_test["ways"]["forecast"]["top_fifth"])
    assert f"your predicted top fifth brought {share} %" in page and "from orders in USD" in page


def test_of_a_few_customers_the_report_says_no_amount(admin_client):
    a_run(expected={"1": [4, 99.0], "2": [8, 80.0], "3": [28, 90.0]}).save()
    page = text_of(admin_client.get(REPORT))
    assert "the top tenth 4 \N{EN DASH} \N{EN DASH} \N{EN DASH}" in page and "$99.00" not in page


def test_a_young_shop_reads_what_it_takes(admin_client):
    a_run(has_enough_history=False).save()
    page = text_of(admin_client.get(REPORT))
    assert "The shop has too little history to say what customers will spend" in page
    assert "There is too little history to try a forecast on" in page and "the top tenth" not in page


def test_shoppers_see_nothing_of_it(client):
    users, _ = shop_with_habits()
    _, facts = refreshed(users)
    client.force_login(User.objects.get(pk=users[0].pk))
    amount = str(facts[users[0].pk].expected_spend)
    for address in ("/", "/catalogue/", "/personalization/privacy/"):
        page = client.get(address).content.decode()
        assert amount not in page and "top tenth" not in page
    assert "From your orders we estimate when you may order again" in page
