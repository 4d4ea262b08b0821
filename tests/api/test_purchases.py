"""Tills report purchases with a server key."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from personalization.models import Purchase
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def line(**cells):
    time = (now() - timedelta(days=1)).isoformat()
    return {"receipt": "R1", "line": 1, "time": time, "sku": "4711", "price": "3.50", **cells}


@pytest.fixture
def tea():
    made = shop.create_shop_product("Tea")
    made.stockrecords.update(partner_sku="4711")
    return made


def test_a_till_sends_lines_and_learns_what_was_wrong(server, tea):
    till = server("purchases:write")
    lines = [line(), line(line=2, sku="gone", quantity=2.0, price=7), line(line=3, price=True), line(line="x")]
    answer = till.send("post", "purchases/", {"source": "north", "lines": lines})
    assert answer.status_code == 200
    data = answer.json()
    assert (data["stored"], data["repeated"], data["unknown_products"]) == (2, 0, ["gone"])
    assert [(each["index"], each["code"]) for each in data["rejected"]] == [(2, "invalid_value"), (3, "invalid_row")]
    assert set(Purchase.objects.values_list("source", "product_id", "quantity")) == {
        ("north", tea.pk, 1),
        ("north", None, 2),
    }
    again = till.send("post", "purchases/", {"source": "north", "lines": lines[:2]}).json()
    assert (again["stored"], again["repeated"], Purchase.objects.count()) == (0, 2, 2)


def test_a_dry_run_stores_nothing(server, tea):
    answer = server("purchases:write").send("post", "purchases/", {"dry_run": True, "lines": [line()]})
    assert (answer.json()["stored"], Purchase.objects.count()) == (1, 0)


def test_only_a_server_key_with_the_scope_may(server, session, stranger, app, tea):
    for client in (session, stranger, app, server("events:write")):
        assert client.send("post", "purchases/", {"lines": [line()]}).status_code == 403
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("body", [[], {}, {"lines": [1]}, {"lines": {}}, {"lines": [{}] * 501}, {"items": "x"}, b"{"])
def test_what_is_no_delivery_is_refused(server, body):
    assert server("purchases:write").send("post", "purchases/", body).status_code == 400


def test_a_line_whose_cells_are_no_text_is_rejected(server):
    cells = [line(receipt=None), line(sku={"a": 1}), line(time=["x"]), line(price=None), {}]
    answer = server("purchases:write").send("post", "purchases/", {"lines": cells}).json()
    assert (answer["stored"], len(answer["rejected"])) == (0, 5)
