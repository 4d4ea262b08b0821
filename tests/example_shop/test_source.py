"""The journey as the shop gets it: clean, folded, and the same at every reading."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from example_shop.journey import source
from tests.shops.journey_slice import read_whole


@pytest.fixture(scope="module")
def small():
    return read_whole("small")


@pytest.fixture(scope="module")
def full():
    return read_whole("full")


def test_small_has_1500_products_and_300_households(small):
    assert len(small.products) == 1_500
    assert len(small.households) == 300
    assert set(small.lines["household"]) == set(small.households.index)
    assert 120_000 < len(small.lines) < 160_000


def test_small_is_the_same_at_every_reading(small):
    again = source.read_journey("small")
    pd.testing.assert_frame_equal(small.products, again.products)
    pd.testing.assert_frame_equal(small.lines, again.lines)
    pd.testing.assert_frame_equal(small.households, again.households)


def test_every_product_of_small_was_sold_in_small(small):
    assert set(small.lines["product"]) == set(range(1_500))


def test_small_has_products_that_came_in_the_last_weeks_of_the_year(small):
    new = small.products["first_sold"] > small.lines["placed"].max() - pd.Timedelta(days=source.NEW_DAYS)
    assert new.sum() == source.SMALL_NEW


def test_small_has_loyal_households_and_ten_lost_ones(small):
    last = small.lines.groupby("household")["placed"].max()
    assert (last < small.lines["placed"].max() - pd.Timedelta(days=source.LAPSED_DAYS)).sum() == source.SMALL_LAPSED
    months = small.lines["placed"].dt.month.groupby(small.lines["household"]).nunique()
    assert (months == 12).sum() == source.SMALL_LOYAL


def test_small_is_not_only_the_biggest_households(small, full):
    usual = full.lines.groupby("household").size()
    chosen = usual[small.households.index]
    assert chosen.median() < usual.quantile(0.8)
    assert chosen.max() < usual.max() / 2


def test_full_keeps_nearly_every_household(full):
    assert len(full.households) == 2_466
    assert full.lines["household"].nunique() == 2_466


@pytest.mark.parametrize("size", ["small", "full"])
def test_the_known_traps_are_gone(size, request):
    journey = request.getfixturevalue(size)
    assert journey.lines["quantity"].min() == 1
    assert journey.lines["quantity"].max() < 200  # fuel is sold by the thousand
    assert journey.lines["price"].min() > 0
    assert not journey.products["title"].str.contains("asoline|coupon|gift card|deposit", case=False).any()
    assert (journey.products[["department", "category", "type"]] != "").all(axis=None)
    assert journey.products["price"].min() >= source.LOWEST_PRICE


@pytest.mark.parametrize("size", ["small", "full"])
def test_no_two_products_share_a_title(size, request):
    products = request.getfixturevalue(size).products
    assert products["title"].is_unique
    assert products["title"].str.len().max() <= 60


@pytest.mark.parametrize("size", ["small", "full"])
def test_a_type_stands_in_one_place_only(size, request):
    products = request.getfixturevalue(size).products
    places = products[["type", "category", "department"]].drop_duplicates()
    assert places["type"].is_unique
    assert places[["category", "department"]].drop_duplicates()["category"].is_unique


def test_the_columns_are_those_of_the_interface(small):
    described = ["title", "department", "category", "type", "brand", "size", "price", "first_sold"]
    assert list(small.products.columns) == described
    assert list(small.lines.columns) == ["household", "basket", "product", "placed", "quantity", "price"]
    assert list(small.households.columns) == [
        "age",
        "household_size",
        "household_comp",
        "kids_count",
        "income",
    ]
    assert list(small.products.index) == list(range(1_500))
    assert set(small.products["brand"]) == {"National", "Private"}
    assert str(small.lines["placed"].dt.tz) == str(small.products["first_sold"].dt.tz) == "UTC"
    assert not small.households.isna().any(axis=None)


def test_lines_are_in_order_of_time_and_a_basket_has_one_time_and_one_household(small):
    assert small.lines["placed"].is_monotonic_increasing
    baskets = small.lines.groupby("basket")
    assert baskets["placed"].nunique().max() == 1
    assert baskets["household"].nunique().max() == 1
    assert not small.lines.duplicated(["basket", "product"]).any()


def test_best_sellers_come_first(full):
    lines = full.lines.groupby("product").size()
    assert lines.is_monotonic_decreasing
    assert full.products["title"].iloc[:2].to_list() == ["White milk, 1 gal (own brand)", "Bananas"]


def test_folded_products_keep_the_sales_of_all():
    named = source.named_products(_products())
    assert named["title"].to_list() == ["Hot dog buns, 12 oz", "Hot dog buns, 12 oz", "Bananas"]
    lines = source.basket_lines(_transactions(), named)
    assert lines["quantity"].sum() == 9
    journey = source.rank_products(lines, named, _demographics())
    assert journey.products["title"].to_list() == ["Hot dog buns, 12 oz", "Bananas"]
    assert journey.lines.groupby("product")["quantity"].sum().to_list() == [6, 3]


def test_lines_of_one_product_in_a_basket_become_one_at_the_mean_price():
    named = source.named_products(_products())
    first = source.basket_lines(_transactions(), named).iloc[0]
    assert (first["basket"], first["quantity"], first["price"]) == (1, 4, 1.25)


def test_lines_that_sold_nothing_or_nothing_known_are_left_out():
    named = source.named_products(_products())
    lines = source.basket_lines(_transactions(), named)
    assert sorted(set(lines["basket"])) == [1, 2]


def test_a_household_nobody_asked_has_empty_traits():
    named = source.named_products(_products())
    households = source.rank_products(source.basket_lines(_transactions(), named), named, _demographics()).households
    assert households["age"].to_dict() == {7: "45-54", 8: ""}


def test_a_shifted_journey_ends_on_the_given_day_at_the_same_hour(small):
    moved = source.shift_journey(small, date(2026, 3, 14))
    before, after = small.lines["placed"].max(), moved.lines["placed"].max()
    assert after.date() == date(2026, 3, 14)
    assert after.time() == before.time()
    assert set(moved.lines["placed"] - small.lines["placed"]) == {after - before}
    assert set(moved.products["first_sold"] - small.products["first_sold"]) == {after - before}
    assert small.lines["placed"].max() == before


def test_an_unknown_size_is_named():
    with pytest.raises(ValueError, match="size is 'medium'; it can be 'small' or 'full'"):
        source.read_journey("medium")


def _products():
    """Two numbers for the same buns, a bunch of bananas, and a coupon."""
    rows = [
        (11, "GROCERY", "National", "BAKED BREAD/BUNS/ROLLS", "HOT DOG BUNS", "12 OZ"),
        (12, "GROCERY", "National", "BAKED BREAD/BUNS/ROLLS", "HOT DOG BUNS", "12.0 OZ"),
        (13, "PRODUCE", "National", "TROPICAL FRUIT", "BANANAS", "40 LB"),
        (14, "COUPON", "National", "COUPONS/STORE & MFG", "COUPONS/STORE & MFG", None),
    ]
    columns = ["product_id", "department", "brand", "product_category", "product_type", "package_size"]
    return pd.DataFrame(rows, columns=columns)


def _transactions():
    """Nine pieces in two baskets, and four lines that are no sales: none, for nothing, a coupon, unknown."""
    noon, one = datetime(2017, 1, 2, 12), datetime(2017, 1, 2, 13)
    rows = [
        (7, 1, 11, 1, 2.00, noon),
        (7, 1, 12, 3, 3.00, noon),
        (8, 2, 12, 2, 2.00, one),
        (8, 2, 13, 3, 1.50, one),
        (8, 3, 13, 0, 1.00, one),
        (8, 4, 13, 1, 0.00, one),
        (8, 5, 14, 1, 1.00, one),
        (8, 6, 99, 1, 1.00, one),
    ]
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    return pd.DataFrame(rows, columns=columns)


def _demographics():
    row = [7, "45-54", "2", "2 Adults No Kids", "0", "50-74K"]
    return pd.DataFrame([row], columns=["household_id", *source.TRAITS])


def test_times_are_read_as_utc():
    lines = source.basket_lines(_transactions(), source.named_products(_products()))
    assert lines["placed"].iloc[0] == datetime(2017, 1, 2, 12, tzinfo=UTC)
