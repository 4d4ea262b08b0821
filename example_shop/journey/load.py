"""Writes the journey into Oscar's tables, as the history of a shop that is a year old."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils.timezone import now
from oscar.core.loading import get_model
from oscar.core.utils import slugify

from example_shop.journey import Journey
from example_shop.journey.bulk import bulk_insert, ignore_progress
from example_shop.journey.sensitive import SENSITIVE_CATEGORIES
from personalization.models import SensitiveCategory, Visitor

User = get_user_model()
Country = get_model("address", "Country")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")
Order = get_model("order", "Order")
Line = get_model("order", "Line")
ProductRecord = get_model("analytics", "ProductRecord")
UserRecord = get_model("analytics", "UserRecord")

PASSWORD = "demo"
ADMIN = "admin@example.com"
NEWCOMER = "newcomer@example.com"
PARTNER_CODE = "complete-journey-"
"""With the size appended, the code of the partner that sells everything. The partner is written in the transaction of
all other rows, so its code says that this database holds a complete journey of this size."""

ALWAYS_IN_STOCK = 20
"""Number of best sellers that are never sold out; of the others, the share OUT_OF_STOCK is."""
OUT_OF_STOCK = 0.04
CANCELLED = 0.005
SEED = 2017


class ForeignShop(Exception):
    """The database holds a shop that the demo did not make."""


@dataclass(frozen=True)
class Shelf:
    """What an order line stores of a product, by the product's number in the journey."""

    products: pd.DataFrame
    """Columns: product_id, stockrecord_id, upc, title."""
    partner: object


def loaded_size() -> str | None:
    """The size of the journey in this database; None without one."""
    if Partner._meta.db_table not in connection.introspection.table_names():
        return None
    codes = Partner.objects.filter(code__startswith=PARTNER_CODE).values_list("code", flat=True)
    return next((code.removeprefix(PARTNER_CODE) for code in codes), None)


def refuse_a_foreign_shop() -> None:
    """Raises ForeignShop where there are products, orders or users that belong to no journey."""
    if loaded_size():
        return
    tables = connection.introspection.table_names()
    counts = {
        model._meta.verbose_name_plural.lower(): model.objects.count()
        for model in (Product, Order, User)
        if model._meta.db_table in tables
    }
    if any(counts.values()):
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ForeignShop(f"This database holds a shop that the demo did not make ({listed}); it was left alone.")


def household_email(household: int) -> str:
    return f"household-{household}@example.com"


def picture_name(upc: str) -> str:
    """The path of a product's picture below MEDIA_ROOT."""
    return f"{settings.OSCAR_IMAGE_FOLDER}{upc}.png"


def upcs(journey: Journey) -> pd.Series:
    """The UPC of each product."""
    return "CJ-" + pd.Series(journey.products.index + 1, journey.products.index).astype(str).str.zfill(5)


def load_journey(journey: Journey, size: str, report_progress: Callable[[int], object] = ignore_progress) -> None:
    """Fills an empty shop with the journey: completely, or not at all when it is interrupted.

    1. the country that the shop delivers to
    2. products in their categories, some of which are sensitive, with a picture, a price and a stock
    3. people: a customer for each household, one without an order, and one who may enter the dashboard
    4. orders and their lines; `report_progress` gets the number of lines of each batch
    5. what Oscar's analytics would have counted along the way
    """
    with transaction.atomic():
        _country()
        shelf = _catalogue(journey, size)
        users = _people(journey)
        lines = _orders(journey, shelf, users, report_progress)
        _analytics(lines)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # until it looks by itself, it would plan for empty tables


def _country() -> None:
    Country.objects.create(
        iso_3166_1_a2="US",
        iso_3166_1_a3="USA",
        iso_3166_1_numeric="840",
        printable_name="United States of America",
        name="United States of America",
        is_shipping_country=True,
    )


def _catalogue(journey: Journey, size: str) -> Shelf:
    products = journey.products.assign(upc=upcs(journey))
    groceries = ProductClass.objects.create(name="Groceries")
    partner = Partner.objects.create(name=settings.OSCAR_SHOP_NAME, code=PARTNER_CODE + size)
    slugs = products["title"].map(slugify).str[:255].where(lambda slug: slug != "", products["upc"])
    ids = bulk_insert(
        Product,
        pd.DataFrame(
            {
                "upc": products["upc"],
                "title": products["title"],
                "slug": slugs,
                "date_created": products["first_sold"],
            }
        ).assign(structure=Product.STANDALONE, product_class_id=groceries.pk),
    )
    _categories(products, ids)
    _attributes(products, ids, groceries)
    files = products["upc"].map(picture_name)
    pictures = pd.DataFrame({"product_id": ids, "original": files, "caption": products["title"]})
    bulk_insert(ProductImage, pictures)
    stock = {
        "product_id": ids,
        "partner_sku": products["upc"],
        "price": products["price"],
        "num_in_stock": stock_levels(len(products)),
    }
    stock_ids = bulk_insert(StockRecord, pd.DataFrame(stock).assign(partner_id=partner.pk))
    described = products[["upc", "title"]].assign(product_id=ids, stockrecord_id=stock_ids)
    return Shelf(described.astype({"upc": "category", "title": "category"}), partner)


def stock_levels(count: int) -> np.ndarray:
    """The stock of each product, best seller first; deterministic."""
    chance = np.random.default_rng(SEED)
    levels = chance.integers(20, 501, count)
    sold_out = chance.random(count) < OUT_OF_STOCK
    sold_out[:ALWAYS_IN_STOCK] = False
    return np.where(sold_out, 0, levels)


def _categories(products: pd.DataFrame, product_ids: pd.Series) -> None:
    """Puts each product into the innermost of its department, category and type, and marks sensitive categories."""
    named = products[["department", "category", "type"]].itertuples(index=False, name=None)
    trails = pd.Series([_trail(names) for names in named], products.index)
    tree = category_tree(trails)
    ids = bulk_insert(Category, tree)
    SensitiveCategory.objects.bulk_create(
        SensitiveCategory(category_id=key) for trail, key in ids.items() if trail in SENSITIVE_CATEGORIES
    )
    bulk_insert(ProductCategory, pd.DataFrame({"product_id": product_ids, "category_id": trails.map(ids)}))


def _trail(names: Iterable[str]) -> tuple[str, ...]:
    """The names from the outermost inwards, without those that only repeat an outer one."""
    trail: list[str] = []
    for name in names:
        if name and name not in trail:
            trail.append(name)
    return tuple(trail)


def category_tree(trails: Iterable[tuple[str, ...]]) -> pd.DataFrame:
    """A row for each category on these trails, indexed by its trail, with the columns of a treebeard tree."""
    paths: dict[tuple[str, ...], str] = {(): ""}
    children: dict[tuple[str, ...], int] = {(): 0}
    for trail in trails:
        for depth in range(1, len(trail) + 1):
            node, parent = trail[:depth], trail[: depth - 1]
            if node not in paths:
                children[parent] += 1
                paths[node] = Category._get_path(paths[parent], depth, children[parent])
                children[node] = 0
    nodes = [node for node in paths if node]
    return pd.DataFrame(
        {
            "path": [paths[node] for node in nodes],
            "depth": [len(node) for node in nodes],
            "numchild": [children[node] for node in nodes],
            "name": [node[-1] for node in nodes],
            "slug": [slugify(node[-1]) for node in nodes],
        },
        index=pd.Index(nodes, tupleize_cols=False),
    )


def _attributes(products: pd.DataFrame, product_ids: pd.Series, groceries: object) -> None:
    for code, values in (("brand", products["brand"]), ("size", products["size"])):
        attribute = ProductAttribute.objects.create(
            product_class=groceries, name=code.capitalize(), code=code, type=ProductAttribute.TEXT
        )
        filled = values[values != ""]
        rows = pd.DataFrame({"product_id": product_ids[filled.index], "value_text": filled})
        bulk_insert(ProductAttributeValue, rows.assign(attribute_id=attribute.pk))


def _people(journey: Journey) -> pd.Series:
    """The keys of the users, by the number of their household. All share one password hash: hashing is slow."""
    placed = journey.lines.groupby("household")["placed"].agg(["min", "max"])
    emails = journey.households.index.to_series().map(household_email)
    password = make_password(PASSWORD)
    customers = {
        "username": emails,
        "email": emails,
        "first_name": "Household " + journey.households.index.astype(str),
        "date_joined": placed["min"] - pd.Timedelta(days=1),
        "password": password,
    }
    users = bulk_insert(User, pd.DataFrame(customers, index=journey.households.index))
    Visitor.objects.grant_all(users.tolist(), version="1", source="demo", now=now())
    for email, first_name, staff in ((NEWCOMER, "Newcomer", False), (ADMIN, "Shop owner", True)):
        User.objects.create(
            username=email,
            email=email,
            first_name=first_name,
            is_staff=staff,
            is_superuser=staff,
            password=password,
            date_joined=placed["max"].max(),
        )
    return users


def _orders(journey: Journey, shelf: Shelf, users: pd.Series, report_progress: Callable[[int], object]) -> pd.DataFrame:
    """Writes orders and lines; returns the lines with the user, the product and the money of each.

    No LinePrice is written: Oscar looks at them only to charge for a part of an order, and these are closed.
    """
    lines = journey.lines.assign(paid=(journey.lines["price"] * journey.lines["quantity"]).round(2))
    lines["user_id"] = lines["household"].map(users)
    orders = lines.groupby("basket", sort=False).agg(
        user_id=("user_id", "first"), date_placed=("placed", "first"), total=("paid", "sum")
    )
    orders["status"] = _statuses(len(orders))
    order_ids = bulk_insert(Order, _order_rows(orders))
    lines["order_id"] = lines["basket"].map(order_ids)
    lines["status"] = lines["basket"].map(orders["status"]).astype("category")
    lines = lines.join(shelf.products, on="product")
    bulk_insert(Line, _line_rows(lines, shelf), report_progress)
    return lines


def _statuses(count: int) -> np.ndarray:
    cancelled = np.random.default_rng(SEED).random(count) < CANCELLED
    return np.where(cancelled, "Cancelled", "Complete")


def _order_rows(orders: pd.DataFrame) -> pd.DataFrame:
    # Oscar numbers the shop's next orders from 100000 on; with their letter, ours never meet them.
    numbers = "J-" + pd.Series(range(1, len(orders) + 1), orders.index).astype(str).str.zfill(6)
    total = orders["total"].round(2)
    return orders[["user_id", "date_placed", "status"]].assign(
        number=numbers,
        site_id=settings.SITE_ID,
        total_incl_tax=total,
        total_excl_tax=total,
        shipping_method="Bought in the shop",
        shipping_code="in-the-shop",
    )


def _line_rows(lines: pd.DataFrame, shelf: Shelf) -> pd.DataFrame:
    same = ["order_id", "product_id", "stockrecord_id", "title", "upc", "quantity", "status"]
    prices = ("line_price_incl_tax", "line_price_excl_tax")
    undiscounted = ("line_price_before_discounts_incl_tax", "line_price_before_discounts_excl_tax")
    return lines[same].assign(
        partner_id=shelf.partner.pk,
        partner_name=pd.Categorical.from_codes(np.zeros(len(lines), int), [shelf.partner.name]),
        partner_sku=lines["upc"],
        **dict.fromkeys((*prices, *undiscounted), lines["paid"]),
        **dict.fromkeys(("unit_price_incl_tax", "unit_price_excl_tax"), lines["price"]),
        num_allocated=0,
        allocation_cancelled=lines["status"] == "Cancelled",
    )


def _analytics(lines: pd.DataFrame) -> None:
    """Writes the counts that Oscar's receivers would have made of the orders one by one."""
    bought = lines.groupby("product_id")["quantity"].sum()
    bulk_insert(ProductRecord, pd.DataFrame({"product_id": bought.index, "num_purchases": bought.to_numpy()}))
    habits = lines.groupby("user_id").agg(
        num_orders=("order_id", "nunique"),
        num_order_lines=("quantity", "size"),
        num_order_items=("quantity", "sum"),
        total_spent=("paid", "sum"),
        date_last_order=("placed", "max"),
    )
    bulk_insert(UserRecord, habits.round({"total_spent": 2}).reset_index())
