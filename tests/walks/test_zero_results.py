"""A search that finds nothing, through the front door: where it can go on."""

import time

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.partner.models import StockRecord

from personalization.decide.visit import Visit
from personalization.models import Visitor
from personalization.oscar import search_engine
from personalization.oscar.visits import strategies_for_customers
from personalization.profile import genome
from personalization.serve import serve_slate
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.known_visitors import store_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

ADDRESS = "/search/"


@pytest.fixture
def cafe():
    """(teas, coffees) of `build_cafe`."""
    return open_shop(build_cafe, with_index=True)


def build_cafe():
    """Six teas and six coffees, bought by six customers; a tea the more often the earlier it stands. Five of them
    searched for "earl grey" and went on with the first two teas; what the sixth searched for is nobody's business."""
    shelves = {name: create_from_breadcrumbs(f"Drinks > {name}") for name in ("Tea", "Coffee")}
    teas = [
        shop.create_shop_product(title, shelves["Tea"])
        for title in ("Earl Grey", "Assam", "Sencha", "Oolong", "Mint", "Lemon")
    ]
    coffees = [shop.create_shop_product(f"Roast {n}", shelves["Coffee"]) for n in range(6)]
    for n in range(6):
        user = shop.create_customer(f"drinker{n}")
        for day in range(1, 7):
            shop.create_past_order(user, [*teas[:day], coffees[day - 1]], days_ago=day)
        visitor = Visitor.objects.get_or_create_customer(user.pk)
        store_event(visitor, "search", minutes_ago=10, query="Earl Grey" if n else "lapsang")
        if n:
            store_event(visitor, minutes_ago=9, product_id=teas[0].pk)
            store_event(visitor, minutes_ago=8, product_id=teas[1].pk)
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    return teas, coffees


def searched(client, query, **more):
    response = client.get(ADDRESS, {"q": query, **more})
    assert response.status_code == 200
    return response


def rows(response):
    slate = response.context.get("slate")
    return {row.title: row for row in slate.rows} if slate else {}


def products(row):
    return [item.product_id for item in row.items]


def others(response):
    return list(response.context.get("queries") or [])


def test_a_search_that_finds_something_is_left_alone(client, cafe, monkeypatch):
    monkeypatch.setattr(search_engine, "recover_search", lambda *args, **more: 1 / 0)
    response = searched(client, "assam")
    assert rows(response) == {}
    assert "personalization-row" not in response.content.decode()


def test_a_page_without_a_search_is_left_alone(client, cafe):
    assert rows(searched(client, "")) == {}


def test_what_was_misspelt_leads_to_what_others_searched_for(client, cafe):
    response = searched(client, "earl gray", spelling="off")
    assert others(response) == ["earl grey"]
    assert '<a href="/search/?q=earl%20grey"><bdi>earl grey</bdi></a>' in response.content.decode()
    assert products(rows(response)["Popular with similar searches"])[:2] == [one.pk for one in cafe[0][:2]]


def test_a_query_that_finds_nothing_is_not_offered(client, cafe):
    StockRecord.objects.all().delete()
    cafe[0][0].delete()
    call_command("rebuild_index", interactive=False, verbosity=0)
    assert others(searched(client, "earl gray")) == []


@pytest.mark.parametrize("query", ["coffe", "kofee coffee", "strong coffees", "COFFÉE mugs"])
def test_a_stranger_is_shown_what_sells_in_the_category_that_the_words_name(client, cafe, query):
    row = rows(searched(client, query))["Popular in Coffee"]
    assert row.explanation == "Matches your search"
    assert set(products(row)) == {one.pk for one in cafe[1]}
    assert row.items[0].explanation == "Bought by 6 customers in 28 days"


def test_a_customer_is_shown_what_is_likely_theirs_there(client, cafe):
    _, coffees = cafe
    anna = shop.create_customer("anna")
    for days_ago in (2, 4, 6):
        shop.create_past_order(anna, [coffees[4]], days_ago=days_ago)
    genome.refresh_genome([anna.pk], time.time())
    client.force_login(anna)
    first = next(iter(rows(searched(client, "coffe")).values()))
    assert (first.title, first.personal, products(first)[0]) == ("For you in Coffee", True, coffees[4].pk)
    assert first.items[0].explanation.startswith("You bought it 3 times")


def test_a_day_after_signing_in_nothing_is_told(client, cafe):
    anna = shop.create_customer("anna")
    shop.create_past_order(anna, cafe[1][4:5], days_ago=2)
    genome.refresh_genome([anna.pk], time.time())
    client.force_login(anna)
    session = client.session
    session["personalization_signed_in"] = time.time() - 25 * 3600
    session.save()
    assert "You bought" not in searched(client, "coffe").content.decode()


def test_where_others_went_on_names_the_category_too(client, cafe):
    assert "Popular in Tea" in rows(searched(client, "earl gray", spelling="off"))


@pytest.mark.parametrize("query", ["xylophone", "earwig nonsense"])
def test_words_that_mean_nothing_here_are_answered_with_bestsellers(client, cafe, query):
    response = searched(client, query)
    assert list(rows(response)) == ["Bestsellers"]
    assert others(response) == []


def test_there_are_at_most_three_rows_and_no_product_twice(client, cafe):
    found = rows(searched(client, "earl grey coffee"))
    assert len(found) == 3
    shown = [product for row in found.values() for product in products(row)]
    assert len(shown) == len(set(shown))


def test_what_one_visitor_typed_is_told_to_nobody(client, cafe):
    response = searched(client, "lapsan")
    assert others(response) == []
    assert "lapsang" not in response.content.decode()


def test_filters_that_leave_nothing_can_be_dropped(client, cafe):
    response = searched(client, "assam", selected_facets="rating_exact:5")
    assert response.context["paginator"].count == 0
    page = response.content.decode()
    assert "Nothing matches all filters." in page
    assert '<a href="/search/?q=assam">' in page
    assert others(response) == []
    assert others(searched(client, "earl gray", selected_facets="rating_exact:5", spelling="off")) == ["earl grey"]


def test_a_shop_that_learned_nothing_yet_shows_its_newest(client, milk):
    call_command("rebuild_index", interactive=False, verbosity=0)
    assert {title: products(row) for title, row in rows(searched(client, "tea")).items()} == {
        "Latest additions": [milk.pk]
    }


def test_an_empty_shop_shows_a_plain_page(client):
    call_command("rebuild_index", interactive=False, verbosity=0)
    assert rows(searched(client, "tea")) == {}


HOSTILE = {
    "long": "x" * 10_000,
    "many words": "tea " * 2_500,
    "nothing but spaces": "   ",
    "emoji": "\U0001f375\U0001f469\u200d\U0001f33e",
    "right to left": "\u0634\u0627\u064a \u202eabc",
    "html": '"><script>alert(1)</script>{{ 7|add:7 }}',
    "operators": 'NOT (tea AND "',
    "percent": "100%s %(x)s %",
    "half a pair": "\ud83c",
}


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.filterwarnings("ignore::UnicodeWarning")
def test_strange_words_do_no_harm(client, cafe, query):
    page = searched(client, query.encode("utf-8", "replace")).content.decode()
    assert "<script>alert" not in page
    assert len(page) < 200_000


def test_a_nul_does_no_harm(cafe):
    assert serve_slate("zero_results", strangers_visit("tea\x00")).rows
    assert search_engine.recover_search("tea\x00") == search_engine.SearchRecovery()


def strangers_visit(query):
    return Visit(timestamp=time.time(), strategy=strategies_for_customers([])[None], query=query)


def test_it_costs_four_queries_at_most_and_one_for_what_the_engine_found(client, cafe):
    searched(client, "xylophone")
    visit = strangers_visit("earl gray tea")
    with CaptureQueriesContext(connection) as captured:
        serve_slate("zero_results", visit)
    assert sum(query["sql"].startswith("SELECT") for query in captured) <= 4
    with CaptureQueriesContext(connection) as captured:
        assert search_engine.recover_search("earl gray").queries == ("earl grey",)
    assert len(captured) == 1


def test_the_engine_is_asked_three_times_at_most_and_not_again_when_it_is_slow(cafe, monkeypatch):
    asked = []
    monkeypatch.setattr(search_engine, "_search_hits", lambda query, limit, **rest: asked.append(query) or [])
    monkeypatch.setattr(
        search_engine.search_queries, "similar_queries", lambda query, learned, most: list("abcdef")[:most]
    )
    search_engine.recover_search("nonsense")
    assert asked == ["a", "b", "c"]
    asked.clear()
    search_engine.recover_search("nonsense", filtered=True)
    assert asked == ["nonsense", "a", "b"]
    asked.clear()
    monkeypatch.setattr(
        search_engine, "_search_hits", lambda query, limit, **rest: (asked.append(query), time.sleep(0.6))[:0]
    )
    search_engine.recover_search("nonsense")
    assert asked == ["a"]


def test_an_engine_that_fails_costs_its_links_only(client, cafe, monkeypatch):
    monkeypatch.setattr(search_engine, "_search_hits", lambda *args, **rest: 1 / 0)
    response = searched(client, "earl gray")
    assert others(response) == []
    assert "Popular in Tea" in rows(response)


def test_nothing_is_written(client, cafe):
    searched(client, "earl gray")  # the first time sorl-thumbnail makes its pictures
    with CaptureQueriesContext(connection) as captured:
        searched(client, "earl gray")
    assert not [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_a_customers_page_is_kept_out_of_shared_caches(client, cafe):
    client.force_login(shop.create_customer("anna"))
    assert "no-store" in searched(client, "earl gray")["Cache-Control"]
    assert "Cookie" in searched(Client(), "earl gray")["Vary"]
