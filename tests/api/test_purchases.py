"""Tills report purchases with a server key."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from personalization.exchange.purchase_files import PURCHASE_COLUMNS
from personalization.models import Purchase
from tests.api.test_hostile_requests import BODIES, HOSTILE, is_a_problem, send
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


def test_a_body_that_says_nothing_is_a_problem(server):
    till = server("purchases:write")
    for body in BODIES:
        answer = send(till, "purchases/", body)
        assert answer.status_code in (400, 413)
        is_a_problem(answer)


@pytest.mark.parametrize("field", ["source", "items", "users", "dry_run", "lines"])
def test_whatever_stands_in_a_field_there_is_an_answer(server, field):
    till = server("purchases:write")
    for value in HOSTILE:
        answer = send(till, "purchases/", {"lines": [line()], field: value})
        assert answer.status_code in (200, 400)
        if answer.status_code == 400:
            is_a_problem(answer)


@pytest.mark.parametrize("field", PURCHASE_COLUMNS)
def test_whatever_stands_in_a_line_it_is_taken_or_rejected(server, field, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CARD_NUMBER_KEY": "a key of the tests"}
    till = server("purchases:write")
    for value in HOSTILE:
        answer = send(till, "purchases/", {"lines": [line(), line(**{"line": 2, field: value})]})
        if answer.status_code == 400:  # too deep, or no JSON, as a whole
            is_a_problem(answer)
            continue
        data = answer.json()
        assert answer.status_code == 200 and data["stored"] + data["repeated"] + len(data["rejected"]) == 2


def test_a_line_whose_cells_are_no_text_is_rejected(server):
    cells = [line(receipt=None), line(sku={"a": 1}), line(time=["x"]), line(price=None), {}]
    answer = server("purchases:write").send("post", "purchases/", {"lines": cells}).json()
    assert (answer["stored"], len(answer["rejected"])) == (0, 5)
