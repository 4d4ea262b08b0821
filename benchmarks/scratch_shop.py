"""Writes a bench's history into an empty Oscar database, as the customers, products and orders of a shop.

    DATABASE_URL=... SHOP_DATA=... python -m benchmarks.scratch_shop BENCH FOLDER --tasks t1,t2

Orders keep their dates, in the shop's time zone. Nothing is sold out, nothing is cancelled. The folder gets what
`translation.py` needs, and the questions of these tasks in the shop's keys.

`generate` writes a shop of any size without a bench, on PostgreSQL, for `growth.py`: customers who buy their own dozens
of products again and again, texts whose words are as common as in a language, and events. Always the same one.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import numpy as np
import pandas as pd
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.color import no_style
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
        users = _customers(lines.groupby("user")["ts"].min())
        items = _products(described, lines.groupby("item")["ts"].min())
        categories = _categories(described, items)
        stock = _stock(items, lines.groupby("item")["price"].median().round(2))
        with tqdm(total=len(lines), desc="Order lines", disable=True if silent else None, leave=False) as bar:
            _orders(lines, users, items, stock, bar.update)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Keys(users, items, categories)


def _customers(joined: pd.Series) -> pd.Series:
    emails = "customer-" + joined.index.to_series().astype(str) + "@example.com"
    people = pd.DataFrame({"username": emails, "email": emails, "date_joined": joined})
    users = bulk_insert(get_user_model(), people.assign(password="!"))
    Visitor.objects.grant_all(users.tolist(), version="1", source="benchmark", now=now())
    return users


def _products(described: pd.DataFrame, created: pd.Series) -> pd.Series:
    kind = ProductClass.objects.create(name="Things to buy")
    upcs = described.index.to_series().astype(str)
    titles = described["name"].str.strip()
    titles = titles.where(titles != "", described["ptype"])
    slugs = titles.map(slugify).str[:255]
    rows = {
        "upc": upcs,
        "title": titles.str[:255],
        "slug": slugs.where(slugs != "", upcs),
        "date_created": created,
        **({"description": described["description"]} if "description" in described else {}),
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


def _stock(products: pd.Series, price: pd.Series) -> pd.Series:
    partner = Partner.objects.create(name="The benchmark's partner")
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


@dataclass(frozen=True)
class ShopSize:
    """How large a generated shop is."""

    products: int
    customers: int
    lines: int
    events: int
    words: int = 80
    """Of each description."""


LINES_PER_ORDER = 8
OWN_PRODUCTS = 60
"""A generated customer buys of so many, some of them much more often than others."""
GENERATED_DAYS = 400
EVENT_DAYS = 80
END = datetime(2026, 11, 20, tzinfo=UTC)
"""The last order and the last event of a generated shop are shortly before."""


def _chance(what: str) -> str:
    """SQL: between 0 and 1, always the same for a number, and unlike that of the next number."""
    return f"((hashint8(({what})::bigint) & 2147483647) / 2147483648::float)"


FILL_ORDERS = f"""
INSERT INTO order_order (id, number, site_id, user_id, currency, total_incl_tax, total_excl_tax, shipping_incl_tax,
    shipping_excl_tax, shipping_method, shipping_code, status, guest_email, date_placed, analytics_tracked)
SELECT n, 'generated-' || n, 1, 1 + floor(%(customers)s * {_chance("n")})::int, %(currency)s, 20, 20, 0, 0, '', '',
    'Complete', '', %(end)s::timestamptz - {_chance("n + 3000000000")} * %(span)s::interval, false
FROM generate_series(1, %(orders)s) AS n
"""
FILL_LINES = f"""
INSERT INTO order_line (order_id, partner_id, partner_name, partner_sku, partner_line_reference, partner_line_notes,
    stockrecord_id, product_id, title, quantity, line_price_incl_tax, line_price_excl_tax,
    line_price_before_discounts_incl_tax, line_price_before_discounts_excl_tax, unit_price_incl_tax,
    unit_price_excl_tax, status, num_allocated, allocation_cancelled)
SELECT made.id, 1, '', product_id::text, '', '', product_id, product_id, '', 1, 2, 2, 2, 2, 2, 2, 'Complete', 0, false
FROM (
    SELECT DISTINCT id, 1 + floor(%(products)s * pow({_chance("user_id * 1000 + slot")}, 2.5))::int AS product_id
    FROM (
        SELECT id, user_id, floor(%(own)s * pow({_chance("id * 100 + line")}, 2))::int AS slot
        FROM order_order, generate_series(1, %(lines)s) AS line
    ) AS drawn
) AS made
"""
FILL_EVENTS = f"""
INSERT INTO personalization_event (event_id, visitor_id, type, occurred_at, received_at, product_id, item_kind, items,
    query, surface, row_key, is_suspected_bot, is_echo, device, slate_id, position, currency)
SELECT md5('event ' || n)::uuid, visitors.id, name, at, at,
    CASE WHEN name NOT IN ('view_item_list', 'search') THEN product END, 'product',
    CASE WHEN name = 'view_item_list' THEN (
        SELECT jsonb_agg(jsonb_build_array(1 + (product + 17 * place) %% %(products)s, place))
        FROM generate_series(0, 5) AS place) ELSE '[]' END,
    CASE WHEN name = 'search' THEN 'word' || product %% 1000 ELSE '' END,
    CASE WHEN name IN ('view_item_list', 'select_item') THEN 'home' ELSE '' END,
    CASE WHEN name IN ('view_item_list', 'select_item') THEN 'bestsellers' ELSE '' END, false, false,
    (ARRAY['computer', 'phone', 'tablet'])[1 + n %% 3],
    CASE WHEN name IN ('view_item_list', 'select_item') THEN md5('slate ' || n)::uuid END,
    CASE WHEN name = 'select_item' THEN product %% 6 END, ''
FROM (
    SELECT n, %(end)s::timestamptz - (1 - n::float / %(events)s) * %(span)s::interval AS at,
        (ARRAY['view_item_list', 'view_item_list', 'view_item_list', 'view_item_list', 'view_item_list',
               'view_item', 'view_item', 'select_item', 'search', 'add_to_cart'])[1 + n %% 10] AS name,
        1 + floor(%(products)s * pow({_chance("n")}, 2.5))::int AS product,
        1 + floor(%(customers)s * {_chance("n + 3000000000")})::int AS customer
    FROM generate_series(0, %(events)s - 1) AS n
) AS made JOIN personalization_visitor AS visitors ON visitors.user_id = made.customer
"""


def generate(size: ShopSize) -> None:
    """Writes a shop of this size, whose products and customers have the keys from 1, into the tables."""
    numbers = pd.RangeIndex(1, size.products + 1)
    described = _described(size, numbers)
    draw = np.random.default_rng(size.products)
    price = pd.Series(np.round(np.exp(draw.normal(2.0, 0.8, size.products)) + 0.5, 2), numbers)
    created = pd.Series(END - pd.to_timedelta(draw.uniform(0, 2 * GENERATED_DAYS, size.products), "D"), numbers)
    joined = pd.Series(END - timedelta(days=GENERATED_DAYS), pd.RangeIndex(size.customers))
    counts = {
        "products": size.products,
        "customers": size.customers,
        "orders": size.lines // LINES_PER_ORDER,
        "lines": LINES_PER_ORDER,
        "own": OWN_PRODUCTS,
        "events": size.events,
        "currency": settings.OSCAR_DEFAULT_CURRENCY,
        "end": END,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        _customers(joined)
        items = _products(described, created)
        _categories(described, items)
        _stock(items, price)
        cursor.execute("SET LOCAL work_mem = '512MB'")
        cursor.execute("ANALYZE personalization_visitor")
        cursor.execute(FILL_ORDERS, {**counts, "span": timedelta(days=GENERATED_DAYS)})
        cursor.execute(FILL_LINES, counts)
        cursor.execute(FILL_EVENTS, {**counts, "span": timedelta(days=EVENT_DAYS)})
        for statement in connection.ops.sequence_reset_sql(no_style(), [Order, Line]):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _described(size: ShopSize, numbers: pd.RangeIndex) -> pd.DataFrame:
    """Names, brands, categories of some forty products, and descriptions of words that are as common as in a language,
    of which a larger catalogue uses more (Heaps' law)."""
    draw = np.random.default_rng(size.products + 1)
    vocabulary = int(600 * size.products**0.5)
    word = np.floor(vocabulary ** draw.uniform(0, 1, (size.products, size.words))).astype(np.int64)
    texts = [" ".join(map("word{}".format, row)) for row in word.tolist()]
    leaf = np.sort(draw.integers(0, max(size.products // 40, 1), size.products))
    return pd.DataFrame(
        {
            "name": [f"Thing word{row[-1]} number {n}" for n, row in enumerate(word.tolist())],
            "category": [f"Department {number // 20}" for number in leaf.tolist()],
            "ptype": [f"Kind {number}" for number in leaf.tolist()],
            "brand": [f"Brand {number}" for number in draw.integers(0, 200, size.products).tolist()],
            "description": texts,
        },
        index=numbers,
    )


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
