"""What is shown through the API is what the templates show, for as many queries as it says."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.template import Context, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from oscar.apps.catalogue.models import ProductImage
from oscar.apps.partner.models import StockRecord

from personalization.collect import impression_tokens
from personalization.models import Event, Visitor
from personalization.oscar import visits
from tests.api.api_client import ApiClient
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(trained, client):
    """The second customer's browser, who buys odd products."""
    users, _ = trained
    client.force_login(users[1])
    return ApiClient(client)


def ids(slate):
    return [[item["id"] for item in row["items"]] for row in slate["rows"]]


def queries(ask, *args, **kwargs):
    """How many it takes, once the process is warm; without the savepoints of ATOMIC_REQUESTS."""
    ask(*args, **kwargs)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert ask(*args, **kwargs).status_code == 200
    return len([query for query in asked if "SAVEPOINT" not in query["sql"]])


def test_a_slate_is_the_pages_own(customer):
    page = customer.client.get("/").context["slate"]
    told = customer.get("surfaces/home/").json()
    assert ids(told) == [[item.product_id for item in row.items] for row in page.rows]
    assert [row["key"] for row in told["rows"]] == [row.key for row in page.rows]
    assert [row["title"] for row in told["rows"]] == [row.title for row in page.rows]
    texts = [[item["reason"]["text"] for item in row["items"]] for row in told["rows"]]
    assert texts == [[item.explanation for item in row.items] for row in page.rows]
    assert (told["snapshot"], told["fallback"]) == (page.snapshot_name, False)


def test_a_product_pages_slate_is_the_tags_own_and_is_signed_alike(trained, known_browser):
    _, products = trained
    visitor = Visitor.objects.get(user=None)
    request = known_browser.client.get("/").wsgi_request
    request.__dict__.pop(visits.SHOWN_ATTRIBUTE)
    context = Context({"request": request, "product": products[0]})
    markup = Template('{% load personalization %}{% personalized "product" product=product %}').render(context)
    told = known_browser.get("surfaces/product/", {"product": products[0].pk}).json()
    shown = [key for row in ids(told) for key in row]
    assert shown and [int(key) for key in re.findall(r'data-product="(\d+)"', markup)] == shown
    tokens = [[*re.findall(r'data-slate="([^"]+)"', markup)], [row["token"] for row in told["rows"]]]
    page, api = [
        [replace(impression_tokens.verify_impression(one, visitor.pk, 0), shown_at=0, slate_id=None) for one in some]
        for some in tokens
    ]
    assert page == api


def test_a_rows_token_says_what_was_shown(customer, trained):
    users, _ = trained
    visitor = Visitor.objects.get(user=users[1])
    told = customer.get("surfaces/home/").json()
    shown = [impression_tokens.verify_impression(row["token"], visitor.pk, 0) for row in told["rows"]]
    assert [[item.item_id for item in one.items] for one in shown] == ids(told)


def test_nobody_has_no_token(trained, stranger):
    assert {row["token"] for row in stranger.get("surfaces/home/").json()["rows"]} == {""}


def test_without_any_training_there_is_a_fallback(stranger):
    milk = shop.create_shop_product("Milk")
    told = stranger.get("surfaces/home/").json()
    assert (told["fallback"], told["snapshot"], ids(told)) == (True, "", [[milk.pk]])


def test_product_data_is_the_shops_own(stranger):
    milk = shop.create_shop_product("Milk")
    (row,) = stranger.get("surfaces/home/", {"include": "product"}).json()["rows"]
    assert row["items"][0]["product"] == {
        "title": "Milk",
        "url": f"http://testserver{milk.get_absolute_url()}",
        "image": None,
        "price": {"amount": "3.50", "currency": milk.stockrecords.get().price_currency, "includes_tax": True},
        "available": True,
        "availability_message": "",
        "addable_in_one_click": True,
    }


def test_the_picture_is_the_first_one(stranger):
    milk = shop.create_shop_product("Milk")
    ProductImage.objects.create(product=milk, original="images/second.png", display_order=2)
    ProductImage.objects.create(product=milk, original="images/first.png", display_order=1)
    (row,) = stranger.get("surfaces/home/", {"include": "product"}).json()["rows"]
    assert row["items"][0]["product"]["image"] == "http://testserver/media/images/first.png"


def test_a_large_price_is_written_out(stranger):
    milk = shop.create_shop_product("Milk")
    StockRecord.objects.filter(product=milk).update(price=Decimal("9999999999.90"))
    (row,) = stranger.get("surfaces/home/", {"include": "product"}).json()["rows"]
    assert row["items"][0]["product"]["price"]["amount"] == "9999999999.90"


def test_a_row_has_as_many_products_as_were_asked_for(trained, stranger):
    rows = ids(stranger.get("surfaces/home/", {"limit": 3}).json())
    assert {len(row) for row in rows} == {3}
    assert len(ids(stranger.get("surfaces/home/", {"limit": 10}).json())[0]) == 10


def test_no_product_stands_in_two_slates_of_one_answer(trained, stranger):
    _, products = trained
    wanted = [{"surface": "home"}, {"surface": "product", "product": products[0].pk}, {"surface": "home"}]
    slates_told = stranger.post("recommendations/", {"requests": wanted}).json()["slates"]
    shown = [key for slate in slates_told for row in ids(slate) for key in row]
    assert len(shown) == len(set(shown)) and [slate["surface"] for slate in slates_told] == ["home", "product", "home"]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("surfaces/nowhere/", {}, "unknown_surface"),
        ("surfaces/navigation/", {}, "unknown_surface"),
        ("surfaces/product/", {"product": 10**9}, "unknown_product"),
        ("surfaces/category/", {"category": 10**9}, "unknown_category"),
    ],
)
def test_what_the_shop_does_not_show_is_not_found(stranger, path, query, code):
    answer = stranger.get(path, query)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_a_hidden_product_is_answered_like_an_unknown_one(stranger):
    milk = shop.create_shop_product("Milk")
    milk.is_public = False
    milk.save()
    answers = [stranger.get("surfaces/product/", {"product": key}) for key in (milk.pk, 10**9)]
    assert {answer.status_code for answer in answers} == {404}


def test_a_search_engines_results_come_in_the_visitors_order(customer, trained):
    _, products = trained
    keys = [product.pk for product in products]
    told = customer.post("rank/", {"products": [*keys, 10**9], "scores": True}).json()
    assert sorted(told["products"]) == sorted([*keys, 10**9])
    assert {key % 2 for key in told["products"][:8]} == {products[1].pk % 2}
    known = [score for score in told["scores"] if score is not None]
    assert known == sorted(known, reverse=True) and len(known) == len(keys)
    assert customer.post("rank/", {"products": keys}).json().keys() == {"products", "placements", "exposure"}


def test_a_list_comes_back_as_it_was_before_any_training(stranger):
    told = stranger.post("rank/", {"products": [3, 1, 3, 2], "scores": True}).json()
    assert told == {"products": [3, 1, 2], "placements": [], "exposure": "", "scores": [None, None, None]}


def test_the_menu_has_the_visitors_own_lines(customer, stranger):
    told = customer.get("navigation/").json()
    assert [one["name"] for one in told["shortcuts"]] == ["Odd"]
    assert [one["name"] for one in told["menu"]] == ["Grocery"]
    nothing = {"shortcuts": [], "shortcuts_token": "", "menu_token": ""}
    assert stranger.get("navigation/").json() == {**told, **nothing}


FROM_THE_SHOP = {"Sec-Fetch-Site": "same-origin"}


def reported(client, token, **click):
    """The last event, after a click that the client reports of what the token stands for."""
    event = {"id": str(uuid4()), "name": "select_item", "params": {"slate": token, **click}}
    assert client.post("events/", {"events": [event]}, **FROM_THE_SHOP).json() == {"accepted": 1, "rejected": []}
    return Event.objects.get(event_id=event["id"])


def test_a_click_on_the_menu_is_reported_with_its_place(customer):
    menu = customer.get("navigation/").json()
    for row in ("shortcuts", "menu"):
        clicked = reported(customer, menu[f"{row}_token"], items=[{"item_id": menu[row][0]["id"]}])
        assert (clicked.surface, clicked.row_key, clicked.position) == ("navigation", row, 0)
        assert (clicked.item_kind, clicked.product_id) == ("category", None)


def test_a_click_on_a_reranked_list_is_reported_with_its_place_in_all_of_it(customer, stranger, trained):
    keys = [product.pk for product in trained[1]]
    page = {"products": keys, "start": 10, "limit": 5}
    told = customer.post("rank/", page).json()
    clicked = reported(customer, told["token"], items=[{"item_id": told["products"][12]}])
    assert (clicked.surface, clicked.row_key, clicked.position) == ("search", "results", 12)
    assert (clicked.product_id, clicked.reason) == (told["products"][12], "personal_order")
    assert clicked.snapshot and clicked.slate_id
    assert stranger.post("rank/", page).json()["token"] == ""
    assert customer.post("rank/", {**page, "start": 500}).json()["token"] == ""
    elsewhere = {"id": str(uuid4()), "name": "select_item"}
    elsewhere["params"] = {"slate": told["token"], "items": [{"item_id": told["products"][0]}]}
    answer = customer.post("events/", {"events": [elsewhere]}, **FROM_THE_SHOP).json()
    assert [one["code"] for one in answer["rejected"]] == ["not_on_slate"]


def test_where_somebody_stopped(app, known_browser, stranger):
    milk = shop.create_shop_product("Milk")
    for visitor in Visitor.objects.all():
        store_event(visitor, product_id=milk.pk, minutes_ago=9)
        store_event(visitor, "search", query="cold milk", minutes_ago=5)
    for who in (app, known_browser):
        (row,) = who.get("continue/", {"include": "product"}).json()["rows"]
        assert [item["product"]["title"] for item in row["items"]] == ["Milk"]
        assert [(link["target"], link["params"]) for link in row["links"]] == [("search", {"query": "cold milk"})]
    assert stranger.get("continue/").json()["rows"] == []


def test_what_is_everybodys_may_be_kept_and_is_asked_for_by_its_etag(trained, stranger):
    first = stranger.get("surfaces/home/")
    assert first["Cache-Control"] == "public, max-age=60"
    for held in (first["ETag"], f"W/{first['ETag']}", f'"x", {first["ETag"]}', "*"):
        again = stranger.get("surfaces/home/", **{"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
    assert stranger.get("surfaces/home/", **{"If-None-Match": '"x"'}).status_code == 200
    assert {"Cookie", "Authorization", "X-Personalization-Visitor"} <= set(first["Vary"].split(", "))


def test_by_nobody_else_where_the_country_takes_part(trained, stranger, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "COUNTRY_HEADER": "CF-IPCountry"}
    assert stranger.get("surfaces/home/", **{"CF-IPCountry": "SE"})["Cache-Control"] == "private, max-age=60"


def test_what_is_somebodys_is_kept_by_nobody(trained, session, app, known_browser, server):
    for who in (session, app, known_browser, server("surfaces:read", "customers:read")):
        for path in ("surfaces/home/", "navigation/", "continue/", "me/preferences/"):
            answer = who.get(path)
            assert "no-store" in answer["Cache-Control"] and not answer.has_header("ETag")


def test_ids_of_a_product_page_cost_three_queries(trained, stranger):
    _, products = trained
    assert queries(stranger.get, "surfaces/product/", {"product": products[0].pk}) <= 3


def test_three_rows_with_product_data_cost_eight_queries(customer, trained):
    _, products = trained
    asked = {"product": products[1].pk, "include": "product", "limit": 10}
    assert queries(customer.get, "surfaces/product/", asked) <= 8


def test_ranking_500_products_costs_one_query(trained, app, session, stranger):
    listed = {"products": list(range(1, 501))}
    assert queries(app.post, "rank/", listed) == 1
    assert queries(stranger.post, "rank/", listed) == 0
    session_and_user = 2
    assert queries(session.post, "rank/", listed) == session_and_user + 1


def test_asking_changes_no_table(customer, app, known_browser, stranger, trained):
    _, products = trained
    before = state()
    for who in (customer, app, known_browser, stranger):
        for path in (
            "surfaces/home/?include=product",
            f"surfaces/product/?product={products[0].pk}",
            "surfaces/basket/",
            "navigation/",
            "continue/",
            "me/preferences/",
            "me/data/",
            "health/",
            "schema/",
        ):
            assert who.get(path).status_code == 200
    assert state() == before


def state():
    tables = connection.introspection.table_names()
    models = [model for model in apps.get_models() if model._meta.db_table in tables]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


def test_health_says_whether_there_is_a_snapshot(stranger):
    answer = stranger.get("health/")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_health_is_well_after_training(trained, stranger):
    told = stranger.get("health/").json()
    age = told.pop("snapshot_age_hours")
    assert 0 <= age < 2  # of a shop that was saved when these tests began
    well = {
        "ready": True,
        "database": True,
        "retention_overdue_hours": 0.0,
        "jobs_overdue": False,
    }
    assert told == well


def test_health_says_that_nobody_drops_what_is_too_old(trained, stranger, settings):
    store_event(Visitor.objects.create(), product_id=1, minutes_ago=60 * 24 * 100)
    told = stranger.get("health/").json()
    assert told["ready"] and told["jobs_overdue"]
    assert told["retention_overdue_hours"] == pytest.approx(24 * (100 - 90), abs=0.1)


def test_the_schema_knows_every_address_and_nothing_of_the_shops(stranger, settings):
    told = stranger.get("schema/").json()
    assert told["openapi"].startswith("3.1")
    assert {path.removeprefix("/personalization/api/v1/") for path in told["paths"]} == {
        *("surfaces/{surface}/", "recommendations/", "rank/", "navigation/", "continue/", "visitors/", "events/"),
        *("blocks/{slot}/", "posts/"),
        *("feedback/{product}/", "me/preferences/", "me/data/", "explain/", "health/", "purchases/"),
        *("me/household/", "me/household/invitations/", "me/household/invitations/{invitation}/"),
        *("me/household/join/", "me/household/leave/"),
    }
    assert all("default" in how["responses"] for way in told["paths"].values() for how in way.values())
    used = set(json.dumps(told).split('"#/components/schemas/')[1:])
    assert {name.split('"')[0] for name in used} <= told["components"]["schemas"].keys()


def test_a_request_without_oscars_middleware_is_answered(trained, rf: RequestFactory):
    from personalization.api.surfaces import SurfaceEndpoint

    assert SurfaceEndpoint.as_view()(rf.get("/"), surface="home").status_code == 200


def test_a_strangers_basket_makes_the_answer_theirs(trained, stranger, app):
    _, products = trained
    stranger.client.post(f"/basket/add/{products[0].pk}/", {"quantity": 1})
    answer = stranger.get("surfaces/home/", {"limit": 40})
    assert "no-store" in answer["Cache-Control"]
    assert products[0].pk not in [key for row in ids(answer.json()) for key in row]
    app.client = stranger.client  # the token speaks for somebody else
    assert products[0].pk in [key for row in ids(app.get("surfaces/home/", {"limit": 40}).json()) for key in row]
