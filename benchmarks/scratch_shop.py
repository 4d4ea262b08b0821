"""Writes a bench's history into an empty Oscar database, as the customers, products and orders of a shop.

    DATABASE_URL=... SHOP_DATA=... python -m benchmarks.scratch_shop FOLDER --cut 2017-10-02

All times move by one constant, so that the cut is this moment: a shop learns from what lies before its own clock.
Nothing is sold out, nothing is cancelled. `shop_customers.csv` and `shop_products.csv` in the folder say which
primary key each of the source's numbers has.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import pandas as pd
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.core.utils import slugify
from tqdm import tqdm

from benchmarks.bench import Bench
from example_shop.journey.bulk import write
from example_shop.journey.load import category_tree

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


def fill(bench: Bench, cut: pd.Timestamp, silent: bool = False) -> tuple[pd.Series, pd.Series]:
    """Gives the primary keys of the customers and of the products, by the source's numbers."""
    by = pd.Timestamp(timezone.now()) - cut.tz_localize("UTC")
    lines = bench.history.assign(placed=bench.history["placed"].dt.tz_localize("UTC") + by)
    lines["price"] = lines["price"].round(2).clip(lower=LOWEST_PRICE)
    with transaction.atomic():
        customers = _customers(lines)
        products = _products(bench.products, lines)
        stock = _stock(products, lines)
        with tqdm(total=len(lines), desc="Order lines", disable=True if silent else None, leave=False) as bar:
            _orders(lines, customers, products, stock, bar.update)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return customers, products


def _customers(lines: pd.DataFrame) -> pd.Series:
    joined = lines.groupby("customer")["placed"].min()
    emails = "customer-" + joined.index.to_series().astype(str) + "@example.com"
    people = pd.DataFrame({"username": emails, "email": emails, "date_joined": joined})
    return write(get_user_model(), people.assign(password="!"))


def _products(described: pd.DataFrame, lines: pd.DataFrame) -> pd.Series:
    """Each lies in its type, and that in its category."""
    kind = ProductClass.objects.create(name="Groceries")
    upcs = described.index.to_series().astype(str)
    slugs = described["title"].map(slugify).str[:255]
    rows = {
        "upc": upcs,
        "title": described["title"].str[:255],
        "slug": slugs.where(slugs != "", upcs),
        "date_created": lines.groupby("product")["placed"].min(),
    }
    products = write(Product, pd.DataFrame(rows).assign(structure=Product.STANDALONE, product_class_id=kind.pk))
    names = zip(described["category"], described["type"], strict=True)
    trails = pd.Series([tuple(dict.fromkeys(trail)) for trail in names], described.index)
    categories = write(Category, category_tree(trails))
    write(ProductCategory, pd.DataFrame({"product_id": products, "category_id": trails.map(categories)}))
    brand = ProductAttribute.objects.create(product_class=kind, name="Brand", code="brand", type=ProductAttribute.TEXT)
    brands = pd.DataFrame({"product_id": products, "value_text": described["brand"]})
    write(ProductAttributeValue, brands.assign(attribute_id=brand.pk))
    return products


def _stock(products: pd.Series, lines: pd.DataFrame) -> pd.Series:
    partner = Partner.objects.create(name="The benchmark's partner")
    price = lines.groupby("product")["price"].median().round(2)
    rows = pd.DataFrame({"product_id": products, "price": price, "partner_sku": products.index.astype(str)})
    return write(StockRecord, rows.assign(partner_id=partner.pk, num_in_stock=PLENTY))


def _orders(lines: pd.DataFrame, customers: pd.Series, products: pd.Series, stock: pd.Series, wrote: object) -> None:
    lines = lines.assign(paid=(lines["price"] * lines["quantity"]).round(2))
    orders = lines.groupby("basket", sort=False).agg(
        customer=("customer", "first"), date_placed=("placed", "first"), total=("paid", "sum")
    )
    total = orders["total"].round(2)
    headers = orders[["date_placed"]].assign(
        user_id=orders["customer"].map(customers),
        number=orders.index.astype(str),
        site_id=1,
        status="Complete",
        total_incl_tax=total,
        total_excl_tax=total,
        shipping_method="Bought in the shop",
        shipping_code="in-the-shop",
    )
    keys = write(Order, headers)
    upcs = lines["product"].astype(str).astype("category")
    rows = pd.DataFrame(
        {
            "order_id": lines["basket"].map(keys),
            "product_id": lines["product"].map(products),
            "stockrecord_id": lines["product"].map(stock),
            "title": upcs,
            "upc": upcs,
            "partner_sku": upcs,
            "quantity": lines["quantity"],
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
    write(Line, rows.assign(partner_id=partner.pk, status=status, num_allocated=0), wrote)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cut", type=pd.Timestamp, required=True)
    options = parser.parse_args()
    make_tables()
    for name, keys in zip(("customers", "products"), fill(Bench.load(options.folder), options.cut), strict=True):
        keys.rename("key").to_csv(options.folder / f"shop_{name}.csv", index_label="number")


if __name__ == "__main__":
    main()
