"""`explain/`: the rows and the list of the page, and why a product is not there."""

import time

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord
from oscar.core.loading import get_class

from personalization import serve
from personalization.decide import active_snapshot
from personalization.decide.active_rules import read_rules_now
from personalization.decide.visit import Visit
from personalization.merchandising import publishing
from personalization.models import Visitor
from personalization.profile.genome import refresh_genome
from tests.shops import breakfast
from tests.shops import factories as shop

Selector = get_class("partner.strategy", "Selector")

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(trained, session, anna):
    """Anna buys odd products, and may ask."""
    active_snapshot.reset_active_snapshot()
    anna.user_permissions.add(Permission.objects.get(codename="explain_decision"))
    for week in range(3):
        shop.create_past_order(anna, trained[1][1:9:2], days_ago=1 + 7 * week)
    refresh_genome([anna.pk], time.time())
    return session


@pytest.fixture
def products(trained):
    return trained[1]


def shown(rows):
    return [(row["key"], row["title"], [item["id"] for item in row["items"]]) for row in rows if row["items"]]


def way(steps):
    return [step["name"] for step in steps if step["passed"]], [step["name"] for step in steps if not step["passed"]]


@pytest.mark.parametrize("surface", ["home", "product", "basket", "zero_results"])
def test_the_rows_are_those_of_the_page(staff, products, surface):
    page = {"product": products[3].pk} if surface == "product" else {}
    served = staff.get(f"surfaces/{surface}/", page).json()["rows"]
    explained = staff.get("explain/", {"surface": surface, **page}).json()
    expected = [(row["key"], row["title"], [item["id"] for item in row["items"]]) for row in served]
    assert len(expected) >= 1
    assert shown(explained["rows"]) == expected
    assert explained["snapshot"] == active_snapshot.get_active_snapshot().name


def test_each_item_comes_with_its_features_and_what_each_recommender_says(staff, products):
    explained = staff.get("explain/").json()
    row = next(row for row in explained["rows"] if row["key"] == "buy_again")
    item = row["items"][0]
    (scoring, *_) = item["scorings"]
    assert scoring["task"] == "home" and 1 <= scoring["rank"] <= scoring["candidates"]
    assert item["score"] == scoring["score"]
    assert 0 < scoring["features"]["popular"] <= 1 <= item["recommenders"]["popular"]["score"]
    assert item["recommenders"]["bought_together"]["purchases"] > 0
    assert explained["visit"]["purchased_products"] == 4
    assert explained["visit"]["policy"]["row_size"] == 6


def test_candidates_that_are_not_shown_say_why(staff):
    explained = staff.get("explain/").json()
    causes = {one["cause"] for row in explained["rows"] for one in row["left_out"]}
    assert causes >= {"taken_above", "beyond_row_size"}
    taken = next(one for row in explained["rows"] for one in row["left_out"] if one["cause"] == "taken_above")
    above = next(row for row in explained["rows"] if row["key"] == taken["facts"]["row"])
    assert above["items"][taken["facts"]["position"]]["id"] == taken["id"]


def test_rows_that_are_not_shown_say_why(staff, anna):
    assert "buy_again" in {row["key"] for row in staff.get("explain/").json()["rows"] if not row["hidden_because"]}
    Visitor.objects.get(user=anna).set_preference("reason", "buy_again", -1, time.time())
    rows = {row["key"]: row["hidden_because"] for row in staff.get("explain/").json()["rows"]}
    assert rows["buy_again"] == "dismissed"
    assert "too_few_items" in rows.values() or "page_full" in rows.values()


def test_of_a_product_that_is_there_the_way_ends_at_its_position(staff):
    explained = staff.get("explain/").json()
    row = next(row for row in explained["rows"] if len(row["items"]) > 2)
    item = staff.get("explain/", {"item": row["items"][2]["id"]}).json()["item"]
    passed, failed = way(item["rows"])
    assert failed == []
    assert passed[-1] == "within_row"
    assert item["rows"][-1]["facts"] == {"row": row["key"], "position": 2}


def hide(product):
    Product.objects.filter(pk=product.pk).update(is_public=False)


def sell_out(product):
    StockRecord.objects.filter(product=product).update(num_in_stock=0)


def dismiss(product):
    Visitor.objects.get(user__username="anna").set_preference("product", product.pk, -1, time.time())


@pytest.mark.parametrize(
    ("happened", "step"),
    [(hide, "public"), (sell_out, "buyable"), (dismiss, "not_excluded")],
    ids=["hidden", "sold out", "dismissed"],
)
def test_a_product_that_is_not_there_is_followed_up_to_the_step_that_it_fails(staff, products, happened, step):
    happened(products[1])
    item = staff.get("explain/", {"item": products[1].pk}).json()["item"]
    passed, failed = way(item["rows"])
    assert failed == [step]
    steps = [
        *("exists", "public", "buyable", "in_snapshot", "candidate", "not_excluded", "not_taken_above", "within_row"),
    ]
    assert passed == steps[: steps.index(step)]


def test_a_key_that_no_product_has_does_not_exist(staff):
    assert way(staff.get("explain/", {"item": 10**9}).json()["item"]["rows"]) == ([], ["exists"])


def test_a_product_that_is_newer_than_the_snapshot_is_not_known_to_it(staff):
    item = staff.get("explain/", {"item": shop.create_shop_product("New").pk}).json()["item"]
    assert way(item["rows"]) == (["exists", "public", "buyable"], ["in_snapshot"])


def test_what_no_row_type_proposes_is_no_candidate(staff, products):
    asked = {"surface": "product", "product": products[3].pk, "item": products[0].pk}
    item = staff.get("explain/", asked).json()["item"]
    assert way(item["rows"])[1] == ["candidate"]
    assert "similar" in item["rows"][-1]["facts"]["rows"][0]


def test_what_better_candidates_crowd_out_is_told_its_rank(staff):
    left_out = [one for row in staff.get("explain/").json()["rows"] for one in row["left_out"]]
    beyond = next(one for one in left_out if one["cause"] == "beyond_row_size")
    last = staff.get("explain/", {"item": beyond["id"]}).json()["item"]["rows"][-1]
    assert last["name"] == "within_row"
    if not last["passed"]:
        assert last["facts"]["cause"] in {"beyond_row_size", "page_full", "too_few_items"}


def test_a_row_above_is_one_that_stands_above(staff):
    rows = staff.get("explain/").json()["rows"]
    position = {row["key"]: number for number, row in enumerate(rows)}
    taken = [(row["key"], one["facts"]["row"]) for row in rows for one in row["left_out"] if "row" in one["facts"]]
    assert taken
    assert all(position[above] < position[key] for key, above in taken)


def test_a_substitute_for_the_basket_is_told_to_be_one(session, anna):
    products = breakfast.trained()
    anna.user_permissions.add(Permission.objects.get(codename="explain_decision"))
    breakfast.put_into_basket(session.client, products["Toast"])
    for name, causes in {"Jam": None, "Rolls": {"substitute"}, "Soap": {"never_in_one_basket"}}.items():
        item = session.get("explain/", {"surface": "basket", "item": products[name].pk}).json()["item"]
        last = item["rows"][-1]
        if causes is None:
            assert (last["name"], last["passed"]) == ("within_row", True)
        else:
            assert (last["name"], last["passed"]) == ("candidate", False)
            assert {one["cause"] for one in last["facts"]["filters"]} >= causes


@pytest.mark.usefixtures("own_files")
@pytest.mark.parametrize("surface", ["search", "category"])
def test_a_list_is_explained_in_the_order_of_its_page(staff, products, surface):
    call_command("rebuild_index", interactive=False, verbosity=0)
    category = products[1].categories.get()
    page = {"query": "Product"} if surface == "search" else {"category": category.pk}
    address = f"/search/?q={page['query']}" if surface == "search" else category.get_absolute_url()
    listed = [result.pk for result in staff.client.get(address).context["page_obj"].object_list]
    explained = staff.get("explain/", {"surface": surface, "item": listed[2], **page}).json()
    items = explained["list"]["items"]
    assert len(items) == 20
    assert [item["id"] for item in items] == [int(key) for key in listed]
    assert (explained["list"]["basis"], explained["list"]["strength"]) == ("personal", 100)
    assert sorted(item["personal_position"] for item in items) == list(range(20))
    tasks = [one["task"] for one in items[0]["scorings"]]
    assert tasks == [surface]
    matching = {name for name in items[0]["scorings"][0]["features"] if name.startswith("query.")}
    assert ("query.engine_rank" in matching and len(matching) == 10) if surface == "search" else not matching
    assert explained["item"]["list"][-1] == {"name": "within_row", "passed": True, "facts": {"position": 2, "page": 1}}
    rows = [(row["key"], row["hidden_because"]) for row in explained["rows"]]
    own = (f"buy_again_in_category:{category.pk}", "too_few_items")  # the list has them in front already
    assert rows == ([] if surface == "search" else [own])


@pytest.mark.usefixtures("own_files")
def test_what_the_engine_does_not_find_is_no_candidate_of_a_list(staff, products):
    call_command("rebuild_index", interactive=False, verbosity=0)
    milk = shop.create_shop_product("Milk")
    item = staff.get("explain/", {"surface": "search", "query": "Product", "item": milk.pk}).json()["item"]
    assert way(item["list"]) == (["exists", "public"], ["candidate"])


def publish_campaign(user, surface, *actions):
    document = {"where": [{"surface": surface}], "what": list(actions)}
    definition = publishing.create("campaign", "Week", document, user)
    publishing.publish(definition, user)
    read_rules_now()
    return definition


def test_what_campaigns_did_to_a_row_stands_beside_it(staff, anna, products):
    new = shop.create_shop_product("New")
    pin = {"do": "pin", "target": {"products": [new.pk]}, "place": 2}
    exclude = {"do": "exclude", "target": {"products": [products[1].pk]}}
    campaign = publish_campaign(anna, "home", pin, exclude)
    rows = {row["key"]: row for row in staff.get("explain/").json()["rows"]}
    outcomes = rows["bestsellers"]["campaigns"]
    assert {(one["campaign"], one["name"]) for one in outcomes} == {(campaign.pk, "Week")}
    (removed,) = (one for one in outcomes if one["action"] == 1)
    assert (removed["outcome"], [one["id"] for one in removed["items"]]) == ("removed", [products[1].pk])
    placed = [one for row in rows.values() for one in row["campaigns"] if one["outcome"] == "placed"]
    assert [(one["item"], one["facts"]) for one in placed] == [(new.pk, {"place": 2})]
    way_of_new = staff.get("explain/", {"item": new.pk}).json()["item"]["rows"]
    assert way_of_new[3]["facts"]["pinned"] and way_of_new[-1]["passed"]
    assert way_of_new[-1]["facts"]["position"] == 1
    removed_way = staff.get("explain/", {"item": products[1].pk}).json()["item"]["rows"]
    assert (removed_way[-1]["name"], removed_way[-1]["facts"]["cause"]) == ("not_excluded", "excluded_by_campaign")


@pytest.mark.usefixtures("own_files")
def test_what_campaigns_did_to_a_list_stands_beside_it(staff, anna, products):
    call_command("rebuild_index", interactive=False, verbosity=0)
    boost = {"do": "boost", "target": {"products": [products[7].pk]}, "strength": 3}
    publish_campaign(anna, "search", boost)
    listed = staff.get("explain/", {"surface": "search", "query": "Product"}).json()["list"]
    (outcome,) = listed["campaigns"]
    (moved,) = outcome["items"]
    assert (outcome["outcome"], moved["id"], moved["after"]) == ("moved", products[7].pk, 1)
    assert listed["items"][0]["id"] == products[7].pk and moved["before"] > 1


def test_the_menu_is_explained_as_a_list_of_categories(staff):
    explained = staff.get("explain/", {"surface": "navigation"}).json()
    assert {item["kind"] for item in explained["list"]["items"]} == {"category"}
    assert explained["rows"] == []


def test_a_page_that_nobody_asks_about_writes_nothing_down_and_a_trace_costs_no_query(trained):
    active_snapshot.reset_active_snapshot()
    visit = Visit(1e9, Selector().strategy())
    serve.serve_slate("home", visit)
    with CaptureQueriesContext(connection) as plain:
        slate = serve.serve_slate("home", visit)
    with CaptureQueriesContext(connection) as traced:
        explained, trace = serve.explain_slate("home", visit)
    assert len(plain) == len(traced)
    assert [row.key for row in explained.rows] == [row.key for row in slate.rows]
    assert [row.row.reason.key for row in trace.rows if row.shown] == [row.key for row in slate.rows]
    assert visit.trace is None
