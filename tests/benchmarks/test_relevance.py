"""The relevance benchmark on histories whose answers are known."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Line, Order

from benchmarks import bench, reference_methods, relevance, scratch_shop

CUT = pd.Timestamp("2017-10-02")
MILK, BREAD, TEA, CAVIAR = 1, 2, 3, 4
ANNA, BEN, LATECOMER = 1, 2, 99


def lines(*rows):
    """Lines from (customer, basket, product, days after the cut)."""
    table = pd.DataFrame(rows, columns=["customer", "basket", "product", "day"])
    table["placed"] = CUT + pd.to_timedelta(table.pop("day"), "D")
    return table.assign(quantity=2, price=1.5)


def shelf(products):
    kind = {"title": "Food 1 kg", "category": "FOOD", "type": "FOOD", "brand": "7"}
    return pd.DataFrame(kind, index=pd.Index(products, name="product"))


@pytest.fixture
def little():
    """Five customers bought milk, bread and tea, four bought caviar; then Anna and Ben shop, and somebody unknown."""
    before = [
        (customer, 10 * customer + product, product, -30 + product)
        for customer in range(1, 6)
        for product in (MILK, BREAD, TEA)
        if (customer, product) != (ANNA, TEA)
    ]
    before += [(6, 63, TEA, -20), *((customer, 10 * customer + CAVIAR, CAVIAR, -5) for customer in range(1, 5))]
    after = [
        (ANNA, 101, MILK, 3),
        (ANNA, 101, TEA, 3),
        (ANNA, 101, CAVIAR, 3),
        (ANNA, 102, BREAD, 9),
        (BEN, 103, BREAD, 0),
        (BEN, 104, TEA, 28),
        (LATECOMER, 105, MILK, 1),
    ]
    return bench.cut_in_time(lines(*before, *after), shelf([MILK, BREAD, TEA, CAVIAR]), CUT, 28)


@pytest.fixture
def even_and_odd():
    """Twenty customers with four baskets each: even customers buy even products, odd customers odd ones."""
    rows = [
        (customer, 100 * customer + week, product, -7 * week - 1)
        for customer in range(20)
        for week in range(4)
        for product in range(customer % 2, 20, 2)
        if (customer // 2 + product // 2 + week) % 2
    ]
    return lines(*rows)


def lists_of(method, history, **options):
    bought = reference_methods.purchases(history, CUT)
    return reference_methods.lists(reference_methods.METHODS[method](bought), bought, **options)


def test_a_product_with_four_buyers_is_not_in_the_universe(little):
    assert little.products.index.tolist() == [MILK, BREAD, TEA]
    assert CAVIAR not in set(little.history["product"])


def test_the_history_ends_at_the_cut(little):
    assert little.history["placed"].max() < CUT
    assert len(little.history) == 15


def test_the_next_basket_is_the_first_one_of_a_known_customer(little):
    assert little.answers("t1") == {ANNA: {MILK, TEA}, BEN: {BREAD}}


def test_new_is_what_the_customer_never_bought(little):
    assert little.answers("t1n") == {ANNA: {TEA}}


def test_the_window_holds_all_baskets_and_ends_with_the_horizon(little):
    assert little.answers("t1w") == {ANNA: {MILK, TEA, BREAD}, BEN: {BREAD}}


def test_a_saved_bench_is_the_same_bench(little, tmp_path):
    little.save(tmp_path)
    again = bench.Bench.load(tmp_path)
    assert again.answers("t1") == little.answers("t1")
    assert again.owned() == little.owned()


def test_fewer_customers_keep_all_their_lines(little):
    some = bench.some_customers(little.history, 2)
    assert some["customer"].nunique() == 2
    assert len(some) == little.history["customer"].isin(some["customer"]).sum()


@pytest.mark.parametrize(
    ("shown", "wanted", "quality"),
    [
        ([1, 2], {1, 2}, (1, 1, 1)),
        ([2, 1], {1}, (1 / np.log2(3), 1, 1)),
        ([9, 1, 8, 2], {1, 2, 3}, ((1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 0.5), 2 / 3, 1)),
        ([*range(10), 77], {77}, (0, 0, 0)),
        (list(range(10)), set(range(20)), (1, 0.5, 1)),
        ([], {1}, (0, 0, 0)),
    ],
)
def test_the_metrics_are_exact(shown, wanted, quality):
    assert bench.quality(shown, wanted) == pytest.approx(quality)


def test_a_repeated_or_owned_product_leaves_its_place_to_the_next():
    lists = pd.DataFrame({"customer": 1, "rank": [2, 0, 1, 3], "product": [8, 7, 7, 9]})
    values = bench.measured(lists, {1: {9}}, owned={1: {8}})
    assert values.loc[1, "NDCG@10"] == pytest.approx(1 / np.log2(3))


def test_a_customer_without_a_list_counts_as_zero():
    lists = pd.DataFrame({"customer": [1], "rank": [0], "product": [5]})
    assert bench.measured(lists, {1: {5}, 2: {5}})["hit rate"].tolist() == [1, 0]


def test_the_interval_is_the_normal_one():
    assert bench.interval(pd.Series([0.0, 1.0, 0.0, 1.0])) == pytest.approx(1.96 * np.sqrt(1 / 3) / 2)


@pytest.mark.parametrize("method", ["decayed-frequency", "tifu-knn"])
def test_even_customers_get_even_products(method, even_and_odd):
    lists = lists_of(method, even_and_odd)
    first = lists[lists["rank"] < 10]
    assert len(first) == 200
    assert (first["customer"] % 2 == first["product"] % 2).all()


def test_decayed_frequency_prefers_what_was_bought_lately():
    history = lines((1, 1, MILK, -200), (1, 2, BREAD, -10), (1, 3, TEA, -90), (2, 4, CAVIAR, -1))
    assert lists_of("decayed-frequency", history)["product"].tolist()[:4] == [BREAD, TEA, MILK, CAVIAR]


def test_bestsellers_are_counted_over_the_last_weeks():
    history = lines((1, 1, MILK, -100), (2, 2, MILK, -99), (3, 3, BREAD, -27), (4, 4, TEA, -60))
    lists = lists_of("bestsellers", history)
    assert lists[lists["customer"] == 4]["product"].tolist() == [BREAD, MILK, TEA]


def test_tifu_weighs_baskets_and_groups():
    bought = reference_methods.purchases(lines(*((1, week, MILK, week - 50) for week in range(9))), CUT)
    apart = 9 - 1 - np.arange(9)
    groups_apart = np.array([6, 5, 4, 3, 2, 1, 1, 0, 0])
    size = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2])
    assert reference_methods._tifu_weight(bought) == pytest.approx(0.95**apart * 0.9**groups_apart / size / 7)


def test_a_list_of_new_products_holds_nothing_bought_before(even_and_odd):
    lists = lists_of("tifu-knn", even_and_odd, new_only=True)
    pair = ["customer", "product"]
    assert lists.merge(even_and_odd[pair].drop_duplicates()).empty
    assert set(lists.groupby("customer").size()) == {10}


@pytest.mark.django_db
def test_the_scratch_shop_holds_the_history_as_if_the_cut_were_now(little):
    customers, products = scratch_shop.fill(little, CUT, silent=True)
    assert (User.objects.count(), Product.objects.count()) == (6, 3)
    assert Order.objects.count() == Line.objects.count() == 15
    ben = Order.objects.filter(user_id=customers[BEN]).order_by("date_placed")
    assert list(ben.values_list("lines__product_id", flat=True)) == [products[key] for key in (MILK, BREAD, TEA)]
    assert abs(ben.last().date_placed + timedelta(days=27) - now()) < timedelta(minutes=1)
    assert set(Order.objects.values_list("total_incl_tax", flat=True)) == {3}


@pytest.mark.django_db
def test_everything_in_the_scratch_shop_can_be_bought(little):
    scratch_shop.fill(little, CUT, silent=True)
    for product in Product.objects.browsable():
        assert product.categories.count() == 1
        assert product.stockrecords.get().net_stock_level == scratch_shop.PLENTY


def test_unknown_tasks_are_named():
    with pytest.raises(Exception, match=r"no task t9; there are: t1, t1n, t1w"):
        relevance.known_tasks("t1,t9")


def test_a_step_that_fails_ends_the_benchmark():
    with pytest.raises(SystemExit, match="Nothing failed"):
        relevance.run("Nothing", "-c", "raise SystemExit(3)")


def test_a_step_is_measured_from_start_to_end():
    cost = relevance.run("Work", "-c", "block = bytes(64 * 2**20); print(sum(range(3_000_000)))")
    assert cost.said.strip() == "4499998500000"
    assert cost.cpu > 0.01
    assert cost.peak_mib > 64
