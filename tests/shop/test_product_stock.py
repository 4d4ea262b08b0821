"""Stock records that are read for many products at once are those that Oscar reads for each."""

import gc
import tracemalloc
from decimal import Decimal

import pytest
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import Partner, StockRecord
from oscar.test.factories import create_product

from personalization.shop.catalogue import products_for_availability
from personalization.shop.product_stock import attach_stock
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea_and_milk():
    """Two products of one class, of which two partners sell the first."""
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    partner = Partner.objects.create(name="Other partner")
    StockRecord.objects.create(product=tea, partner=partner, partner_sku="t2", price=Decimal("9.00"), num_in_stock=1)
    return tea, milk


def test_records_are_read_at_once_and_are_those_of_each_product(tea_and_milk, django_assert_num_queries):
    products = list(Product.objects.filter(pk__in=[one.pk for one in tea_and_milk]).order_by("pk"))
    with django_assert_num_queries(1):
        attach_stock(products)
        counts = [(len(one.stockrecords.all()), one.stockrecords.count(), one.has_stockrecords) for one in products]
    assert counts == [(2, 2, True), (1, 1, True)]
    with django_assert_num_queries(0):
        assert all(record.product is one for one in products for record in one.stockrecords.all())


def test_whoever_asks_further_is_answered_about_this_product_alone(tea_and_milk, django_assert_num_queries):
    tea, milk = tea_and_milk
    found = products_for_availability([tea.pk, milk.pk])
    with django_assert_num_queries(4):
        assert found[tea.pk].stockrecords.filter(price__gt=5).get().partner_sku == "t2"
        assert found[milk.pk].stockrecords.first() == milk.stockrecords.get()
        assert not found[milk.pk].stockrecords.filter(partner_sku="t2").exists()
    assert list(found[tea.pk].stockrecords.all().order_by("pk")) == list(tea.stockrecords.order_by("pk"))


def test_children_come_with_their_records(django_assert_num_queries):
    parent = create_product(structure=Product.PARENT, product_class="Shirts")
    child = create_product(structure=Product.CHILD, parent=parent, price=Decimal("3.00"))
    with django_assert_num_queries(4):
        (read,) = products_for_availability([parent.pk]).values()
    with django_assert_num_queries(0):
        (own,) = read.get_public_children()
        assert [record.price for record in own.stockrecords.all()] == [Decimal("3.00")] and own.pk == child.pk


def test_products_of_a_class_share_it_and_take_three_quarters_of_the_memory(tea_and_milk):
    for number in range(200):
        shop.create_shop_product(f"Product {number}")
    keys = list(Product.objects.values_list("pk", flat=True))
    found = products_for_availability(keys)
    assert len({id(one.product_class) for one in found.values()}) == 1
    usual = Product.objects.select_related("product_class").prefetch_related("stockrecords").defer("description")
    ours, theirs = traced(lambda: products_for_availability(keys)), traced(lambda: list(usual.filter(pk__in=keys)))
    assert ours < 3 / 4 * theirs


def traced(read):
    read()
    gc.collect()
    tracemalloc.start()
    kept = read()
    gc.collect()
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size if kept else 0
