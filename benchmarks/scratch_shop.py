"""Writes a bench's history into an empty Oscar database, as the customers, products and orders of a shop.

    DATABASE_URL=... SHOP_DATA=... python -m benchmarks.scratch_shop BENCH FOLDER --tasks t1,t2

Orders keep their dates, in the shop's time zone. Nothing is sold out, nothing is cancelled. The folder gets what
`translation.py` needs, and the questions of these tasks in the shop's keys.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import pandas as pd
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils.timezone import now
from oscar.core.loading import get_model
from oscar.core.utils import slugify
from tqdm import tqdm

from benchmarks.bench import Bench
from benchmarks.translation import SPELT_OUT, Keys, asked
from example_shop.journey.bulk import bulk_insert
from example_shop.journey.load import category_tree
from personalization.models import Visitor

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")
Order = get_model("order", "Order")
Line = get_model("order", "Line")

PLENTY = 1_000_000
LOWEST_PRICE = 0.01


class Unmigrated:
    """As MIGRATION_MODULES: no app has migrations, so that tables are made from the models, in a second."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def make_tables() -> None:
    """The tables of the example shop; exits when there are tables already."""
    if connection.introspection.table_names():
        sys.exit("The benchmark writes into an empty database only, and this one holds tables.")
    with override_settings(MIGRATION_MODULES=Unmigrated()):
        call_command("migrate", run_syncdb=True, verbosity=0)


def fill(bench: Bench, silent: bool = False) -> Keys:
    """Gives the primary keys of the users, the items and the upper categories."""
    lines = bench.history.assign(ts=bench.history["ts"].dt.tz_localize(settings.TIME_ZONE))
    lines["price"] = lines["price"].round(2).fillna(LOWEST_PRICE).clip(lower=LOWEST_PRICE)
    described = bench.items.set_index("item")[["name", "category", "ptype", "brand"]].fillna("")
    with transaction.atomic():
        users = _customers(lines)
        items = _products(described, lines)
        categories = _categories(described, items)
        stock = _stock(items, lines)
        with tqdm(total=len(lines), desc="Order lines", disable=True if silent else None, leave=False) as bar:
            _orders(lines, users, items, stock, bar.update)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Keys(users, items, categories)


def _customers(lines: pd.DataFrame) -> pd.Series:
    joined = lines.groupby("user")["ts"].min()
    emails = "customer-" + joined.index.to_series().astype(str) + "@example.com"
    people = pd.DataFrame({"username": emails, "email": emails, "date_joined": joined})
    users = bulk_insert(get_user_model(), people.assign(password="!"))
    Visitor.objects.grant_all(users.tolist(), version="1", source="benchmark", now=now())
    return users


def _products(described: pd.DataFrame, lines: pd.DataFrame) -> pd.Series:
    kind = ProductClass.objects.create(name="Things to buy")
    upcs = described.index.to_series().astype(str)
    titles = described["name"].str.strip()
    titles = titles.where(titles != "", described["ptype"])
    slugs = titles.map(slugify).str[:255]
    rows = {
        "upc": upcs,
        "title": titles.str[:255],
        "slug": slugs.where(slugs != "", upcs),
        "date_created": lines.groupby("item")["ts"].min(),
    }
    products = bulk_insert(Product, pd.DataFrame(rows).assign(structure=Product.STANDALONE, product_class_id=kind.pk))
    brand = ProductAttribute.objects.create(product_class=kind, name="Brand", code="brand", type=ProductAttribute.TEXT)
    brands = pd.DataFrame({"product_id": products, "value_text": described["brand"]})
    brands = brands[brands["value_text"] != ""]
    bulk_insert(ProductAttributeValue, brands.assign(attribute_id=brand.pk))
    return products


def _categories(described: pd.DataFrame, products: pd.Series) -> pd.Series:
    """Creates a tree of categories and kinds with their products; the keys of the categories by name."""
    names = zip(described["category"], described["ptype"], strict=True)
    trails = pd.Series([tuple(dict.fromkeys(filter(None, trail))) for trail in names], described.index)
    categories = bulk_insert(Category, category_tree(trails))
    lies_in = pd.DataFrame({"product_id": products, "category_id": trails.map(categories)})
    bulk_insert(ProductCategory, lies_in.dropna().astype(int))
    return pd.Series({trail[0]: key for trail, key in categories.items() if len(trail) == 1})


def _stock(products: pd.Series, lines: pd.DataFrame) -> pd.Series:
    partner = Partner.objects.create(name="The benchmark's partner")
    price = lines.groupby("item")["price"].median().round(2)
    rows = pd.DataFrame({"product_id": products, "price": price, "partner_sku": products.index.astype(str)})
    return bulk_insert(StockRecord, rows.assign(partner_id=partner.pk, num_in_stock=PLENTY))


def _orders(lines: pd.DataFrame, users: pd.Series, products: pd.Series, stock: pd.Series, wrote: object) -> None:
    lines = lines.assign(paid=(lines["price"] * lines["qty"]).round(2))
    orders = lines.groupby("basket", sort=False).agg(
        user=("user", "first"), date_placed=("ts", "first"), total=("paid", "sum")
    )
    total = orders["total"].round(2)
    headers = orders[["date_placed"]].assign(
        user_id=orders["user"].map(users),
        number=orders.index.astype(str),
        site_id=1,
        status="Complete",
        total_incl_tax=total,
        total_excl_tax=total,
        shipping_method="Bought in the shop",
        shipping_code="in-the-shop",
    )
    keys = bulk_insert(Order, headers)
    upcs = lines["item"].astype(str).astype("category")
    rows = pd.DataFrame(
        {
            "order_id": lines["basket"].map(keys),
            "product_id": lines["item"].map(products),
            "stockrecord_id": lines["item"].map(stock),
            "title": upcs,
            "upc": upcs,
            "partner_sku": upcs,
            "quantity": lines["qty"],
            "unit_price_incl_tax": lines["price"],
            "unit_price_excl_tax": lines["price"],
            "line_price_incl_tax": lines["paid"],
            "line_price_excl_tax": lines["paid"],
            "line_price_before_discounts_incl_tax": lines["paid"],
            "line_price_before_discounts_excl_tax": lines["paid"],
        }
    )
    partner = Partner.objects.get()
    status = pd.Categorical.from_codes([0] * len(rows), ["Complete"])
    bulk_insert(Line, rows.assign(partner_id=partner.pk, status=status, num_allocated=0), wrote)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", required=True, help="with commas between")
    options = parser.parse_args()
    bench = Bench(options.bench)
    make_tables()
    keys = fill(bench)
    keys.save(options.folder)
    for task in set(SPELT_OUT).intersection(options.tasks.split(",")):
        asked(bench, task, keys).to_csv(options.folder / f"asked.{task}.csv", index=False)


if __name__ == "__main__":
    main()
