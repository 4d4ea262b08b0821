"""Whichever table of ours cannot be read, the API answers with JSON, and says nothing of a visitor that is not so."""

from uuid import uuid4

import pytest
from django.urls import get_resolver
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.api import urls
from personalization.models import Visitor
from personalization.models.server_keys import Scope
from tests.shops import factories as shop
from tests.shops.renamed_tables import TABLES, renamed_table
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db(transaction=True)

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
VISITOR_TABLE = "personalization_visitor"
RECEIPT_LINE = {
    "receipt": "{id}",
    "line": "1",
    "time": "2026-11-01",
    "sku": "1",
    "price": "1",
    "card": "1",
    "store": "1",
}
REQUESTS = (
    ("get", "surfaces/home/?include=product", None),
    ("get", "surfaces/product/?product={product}", None),
    ("get", "surfaces/basket/", None),
    ("get", "surfaces/category/?category={category}", None),
    ("get", "surfaces/zero_results/?query=milk", None),
    ("get", "surfaces/order_confirmation/", None),
    ("post", "recommendations/", {"requests": [{"surface": "home"}, {"surface": "basket"}]}),
    ("post", "rank/", {"products": [1, 2], "query": "milk"}),
    ("get", "blocks/home-hero/", None),
    ("get", "navigation/", None),
    ("get", "continue/", None),
    ("post", "visitors/", {"consent": "granted"}),
    ("post", "events/", {"events": [{"id": "{id}", "name": "search", "params": {"search_term": "milk"}}]}),
    ("post", "purchases/", {"lines": [RECEIPT_LINE]}),
    ("post", "posts/", {"posts": [{"id": "1", "title": "Tea", "products": []}]}),
    ("post", "feedback/{product}/", None),
    ("delete", "feedback/{product}/", None),
    ("get", "me/preferences/", None),
    ("patch", "me/preferences/", {"interests": []}),
    ("patch", "me/preferences/", {"consent": "granted", "interests": [{"category": "{category}", "sign": 1}]}),
    ("patch", "me/preferences/", {"consent": "refused"}),
    ("get", "me/data/", None),
    ("delete", "me/data/", None),
    ("get", "explain/?surface=home", None),
    ("get", "health/", None),
    ("get", "schema/", None),
)


@pytest.fixture
def askers(request, server, anna):
    """A client for each way to say who asks; each but the first of somebody who consented."""
    store_event(Visitor.objects.get(user=anna))
    clients = {name: request.getfixturevalue(name) for name in ("stranger", "known_browser", "app", "session")}
    return {**clients, "server": server(*Scope.values, customer=anna)}


@pytest.fixture
def places(db):
    """What paths and bodies name: a product and its category."""
    category = create_from_breadcrumbs("Dairy")
    product = shop.create_shop_product("Milk", category)
    return {"product": product.pk, "category": category.pk, "id": str(uuid4())}


def filled(value, places):
    if isinstance(value, dict):
        return {name: filled(inner, places) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, places) for inner in value]
    if value == "{category}":
        return places["category"]
    return value.format(**places) if isinstance(value, str) else value


def test_every_address_is_asked():
    asked = {path.partition("?")[0].split("/")[0] for _, path, _ in REQUESTS}
    assert asked == {str(pattern.pattern).split("/")[0] for pattern in get_resolver(urls).url_patterns}


@pytest.mark.parametrize("table", TABLES)
def test_without_a_table_every_answer_is_json_and_every_failure_a_problem(table, askers, places):
    with renamed_table(table):
        for name, asker in askers.items():
            for method, path, body in REQUESTS:
                answer = asker.send(method, path.format(**places), filled(body, places), **SAME_ORIGIN)
                told = f"{method} {path} by {name}: {answer.status_code} {answer.content[:200]!r}"
                if answer.status_code != 204:
                    assert answer["Content-Type"] in ("application/json", "application/problem+json"), told
                if answer.status_code >= 500 and path != "health/":
                    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), told
                    assert answer["Cache-Control"] == "private, no-store"
                    assert answer.cookies.keys() <= {"csrftoken"}, told


@pytest.mark.parametrize("who", ["app", "session"])
def test_nobody_is_told_that_they_never_consented_while_their_answer_cannot_be_read(askers, who):
    """Nor that nothing is stored about them."""
    asker = askers[who]
    before = asker.get("me/preferences/").json()
    assert before["consent"]["code"] == "granted"
    with renamed_table(VISITOR_TABLE):
        for method, path in (("get", "me/preferences/"), ("get", "me/data/"), ("delete", "me/data/")):
            answer = asker.send(method, path)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        answer = asker.patch("me/preferences/", {"consent": "granted"})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert asker.get("me/preferences/").json() == before


@pytest.mark.parametrize("who", ["app", "session", "known_browser"])
def test_what_a_visitor_reports_while_they_cannot_be_read_is_worth_sending_again(askers, who):
    event = {"id": str(uuid4()), "name": "search", "params": {"search_term": "milk"}}
    with renamed_table(VISITOR_TABLE):
        answer = askers[who].post("events/", {"events": [event]}, **SAME_ORIGIN)
    assert (answer.status_code, [one["code"] for one in answer.json()["rejected"]]) == (202, ["not_stored"])
    assert askers[who].post("events/", {"events": [event]}, **SAME_ORIGIN).json() == {"accepted": 1, "rejected": []}


def test_a_browser_that_cannot_be_read_keeps_its_cookie(known_browser):
    with renamed_table(VISITOR_TABLE):
        answer = known_browser.get("surfaces/home/")
    assert (answer.status_code, "personalization_visitor" in answer.cookies) == (200, False)


def test_a_bug_is_a_problem_and_the_log_has_it(stranger, monkeypatch, caplog):
    from personalization.api import surfaces

    monkeypatch.setattr(surfaces.SurfaceEndpoint, "get", lambda *anything, **more: 1 / 0)
    answer = stranger.get("surfaces/home/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "internal_error"
    assert "ZeroDivisionError" in caplog.text
