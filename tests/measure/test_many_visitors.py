"""Many visitors through the real doors, and a report that equals an independent count in SQL.

Three hundred by default; `MANY_VISITORS=10000` takes as many. They see rows, click, put into their basket, order and
cancel; what they report is signed, delivered, credited and rolled up as in a shop.
"""

import os
import random
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import localdate, now
from oscar.apps.order.models import Order

from personalization.collect.impression_tokens import Impression, ShownItem, sign_impression
from personalization.measure.outcomes import measure_outcomes
from personalization.measure.reports import Filters, Period, read_report
from personalization.models import Event
from personalization.privacy.retention import roll_up_days
from tests.collect.event_payloads import FIREFOX, delivery_body, to_milliseconds
from tests.measure.orders import place_order
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db
VISITORS = int(os.environ.get("MANY_VISITORS", "300"))
ROWS = ("for_you", "bestsellers", "new_in")

SEEN_IN_SQL = """
    SELECT row_key, COUNT(*) FROM personalization_event WHERE type = 'select_item' AND NOT is_suspected_bot
    GROUP BY row_key
"""
CREDITED_IN_SQL = """
    WITH touched AS (
        SELECT line.id AS line, line.line_price_excl_tax AS gross, placed.status AS status, click.row_key AS row_key,
               ROW_NUMBER() OVER (
                   PARTITION BY line.id ORDER BY click.occurred_at DESC, click.surface DESC, click.row_key DESC
               ) AS place
        FROM order_line line
        JOIN order_order placed ON placed.id = line.order_id
        JOIN personalization_ordervisitor owner ON owner.order_id = placed.id
        JOIN personalization_event click ON click.visitor_id = owner.visitor_id AND click.type = 'select_item'
            AND click.product_id = line.product_id AND click.occurred_at <= placed.date_placed
    )
    SELECT row_key, COUNT(*), SUM(gross), SUM(CASE WHEN status = 'Cancelled' THEN gross ELSE 0 END)
    FROM touched WHERE place = 1 GROUP BY row_key
"""


def live_one_visit(products, chance: random.Random, at) -> None:
    """One browser: rows that are seen and clicked on, and perhaps an order."""
    client = Client(
        HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE, REMOTE_ADDR=f"10.{chance.randrange(250)}.{chance.randrange(250)}.7"
    )
    visitor = identify_browser(client)
    type(visitor).objects.filter(pk=visitor.pk).update(consented_at=at - timedelta(hours=1))
    events, clicked = [], []
    for number, row in enumerate(ROWS):
        shown = [ShownItem(product.pk, place, row) for place, product in enumerate(chance.sample(products, 4))]
        token = sign_impression(Impression("home", row, "", tuple(shown), at.timestamp(), uuid4()), visitor.pk)
        moment = to_milliseconds(at + timedelta(seconds=number))
        items = [{"item_id": str(one.item_id)} for one in shown]
        events.append({"name": "view_item_list", "slate": token, "items": items, "at": moment})
        if chance.random() < 0.5:
            item = chance.choice(items)
            events.append({"name": "select_item", "slate": token, "items": [item], "at": moment + 100})
            clicked.append(int(item["item_id"]))
    response = post_events(client, delivery_body(*events))
    assert response.json()["rejected"] == []
    if chance.random() < 0.4:
        keys = {product.pk: product for product in products}
        bought = {*(key for key in clicked if chance.random() < 0.7), chance.choice(products).pk}
        lines = [(keys[key], 1, f"{chance.randint(1, 30)}.50") for key in sorted(bought)]
        status = "Cancelled" if chance.random() < 0.2 else "Pending"
        place_order(visitor, lines, at + timedelta(minutes=5), status)


def test_the_report_of_many_visitors_equals_an_independent_count():
    products = [shop.create_shop_product(f"Product {number}", stock=10**6) for number in range(12)]
    chance, at = random.Random(11), now() - timedelta(minutes=30)
    for _ in range(VISITORS):
        live_one_visit(products, chance, at)
    assert Event.objects.filter(is_suspected_bot=False).count() > VISITORS * len(ROWS)
    measure_outcomes()
    roll_up_days(now() + timedelta(days=1))
    day = localdate(at)
    report = read_report("row", Period(day - timedelta(days=1), day + timedelta(days=1)), Filters(), "USD")
    with connection.cursor() as cursor:
        cursor.execute(SEEN_IN_SQL)
        clicks = dict(cursor.fetchall())
        cursor.execute(CREDITED_IN_SQL)
        money = {row: (lines, Decimal(str(gross)), Decimal(str(lost))) for row, lines, gross, lost in cursor.fetchall()}
    found = {key[-1]: outcome for key, outcome in report.lines.items()}
    assert set(ROWS) == set(found) == set(clicks)
    for row in ROWS:
        outcome = found[row]
        assert outcome.clicks == clicks[row]
        assert (outcome.lines, outcome.gross, outcome.lost_amount) == money[row], row
    assert Order.objects.filter(status="Cancelled").exists()
