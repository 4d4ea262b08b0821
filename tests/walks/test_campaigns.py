"""What campaigns do to the pages of the shop, seen through the front doors."""

import re
import time
from dataclasses import replace

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from haystack import connections
from haystack.backends.whoosh_backend import WhooshSearchQuery
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category

from personalization.collect.impression_tokens import SALT
from personalization.decide import active_snapshot
from personalization.decide.list_campaigns import MAX_ENGINE_KEYS, EngineFilter
from personalization.decide.slate import product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import Audience, Do, People, Place
from personalization.merchandising.search_words import WordList, WordMatch
from personalization.models import Visitor
from personalization.oscar import search_engine, visits
from personalization.privacy import cookies
from personalization.serve import explain_list, explain_slate, recommend
from tests.api.api_client import ApiClient
from tests.decide.campaigns import act, campaign, pin, rules, serve, slot
from tests.shops import factories as shop
from tests.shops import tea

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

HOME, CATALOGUE, SEARCH, CATEGORY = (Place(name) for name in ("home", "catalogue", "search", "category"))
BESTSELLERS = Place("home", frozenset(["bestsellers"]))
CARD = re.compile(r'<article class="product_pod".*?</article>', re.DOTALL)
LABEL = re.compile(r'<p class="personalization-label">([^<]*)</p>')


def rows(response):
    return {row.type: [item.product_id for item in row.items] for row in response.context["slate"].rows}


def shown(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def cards(response):
    """(title, label) of each card of the page's rows, or of Oscar's list."""
    markup = response.content.decode()
    return [(re.search(r'title="([^"]*)"', card)[1], *(LABEL.findall(card) or [""])) for card in CARD.findall(markup)]


@pytest.fixture
def listed(trained_and_indexed):
    """The keys of the products of the even-and-odd shop, which has an index."""
    return [product.pk for product in trained_and_indexed[1]]


def test_a_pin_stands_first_and_its_card_says_who_chose_it(client, trained):
    _, products = trained
    rare = products[39].pk
    assert rare not in rows(client.get("/"))["bestsellers"]
    serve(campaign(1, pin(rare), where=[BESTSELLERS]))
    response = client.get("/")
    assert rows(response)["bestsellers"][0] == rare
    assert cards(response)[0] == ("Product 39", "Chosen by us")
    assert [label for _, label in cards(response)[1:]] == [""] * (len(cards(response)) - 1)
    assert response.content.decode().count("Chosen by us") == 1


def test_what_is_sponsored_says_so_and_so_does_a_german_page(client, trained):
    _, products = trained
    serve(
        campaign(1, pin(products[39].pk, sponsored=True), where=[BESTSELLERS]),
        campaign(2, pin(products[38].pk, place=2), where=[BESTSELLERS], name="Never shown"),
    )
    assert [label for _, label in cards(client.get("/"))[:2]] == ["Sponsored", "Chosen by us"]
    german = client.get("/", headers={"Accept-Language": "de"})
    assert [label for _, label in cards(german)[:2]] == ["Anzeige", "Von uns ausgesucht"]
    assert "Never shown" not in german.content.decode()


def test_what_a_campaign_placed_keeps_its_own_reason(client, trained):
    best = rows(client.get("/"))["bestsellers"]
    serve(campaign(1, pin(best[3]), where=[BESTSELLERS]))
    (row,) = (row for row in client.get("/").context["slate"].rows if row.type == "bestsellers")
    assert [item.product_id for item in row.items[:2]] == [best[3], best[0]]
    assert row.items[0].reason.code == "popular"
    assert row.items[0].explanation.startswith("Bought by ")
    assert [item.placed_by.name if item.placed_by else "" for item in row.items[:2]] == ["Spring", ""]


def test_an_excluded_product_is_in_no_row_and_in_no_list_and_the_count_is_right(client, listed):
    gone = rows(client.get("/"))["bestsellers"][0]
    for page in ("/catalogue/", "/search/?q=product"):
        assert client.get(page).context["paginator"].count == 40
    serve(campaign(1, act(Do.EXCLUDE, gone), where=[HOME, CATALOGUE, SEARCH]))
    assert gone not in [key for row in rows(client.get("/")).values() for key in row]
    for page in ("/catalogue/?", "/search/?q=product&", "/catalogue/?sort_by=price-asc&"):
        pages = [client.get(f"{page}page={number}") for number in (1, 2)]
        assert {one.context["paginator"].count for one in pages} == {39}
        together = [key for one in pages for key in shown(one)]
        assert sorted(together) == sorted(set(listed) - {gone})
        assert [count for _, count in pages[0].context["facets"]["fields"]["product_class"]] == [39]
    odd = client.get(Category.objects.get(name="Even").get_absolute_url())
    assert odd.context["paginator"].count == 20


def test_only_narrows_a_list_but_not_one_that_was_sorted_by_hand(client, listed):
    serve(campaign(1, act(Do.ONLY, *listed[:5]), where=[CATALOGUE]))
    response = client.get("/catalogue/")
    assert sorted(shown(response)) == listed[:5]
    assert response.context["paginator"].count == 5
    assert client.get("/catalogue/?sort_by=price-asc").context["paginator"].count == 40


def test_a_list_shows_pins_and_slots_and_says_so(client, listed):
    usual = shown(client.get("/catalogue/"))
    serve(campaign(1, pin(usual[19]), slot(3, 3, usual[10], usual[15]), where=[CATALOGUE]))
    response = client.get("/catalogue/")
    assert shown(response)[:4] == [usual[19], usual[0], usual[10], usual[1]]
    assert [label for _, label in cards(response)[:4]] == ["Chosen by us", "", "Chosen by us", ""]
    assert sorted(shown(response) + shown(client.get("/catalogue/?page=2"))) == listed


@pytest.mark.parametrize("strength", [0, 100])
def test_campaigns_act_where_nothing_else_moves_a_list(client, listed, settings, strength):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": strength}
    if strength:
        settings.PERSONALIZATION["SNAPSHOT_DIR"] += "-empty"
        active_snapshot.reset_active_snapshot()
    usual = shown(client.get("/catalogue/"))
    serve(campaign(1, pin(usual[5]), act(Do.BOOST, usual[10], strength=3), where=[CATALOGUE]))
    response = client.get("/catalogue/")
    assert shown(response)[:3] == [usual[5], usual[10], usual[0]]
    assert response.context["personal_sort"] is None
    assert [label for _, label in cards(response)[:2]] == ["Chosen by us", ""]


@pytest.mark.parametrize("asked", ["sort_by=price-asc", "sort_by=relevancy", "selected_facets=price:[0 TO 20]"])
def test_a_sort_of_the_visitors_own_and_a_price_leave_campaigns_aside(client, listed, asked):
    usual = shown(client.get(f"/catalogue/?{asked}"))
    serve(campaign(1, pin(usual[5]), where=[CATALOGUE]))
    assert shown(client.get(f"/catalogue/?{asked}")) == usual


def test_who_turned_our_order_off_sees_no_pins(client, listed):
    client.cookies[cookies.SORT_COOKIE] = "off"
    usual = shown(client.get("/catalogue/"))
    serve(campaign(1, pin(usual[5]), where=[CATALOGUE]))
    assert shown(client.get("/catalogue/")) == usual


def test_a_sold_out_pin_steps_aside_in_rows_and_lists(client, trained_and_indexed):
    _, products = trained_and_indexed
    gone, other = products[39], products[38]
    serve(campaign(1, pin(gone.pk, other.pk), where=[BESTSELLERS, CATALOGUE]))
    assert rows(client.get("/"))["bestsellers"][:2] == [gone.pk, other.pk]
    assert shown(client.get("/catalogue/"))[:2] == [gone.pk, other.pk]
    tea.sell_out(gone)
    assert gone.pk not in rows(client.get("/"))["bestsellers"]
    assert rows(client.get("/"))["bestsellers"][1] == other.pk
    pages = [client.get(f"/catalogue/?page={number}") for number in (1, 2)]
    assert shown(pages[0])[1] == other.pk
    assert shown(pages[0])[0] != gone.pk
    together = [key for one in pages for key in shown(one)]
    assert sorted(together) == [product.pk for product in products]


def test_a_pin_may_show_what_is_sold_out_without_a_button(client, trained):
    gone = trained[1][39]
    tea.sell_out(gone)
    serve(campaign(1, pin(gone.pk, sold_out=True), where=[BESTSELLERS]))
    response = client.get("/")
    assert rows(response)["bestsellers"][0] == gone.pk
    first = CARD.findall(response.content.decode())[0]
    assert "<form" not in first and "Unavailable" in first and "View product" in first
    item = ApiClient(client).get("surfaces/home/?include=product").json()["rows"][0]["items"][0]
    assert (item["product"]["available"], item["product"]["addable_in_one_click"]) == (False, False)


def test_a_slot_gives_the_place_of_what_sold_out_to_the_next(client, trained_and_indexed):
    usual = shown(client.get("/catalogue/"))
    products = {product.pk: product for product in trained_and_indexed[1]}
    serve(campaign(1, slot(1, 1, *usual[10:14]), where=[CATALOGUE]))
    assert shown(client.get("/catalogue/"))[0] == usual[10]
    tea.sell_out(products[usual[10]])
    assert shown(client.get("/catalogue/"))[0] == usual[11]


def test_words_of_a_search_decide(client, listed):
    words = (WordList(("product", "7"), WordMatch.ALL),)
    usual = shown(client.get("/search/?q=product"))
    serve(campaign(1, pin(usual[5]), where=[Place("search", searches=words)]))
    assert shown(client.get("/search/?q=product")) == usual
    assert shown(client.get("/search/?q=7 PRÓDUCT"))[0] == usual[5]
    serve()
    assert shown(client.get("/search/?q=7 PRÓDUCT"))[0] != usual[5]


def test_a_campaign_for_customers_leaves_others_alone_and_the_page_private(client, listed, trained_and_indexed):
    usual = shown(client.get("/catalogue/"))
    assert "private" not in client.get("/catalogue/").get("Cache-Control", "")
    serve(campaign(1, pin(usual[9]), where=[CATALOGUE], who=Audience(People.CUSTOMERS)))
    response = client.get("/catalogue/")
    assert shown(response) == usual
    assert "private" in response["Cache-Control"]
    client.force_login(trained_and_indexed[0][0])
    assert shown(client.get("/catalogue/"))[0] == usual[9]


@pytest.mark.parametrize("page", ["/", "/catalogue/", "/search/?q=product"])
def test_campaigns_cost_no_query(client, listed, trained_and_indexed, page, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 3_600)  # nothing is looked for meanwhile
    client.force_login(trained_and_indexed[0][1])

    def count():
        client.get(page)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(page)
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    without = count()
    everywhere = [HOME, CATALOGUE, SEARCH]
    serve(
        campaign(1, pin(listed[39], listed[38]), slot(4, 5, *listed[:20]), where=everywhere),
        campaign(2, act(Do.EXCLUDE, listed[3]), act(Do.BOOST, *listed[10:30]), where=everywhere),
    )
    assert count() == without


def test_a_target_too_large_for_the_engine_stands_at_the_very_end(client, listed, monkeypatch):
    monkeypatch.setattr("personalization.decide.list_campaigns.MAX_ENGINE_KEYS", 3)
    assert MAX_ENGINE_KEYS == 200
    serve(campaign(1, act(Do.EXCLUDE, *listed[:5]), where=[CATALOGUE]))
    pages = [client.get(f"/catalogue/?page={number}") for number in (1, 2)]
    assert pages[0].context["paginator"].count == 40
    assert sorted(shown(pages[1])[-5:]) == listed[:5]


def test_an_engine_that_cannot_leave_products_out_has_them_at_the_very_end(client, listed, monkeypatch):
    monkeypatch.setattr("personalization.oscar.listing_views.filter_for_campaigns", lambda found, wanted: found)
    serve(campaign(1, act(Do.EXCLUDE, *listed[:5]), where=[CATALOGUE]))
    assert sorted(shown(client.get("/catalogue/?page=2"))[-5:]) == listed[:5]


def test_the_page_of_one_row_has_what_is_pinned_on_its_first_page_only(client, trained):
    _, products = trained
    pinned = products[39].pk
    serve(campaign(1, pin(pinned, place=2), act(Do.EXCLUDE, products[0].pk), where=[HOME]))
    first = client.get("/personalization/rows/home/bestsellers/")
    listed = [item.product_id for item in first.context["slate"].rows[0].items]
    assert listed[1] == pinned
    assert products[0].pk not in listed
    assert len(set(listed)) == len(listed)


def test_rows_without_a_snapshot_obey_campaigns_too(client):
    _, products = shop.even_and_odd(weeks=1)
    usual = rows(client.get("/"))
    serve(campaign(1, pin(products[0].pk), act(Do.EXCLUDE, usual["latest"][1]), where=[HOME]))
    assert rows(client.get("/"))["latest"] == [products[0].pk, usual["latest"][0], *usual["latest"][2:]]


def test_who_is_not_interested_in_a_product_sees_no_pin_of_it(client, trained_and_indexed):
    users, products = trained_and_indexed
    client.force_login(users[1])
    pinned = products[20].pk
    serve(campaign(1, pin(pinned), where=[BESTSELLERS, CATALOGUE]))
    assert shown(client.get("/catalogue/"))[0] == pinned
    visitor = Visitor.objects.get(user=users[1])
    visitor.set_preference("product", pinned, -1, time.time())
    assert shown(client.get("/catalogue/"))[0] != pinned
    assert pinned not in rows(client.get("/"))["bestsellers"]


def test_the_api_says_that_the_shop_chose_an_item_and_not_by_which_campaign(client, trained):
    _, products = trained
    serve(campaign(1, pin(products[39].pk, sponsored=True), where=[BESTSELLERS], name="Secret"))
    response = ApiClient(client).get("surfaces/home/")
    first, second = response.json()["rows"][0]["items"][:2]
    assert first["placed_by"] == {"label": "Sponsored", "sponsored": True}
    assert second["placed_by"] is None
    assert "Secret" not in response.content.decode()


def test_the_filter_is_part_of_the_engines_query(listed):
    found = search_engine.base_sqs()
    narrowed = search_engine.filter_for_campaigns(found, EngineFilter((listed[0],), tuple(listed[:4])))
    assert isinstance(narrowed.query, WhooshSearchQuery)
    assert sorted(int(hit.pk) for hit in narrowed) == listed[1:4]
    assert narrowed.count() == 3


def test_haystacks_simple_engine_knows_no_filter_and_has_excluded_products_at_the_very_end(client, listed, monkeypatch):
    monkeypatch.setitem(
        connections.connections_info, "default", {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}
    )
    connections.reload("default")
    try:
        usual = client.get("/search/?q=product")
        assert usual.context["paginator"].count == 40
        serve(campaign(1, act(Do.EXCLUDE, *listed[:5]), pin(listed[39]), where=[SEARCH]))
        pages = [client.get(f"/search/?q=product&page={number}") for number in (1, 2)]
    finally:
        monkeypatch.undo()
        connections.reload("default")
    assert pages[0].context["paginator"].count == 40
    assert shown(pages[0])[0] == listed[39]
    assert sorted(shown(pages[1])[-5:]) == listed[:5]


def test_the_results_of_another_engine_are_ranked_with_campaigns_too(client, trained):
    _, products = trained
    keys = [product.pk for product in products][:10]
    asked = {"products": keys, "query": "product", "limit": 5}
    usual = ApiClient(client).post("rank/", asked).json()
    assert usual["placements"] == []
    one = campaign(1, pin(usual["products"][9], 10**9), act(Do.EXCLUDE, usual["products"][0]), where=[SEARCH])
    serve(one)
    ranked = ApiClient(client).post("rank/", asked).json()
    assert ranked["products"] == [usual["products"][9], *usual["products"][1:9], usual["products"][0]]
    assert ranked["placements"] == [{"id": usual["products"][9], "label": "Chosen by us", "sponsored": False}]
    tea.sell_out(next(product for product in products if product.pk == usual["products"][9]))
    again = ApiClient(client).post("rank/", asked).json()
    assert again["products"] == [*usual["products"][1:], usual["products"][0]]
    assert again["placements"] == []


def test_a_ranked_list_obeys_campaigns_and_says_what_they_placed(rf, trained, django_user_model):
    _, products = trained
    request = rf.get("/")
    request.user = AnonymousUser()
    request.strategy = visits.Selector().strategy()
    request.session = {}
    visit = visits.anonymous_visit(request)
    usual = [item.item_id for item in recommend("home", visit, top=5)]
    rare = products[39].pk
    one = campaign(1, pin(rare, place=2), act(Do.EXCLUDE, usual[0]))
    ranked = recommend("home", replace(visit, rules=rules(one)), top=5)
    assert [item.item_id for item in ranked] == [usual[1], rare, *usual[2:5]]
    assert [item.placed_by and item.placed_by.name for item in ranked] == [None, "Spring", None, None, None]
    assert (ranked[1].reason.code, ranked[1].explanation) != ("", "")
    tea.sell_out(products[39])
    assert rare not in [item.item_id for item in recommend("home", replace(visit, rules=rules(one)), top=5)]


def test_what_was_placed_is_reported_with_its_campaign(client, trained_and_indexed):
    users, products = trained_and_indexed
    client.force_login(users[1])
    serve(campaign(7, pin(products[39].pk), where=[BESTSELLERS, CATALOGUE]))
    for page in ("/", "/catalogue/"):
        response = client.get(page)
        tokens = re.findall(r'data-slate="([^"]+)"', response.content.decode())
        items = [item for token in tokens for item in signing.loads(token, salt=SALT)[11:12] or [None]]
        assert any("7:1" in str(item) for item in items)


ENTRY = re.compile(r'<a class="dropdown-item" href="/catalogue/category/[^"]+">([^<]+)</a>')


def test_the_menu_obeys_campaigns_for_strangers_too_as_far_as_they_are_for_everybody(client):
    names = ("Bread", "Cake", "Coffee", "Dairy", "Tea")
    keys = {name: create_from_breadcrumbs(name).pk for name in names}
    menu = [Place("navigation")]
    serve(
        campaign(1, pin(keys["Tea"]), act(Do.EXCLUDE, keys["Cake"]), where=menu),
        campaign(2, act(Do.BOOST, keys["Dairy"]), where=menu),
        campaign(3, pin(keys["Bread"], place=3), where=menu, who=Audience(People.VISITORS)),
    )
    response = client.get("/catalogue/")
    assert ENTRY.findall(response.content.decode()) == ["Tea", "Bread", "Dairy", "Coffee"]
    listed = ApiClient(client).get("navigation/").json()["menu"]
    assert [one["name"] for one in listed] == ["Tea", "Bread", "Dairy", "Coffee"]
    serve()
    assert ENTRY.findall(client.get("/catalogue/").content.decode()) == list(names)


def test_the_explanation_of_a_list_is_the_pages_and_says_what_each_action_did(client, trained_and_indexed):
    users, products = trained_and_indexed
    client.force_login(users[1])
    first, second = shown(client.get("/search/?q=product"))[:2]
    one = campaign(1, pin(products[38].pk, first), act(Do.EXCLUDE, first), where=[SEARCH])
    serve(one)
    page = shown(client.get("/search/?q=product"))
    assert page[:2] == [products[38].pk, second]
    visit = replace(Visit(time.time(), None), query="product", candidate_products=tuple(page), rules=rules(one))
    trace = explain_list(visit, places=20)
    (resolution,) = trace.resolutions
    assert trace.rerankings[0].result == resolution.order
    assert [(one.action, one.outcome) for one in resolution.outcomes] == [
        (1, "removed"),
        (0, "placed"),
        (0, "excluded_by_campaign"),
    ]


def test_a_row_says_what_each_action_did(client, trained, rf):
    _, products = trained
    tea.sell_out(products[39])
    request = rf.get("/")
    request.user, request.session, request.strategy = AnonymousUser(), {}, visits.Selector().strategy()
    best = rows(client.get("/"))["bestsellers"]
    one = campaign(
        1, pin(products[39].pk, best[0], best[3]), act(Do.EXCLUDE, best[0]), slot(4, 4, 10**9), where=[BESTSELLERS]
    )
    visit = replace(visits.anonymous_visit(request), rules=rules(one))
    slate, trace = explain_slate("home", visit)
    (row,) = (row for row in trace.rows if row.row.type.code == "bestsellers")
    assert [(one.action, one.outcome, dict(one.facts)) for one in row.outcomes] == [
        (1, "removed", {"products": (best[0],)}),
        (0, "may_not_stand", {"cause": "not_buyable"}),
        (0, "excluded_by_campaign", {"by": 1}),
        (0, "placed", {"place": 3}),
        (2, "matched_nothing", {}),
    ]
    assert trace.why_left_out(row, product_ref(best[0])) == ("excluded_by_campaign", {"campaign": 1})
    assert slate.rows[0].items[2].product_id == best[3]
