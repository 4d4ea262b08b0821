"""Purchases in stores, beside the shop's own orders."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from personalization.models import Consent, CustomerFacts, Genome, Purchase, Visitor
from personalization.models.epoch import Epoch
from personalization.models.purchases import receipt_number
from personalization.profile import genome
from personalization.recommenders import GUEST
from personalization.shop import orders
from personalization.shop.customer_sums import customer_sums
from personalization.shop.orders import OrderSums
from personalization.shop.paid_orders import paid_orders
from personalization.shop.purchases import (
    buyers,
    buying_customers,
    count_customers_up_to,
    newest_purchase,
    purchase_rows,
    purchase_sums,
)
from personalization.train.customer_values import read_paid_history
from personalization.train.dataset import read_dataset
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db


def test_a_line_of_a_receipt_is_stored_once():
    tea = shop.create_shop_product("Tea")
    (line,) = buy_in_store(None, [tea], receipt="R-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Purchase.objects.create(
            source=line.source,
            external_id="R-1",
            line=1,
            receipt=line.receipt,
            quantity=1,
            price=1,
            currency="USD",
            at=line.at,
        )
    line.pk, line.quantity = None, 3
    Purchase.objects.store([line])
    assert Purchase.objects.get().quantity == 3


def test_what_came_back_or_is_unknown_was_not_bought():
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    kept, _ = buy_in_store(None, [milk, tea], receipt="A")
    buy_in_store(None, [tea], receipt="A", quantity=-1)
    buy_in_store(None, [tea], receipt="B", returned=True)
    buy_in_store(None, [tea], receipt="C", product_id=None, sku="?")
    (two,) = buy_in_store(None, [tea], receipt="D", quantity=2)
    buy_in_store(None, [tea], receipt="D", quantity=-1)
    assert set(Purchase.objects.bought()) == {kept, two}
    buy_in_store(None, [tea], receipt="D", quantity=-2)
    assert set(Purchase.objects.bought()) == {kept}


def test_receipts_have_numbers_that_no_order_has():
    numbers = {receipt_number("till", str(number)) for number in range(1000)}
    assert len(numbers) == 1000 and all(-(2**63) < number < 0 for number in numbers)
    assert receipt_number("a", "b") != receipt_number("ab", "")


def test_without_purchases_elsewhere_everything_reads_as_from_the_orders_alone():
    users, _ = shop.even_and_odd()
    lines = orders.bought_lines().values_list("order__user_id", "order_id", "product_id", Epoch("order__date_placed"))
    assert list(purchase_rows()) == list(lines)
    keys = [user.pk for user in users]
    assert list(purchase_sums(keys)) == [OrderSums(False, *sums) for _, *sums in orders.sums_by_order(keys)]
    assert buying_customers() == sorted(orders.ordering_customers())
    assert list(buyers()) == list(orders.account_buyers())
    assert newest_purchase(now().timestamp()) == orders.newest_order(now().timestamp())


def test_orders_and_purchases_elsewhere_are_read_as_one_by_one_query(django_assert_num_queries):
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    placed = shop.create_past_order(anna, [tea], days_ago=3)
    line, _ = buy_in_store(anna, [tea, tea], days_ago=1)
    buy_in_store(None, [tea], days_ago=2)
    with django_assert_num_queries(1):
        rows = list(purchase_rows([anna.pk]))
    bought = (anna.pk, line.receipt, tea.pk, pytest.approx(line.at.timestamp(), abs=1))
    assert [row[:3] for row in rows] == [(anna.pk, placed.pk, tea.pk), bought[:3], bought[:3]] and rows[1] == bought
    with django_assert_num_queries(1):
        order, receipt = purchase_sums([anna.pk])
    assert (order.in_store, order.pieces, order.kept_paid) == (False, 1, Decimal("3.50"))
    assert (receipt.in_store, receipt.pieces, receipt.kept_paid) == (True, 2, Decimal("7.00"))
    assert receipt.placed_at == line.at
    assert newest_purchase(now().timestamp()) == pytest.approx(line.at.timestamp(), abs=1)
    assert {user for user, *_ in paid_orders()} == {anna.pk} and sorted(row[2] for row in paid_orders()) == [3.5, 7.0]


def test_who_bought_in_a_store_only_is_a_customer_who_bought():
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    buy_in_store(anna, [tea])
    assert buying_customers() == [anna.pk]
    assert list(User.objects.filter(pk__in=buyers())) == [anna]


def test_customers_who_bought_a_product_are_counted_once_wherever(django_assert_num_queries):
    anna, ben, tea = shop.create_customer("anna"), shop.create_customer("ben"), shop.create_shop_product("Tea")
    shop.create_past_order(anna, [tea])
    shop.create_past_order(None, [tea])
    for user in (anna, ben, None):
        buy_in_store(user, [tea])
    with django_assert_num_queries(1):
        assert count_customers_up_to(tea.pk, 5) == 2
    assert count_customers_up_to(tea.pk, 1) == 1


def test_facts_count_both_and_say_how_much_was_bought_in_stores():
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    shop.create_past_order(anna, [tea], days_ago=9)
    for days_ago in (3, 5, 7):
        buy_in_store(anna, [tea], days_ago)
    buy_in_store(anna, [tea], 2, returned=True)
    genome.refresh_genome([anna.pk], now().timestamp())
    facts = CustomerFacts.objects.get(user=anna)
    assert (facts.orders, facts.kept_orders, facts.units, facts.kept_revenue) == (5, 4, 4, Decimal("14.00"))
    assert (facts.store_share, facts.returns_share) == (0.75, 0.2)
    assert Genome.objects.get(user=anna).products[0][2] == 4


def test_of_who_objects_or_had_data_deleted_nothing_is_learned_from_stores_either():
    anna, ben, cleo = (shop.create_customer(name) for name in ("anna", "ben", "cleo"))
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    for user in (anna, ben, cleo):
        buy_in_store(user, [tea, milk], 5)
    Visitor.objects.filter(user=anna).update(consent=Consent.WITHDRAWN)
    Visitor.objects.filter(user=ben).update(erased_at=now())
    genome.refresh_genome([anna.pk, ben.pk, cleo.pk], now().timestamp())
    assert [each.user for each in Genome.objects.all()] == [cleo]
    history = read_dataset(now().timestamp(), lambda rows, *_: rows).history
    assert len(history.product) == 2 and len(set(history.customer)) == 1 and GUEST not in history.customer
    assert read_paid_history(now().timestamp()).users == [cleo.pk]


def test_purchases_of_nobody_teach_what_goes_together():
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    buy_in_store(None, [tea, milk], 5)
    shop.create_past_order(None, [tea], 4)
    history = read_dataset(now().timestamp(), lambda rows, *_: rows).history
    assert (history.customer == GUEST).all() and sorted(history.order) == [0, 0, 1]


def test_reports_and_credit_are_about_the_shops_own_orders():
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    buy_in_store(anna, [tea])
    start, end = now() - timedelta(days=30), now()
    assert orders.kept_value(start, end, "USD") == 0 and not list(customer_sums(start, end, start))
