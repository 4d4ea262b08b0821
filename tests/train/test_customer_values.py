"""What is expected of customers: from the shop's orders to a row each, of those who agreed, and gone with them."""

import time
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import call_command
from django.utils.timezone import now
from oscar.apps.order.models import Order

from personalization.models import CustomerFacts, SensitiveCategory, ValueRun, Visitor
from personalization.models.value_runs import RUNS_KEPT
from personalization.privacy import data_export, identity
from personalization.profile import batch
from personalization.train import customer_values
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

HABITS = 60
"""Customers, each of whom orders at a pace of their own."""


def shop_with_habits(weeks=40, customers=HABITS):
    """Customers who order every 4 to 15 days for so many weeks, each for as many pieces as their number says."""
    tea = shop.create_shop_product("Tea")
    users = [shop.create_customer(f"user{number}") for number in range(customers)]
    placed = []
    for number, user in enumerate(users):
        pause = 4 + number % 12
        for days_ago in range(1 + number % pause, 7 * weeks, pause):
            placed.append(
                Order(
                    number=f"{number}-{days_ago}",
                    user=user,
                    currency="USD",
                    total_incl_tax=Decimal(7),
                    total_excl_tax=Decimal(7),
                    date_placed=now() - timedelta(days=days_ago),
                    status="Complete",
                )
            )
    Order.objects.bulk_create(placed)
    record = tea.stockrecords.get()
    lines = [shop._line(order, tea, record) for order in placed]
    shop.Line.objects.bulk_create(lines)
    return users, tea


def refreshed(users):
    moment = time.time()
    batch.refresh_all_genomes(moment)
    run = customer_values.refresh_customer_values(moment)
    return run, CustomerFacts.objects.of_customers([user.pk for user in users])


def test_only_what_stayed_bought_in_the_shops_own_currency_is_read():
    anna = shop.create_customer("anna")
    tea, milk, secret = (shop.create_shop_product(title) for title in ("Tea", "Milk", "Secret"))
    secret.categories.add(hidden := shop.create_from_breadcrumbs("Hidden"))
    SensitiveCategory.objects.create(category=hidden)
    shop.create_past_order(anna, [tea, milk, secret], days_ago=3)
    shop.create_past_order(anna, [tea], days_ago=3)
    shop.create_past_order(anna, [tea], days_ago=5, status="Cancelled")
    shop.create_past_order(None, [tea], days_ago=6)
    abroad = shop.create_past_order(anna, [tea], days_ago=8)
    Order.objects.filter(pk=abroad.pk).update(currency="EUR")
    shop.create_past_order(anna, [tea], days_ago=-1)
    history = customer_values.read_paid_history(time.time())
    assert history.users == [anna.pk]
    assert history.days.spend.tolist() == [10.5] and history.days.lines.tolist() == [3.0]


def test_what_was_bought_by_who_objects_or_before_an_erasure_is_not_read():
    anna, berta = shop.create_customer("anna"), shop.create_customer("berta")
    tea = shop.create_shop_product("Tea")
    for user in (anna, berta):
        shop.create_past_order(user, [tea], days_ago=3)
    Visitor.objects.withdraw_all([anna.pk], version="1", source="test", now=now())
    assert customer_values.read_paid_history(time.time()).users == [berta.pk]
    Visitor.objects.filter(user=berta).update(erased_at=now() - timedelta(days=1))
    assert customer_values.read_paid_history(time.time()).users == []


def test_customers_who_agreed_have_a_value_and_what_it_rests_on():
    users, _ = shop_with_habits()
    often, seldom = users[0], users[11]
    stranger = users[-1]
    Visitor.objects.filter(user=stranger).delete()
    CustomerFacts.objects.filter(user=stranger).delete()
    run, facts = refreshed(users)
    assert run.has_enough_history and run.customers == HABITS and run.back_test["ways"]["forecast"]["gini"] > 0.5
    assert set(facts) == {user.pk for user in users[:-1]}
    row = facts[often.pk]
    assert row.expected_orders > 2 * facts[seldom.pk].expected_orders
    assert row.expected_spend == pytest.approx(Decimal(row.expected_orders) * Decimal("3.5"), rel=Decimal("0.1"))
    assert row.expected_year_spend > 3 * row.expected_spend and row.order_chance > 0.95
    assert row.value_order_days == 70 and row.value_history_days == 278 and row.value_run == run
    low, middle, high = row.order_days
    assert 0 < low <= middle <= high <= 90
    assert ["frequency", 23.0] in [reason[:2] for reason in row.value_reasons]
    assert sorted(run.expected) == ["1", "2", "3"] and run.expected["1"][0] == 6
    tiers = np.bincount([one.expected_tier for one in facts.values()], minlength=4)
    assert tiers.sum() == HABITS - 1 and tiers[1] in (5, 6)


def test_with_too_little_history_nothing_is_said_of_anybody():
    users, _ = shop_with_habits(weeks=15)
    run, facts = refreshed(users)
    assert not run.has_enough_history and run.method == "bgnbd" and run.history_days < customer_values.FEWEST_DAYS
    assert {one.expected_tier for one in facts.values()} == {None}


def test_a_shop_without_orders_has_a_run_that_says_so():
    run = customer_values.refresh_customer_values(time.time())
    assert (run.has_enough_history, run.customers, run.back_test) == (False, 0, None)


def test_who_withdraws_or_deletes_everything_has_no_value_any_more():
    users, _ = shop_with_habits()
    refreshed(users)
    anna, berta = users[:2]
    identity.erase_customer(anna.pk, now())
    Visitor.objects.filter(user=berta).update(consent="withdrawn")
    moment = time.time()
    batch.refresh_all_genomes(moment)
    customer_values.refresh_customer_values(moment)
    assert not CustomerFacts.objects.filter(user__in=[anna, berta]).exists()


def test_who_withdraws_while_it_is_worked_out_gets_none(monkeypatch):
    users, _ = shop_with_habits()
    moment = time.time()
    batch.refresh_all_genomes(moment)
    learn = customer_values.forecast_customers

    def withdraw_meanwhile(*arguments):
        Visitor.objects.withdraw_all([users[0].pk], version="1", source="test", now=now())
        Visitor.objects.filter(user=users[1]).update(erased_at=now())
        return learn(*arguments)

    monkeypatch.setattr(customer_values, "forecast_customers", withdraw_meanwhile)
    customer_values.refresh_customer_values(moment)
    valued = set(CustomerFacts.objects.exclude(expected_tier=None).values_list("user_id", flat=True))
    assert valued == {user.pk for user in users[2:]}


def test_a_later_run_takes_back_what_an_earlier_one_said():
    users, _ = shop_with_habits()
    refreshed(users)
    Order.objects.filter(user=users[0]).update(status="Cancelled")
    run, facts = refreshed(users)
    assert facts[users[0].pk].expected_spend is None and facts[users[0].pk].value_reasons == []
    assert facts[users[1].pk].value_run == run


def test_an_order_between_two_nights_leaves_the_value_as_it_was():
    users, tea = shop_with_habits()
    _, facts = refreshed(users)
    shop.create_past_order(users[0], [tea], days_ago=0)
    batch.refresh_own_genomes([users[0].pk], time.time())
    again = CustomerFacts.objects.get(user=users[0])
    assert again.expected_spend == facts[users[0].pk].expected_spend and again.orders == facts[users[0].pk].orders + 1


def test_the_nightly_run_does_it_and_the_download_holds_it():
    users, _ = shop_with_habits()
    call_command("personalization_train", verbosity=0)
    visitor = Visitor.objects.get(user=users[0])
    (row,) = data_export.visitor_tables(users[0].pk, visitor)["personalization.CustomerFacts"]
    assert row["expected_spend"] > 0 and row["order_days"] and row["value_reasons"]


def test_old_runs_are_dropped():
    for _ in range(RUNS_KEPT + 3):
        run = customer_values.refresh_customer_values(time.time())
    assert ValueRun.objects.count() == RUNS_KEPT and ValueRun.objects.latest_run() == run


def test_reading_costs_a_fixed_number_of_queries(django_assert_num_queries):
    shop_with_habits(weeks=4, customers=10)
    with django_assert_num_queries(4):
        customer_values.read_paid_history(time.time())
