"""Oscar's lists of products in the visitor's order, on the real search engine."""

from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from haystack import connections
from haystack.backends.whoosh_backend import WhooshSearchBackend
from haystack.query import RelatedSearchQuerySet
from hypothesis import HealthCheck, example, given
from hypothesis import settings as trying
from hypothesis import strategies as some
from oscar import VERSION
from oscar.apps.catalogue.models import Product
from oscar.apps.search.forms import BrowseCategoryForm
from oscar.apps.search.search_indexes import ProductIndex
from oscar.apps.search.views.catalogue import CatalogueView
from oscar.core.loading import get_class
from oscar.test.factories import create_product

from personalization import serve
from personalization.oscar import listing_views, reranked_results, visits
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

base_sqs = get_class("search.facets", "base_sqs")


@pytest.fixture
def trained(trained_and_indexed):
    return trained_and_indexed


@pytest.fixture
def setting(settings):
    def change(**given):
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, **given}

    return change


@pytest.fixture
def pages_of(monkeypatch):
    """How many products stand on a page."""
    return lambda size: monkeypatch.setattr(CatalogueView, "paginate_by", size)


def found(**asked):
    """The keys of all that the engine finds, in its order, by a single question."""
    hits = BrowseCategoryForm({"q": "", **asked}, searchqueryset=base_sqs(), load_all=False).search()
    return [int(hit.pk) for hit in hits[:1000]]


def shown(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def all_pages(client, **asked):
    """The first page, and the products of all pages together."""
    first = client.get("/catalogue/", asked)
    rest = [client.get("/catalogue/", {**asked, "page": n}) for n in first.context["paginator"].page_range[1:]]
    assert {page.context["paginator"].count for page in rest} <= {first.context["paginator"].count}
    return first, [key for page in (first, *rest) for key in shown(page)]


class Case(NamedTuple):
    window: int
    size: int
    sort_by: str
    strength: int
    gone: set[int]
    deleted: bool
    known: bool


CASES = some.builds(
    Case,
    window=some.integers(1, 45),
    size=some.integers(4, 15),
    sort_by=some.sampled_from(["", "relevancy", "price-asc", "title-desc"]),
    strength=some.integers(1, 100),
    gone=some.sets(some.integers(0, 39), max_size=9),
    deleted=some.booleans(),
    known=some.booleans(),
)


@trying(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES)
@example(case=Case(10, 7, "", 100, {0, 9, 39}, deleted=True, known=True))
def test_the_pages_together_hold_what_the_engine_finds_each_product_once(trained, setting, pages_of, case):
    users, products = trained
    client = Client()
    if case.known:
        client.force_login(users[1])
    setting(RERANK_WINDOW=case.window, RERANK_STRENGTH=case.strength)
    pages_of(case.size)
    hits, away = found(sort_by=case.sort_by), {products[number].pk for number in case.gone}
    with transaction.atomic():
        gone = Product.objects.filter(pk__in=away)
        _ = gone.delete() if case.deleted else gone.update(is_public=False)
        first, together = all_pages(client, sort_by=case.sort_by)
        transaction.set_rollback(True)
    remain = [key for key in hits if key not in away]
    window = case.window if case.sort_by == listing_views.RECOMMENDED else 0
    moved = len(set(hits[:window]) - away)
    assert sorted(together[:moved]) == sorted(remain[:moved])
    assert together[moved:] == remain[moved:]
    assert first.context["paginator"].count == len(hits) == 40


@pytest.fixture
def questions(monkeypatch):
    """What the engine is asked for: (first, last) of each question."""
    asked, search = [], WhooshSearchBackend.search

    def noted(backend, query, **given):
        asked.append((given["start_offset"], given.get("end_offset")))
        return search(backend, query, **given)

    monkeypatch.setattr(WhooshSearchBackend, "search", noted)
    return asked


def test_a_page_asks_the_engine_once(client, trained, setting, pages_of, questions):
    setting(RERANK_WINDOW=15)
    pages_of(10)
    for page in (1, 2, 3, 4):
        assert client.get("/catalogue/", {"page": page}).status_code == 200
    assert questions == [(0, 15), (0, 20), (20, 30), (30, 40)]


def test_a_window_longer_than_the_list_is_no_harm(client, trained, pages_of):
    pages_of(12)
    assert sorted(all_pages(client)[1]) == sorted(found())


def test_number_of_hits_of_pages_and_facets_are_the_engines(client, trained, setting):
    setting(RERANK_STRENGTH=0)
    plain = client.get("/catalogue/").context
    setting(RERANK_STRENGTH=100)
    ours = client.get("/catalogue/").context
    for name in ("facet_data", "facets", "has_facets", "selected_facets", "is_paginated"):
        assert ours[name] == plain[name]
    assert ours["paginator"].num_pages == plain["paginator"].num_pages == 2
    assert [count for _, count in plain["facets"]["fields"]["product_class"]] == [40]


def test_a_facet_that_was_chosen_narrows_the_list(client, trained):
    Product.objects.filter(pk__in=found()[:7]).update(title="Cheese")
    call_command("rebuild_index", interactive=False, verbosity=0)
    response = client.get("/catalogue/", {"q": "cheese", "selected_facets": "product_class:Grocery"})
    assert sorted(shown(response)) == sorted(found(q="cheese"))


def test_any_page_may_be_asked_for(client, trained):
    for page, status in [("last", 200), ("2", 200), ("3", 302), ("0", 302), ("-1", 302), ("x", 302), ("9" * 5000, 302)]:
        assert client.get("/catalogue/", {"page": page}).status_code == status


def test_the_last_page_can_be_asked_for_by_name(client, trained, setting, pages_of):
    setting(RERANK_WINDOW=10)
    pages_of(11)  # its seven hits do not begin at a multiple of seven
    assert shown(client.get("/catalogue/", {"page": "last"})) == found()[33:]


def test_a_shop_that_sorts_by_itself_has_that_order(client, trained, monkeypatch):
    every = BrowseCategoryForm.no_query_found
    monkeypatch.setattr(BrowseCategoryForm, "no_query_found", lambda form: every(form).order_by("-title_exact"))
    response = client.get("/catalogue/")
    assert shown(response) == found()[:20]
    assert response.context["personal_sort"] is None


@pytest.mark.skipif(VERSION < (4, 2), reason="Oscar 4.1 answers such a sort with an error of its own")
def test_an_explicit_sort_wins_even_one_that_oscar_does_not_know(client, trained):
    client.force_login(trained[0][1])
    for sort_by in ("price-asc", "title-asc", "title-desc", "newest", "rating", "nonsense"):
        response = client.get("/catalogue/", {"sort_by": sort_by})
        assert shown(response) == found(sort_by=sort_by if sort_by != "nonsense" else "")[:20]
        assert response.context["personal_sort"] is None


def test_with_the_dial_at_0_oscars_own_page_is_served(client, trained, setting, questions):
    setting(RERANK_STRENGTH=0)
    response = client.get("/catalogue/")
    assert shown(response) == found()[:20]
    assert response.context["personal_sort"] is None
    assert questions[:2] == [(0, 1), (0, 20)]


def test_before_anything_was_learned_the_engines_order_stands(client):
    shop.even_and_odd(weeks=1)
    call_command("rebuild_index", interactive=False, verbosity=0)
    response = client.get("/catalogue/")
    assert shown(response) == found()[:20]
    assert response.context["personal_sort"] is None


def test_a_search_for_nothing_and_one_that_finds_nothing_are_oscars(client, trained):
    for query in ("", "nonsense"):
        response = client.get("/search/", {"q": query})
        assert (response.status_code, shown(response)) == (200, [])
        assert response.context["personal_sort"] is None


def test_other_parts_of_the_page_know_what_stands_in_the_list(client, trained):
    response = client.get("/catalogue/")
    assert visits.shown_products(response.wsgi_request) == set(shown(response))


def test_what_else_the_engine_finds_stays_where_it_is():
    engine = reranked_results.SearchResult("flatpages", "flatpage", "1", 0)
    products = [reranked_results.SearchResult("catalogue", "product", str(key), 0) for key in (10, 20, 30)]
    hits = [products[0], engine, products[1], products[2]]
    ordered = reranked_results.reranked_hits(hits, lambda keys: keys[::-1])
    assert ordered == [products[2], engine, products[1], products[0]]


def test_the_cards_of_a_page_need_no_query_of_their_own(client, trained):
    parent = create_product(title="Shirt", structure="parent", product_class="Shirt")
    for size in "SML":
        create_product(title=size, structure="child", parent=parent, price="9.00", num_in_stock=5)
    call_command("rebuild_index", interactive=False, verbosity=0)
    client.get("/search/", {"q": "Shirt"})
    with CaptureQueriesContext(connection) as captured:
        response = client.get("/search/", {"q": "Shirt"})
    assert shown(response) == [parent.pk]
    of_products = [query for query in captured if 'FROM "catalogue_product"' in query["sql"]]
    assert len(of_products) == 2  # the page's, and the children of the parents among them


@pytest.mark.parametrize("broken", ["rerank", "rerank_basis"])
def test_when_our_order_fails_the_engines_stands_and_nothing_else_is_said(client, trained, monkeypatch, caplog, broken):
    monkeypatch.setattr(serve, broken, lambda visit: 1 / 0)
    response = client.get("/catalogue/")
    assert (response.status_code, shown(response)) == (200, found()[:20])
    assert response.context["personal_sort"] is None
    assert "ZeroDivisionError" in caplog.text


def test_when_the_visit_cannot_be_read_the_engines_order_stands(client, trained, monkeypatch):
    monkeypatch.setattr(visits, "visit_without_basket", lambda request: 1 / 0)
    assert shown(client.get("/catalogue/")) == found()[:20]


def test_an_order_that_forgets_a_product_is_none(client, trained, monkeypatch):
    monkeypatch.setattr(serve, "rerank", lambda visit: visit.candidate_products[1:])
    assert shown(client.get("/catalogue/")) == found()[:20]


def test_when_our_look_up_breaks_the_database_oscars_own_page_is_served(client, trained, monkeypatch):
    def broken(keys):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(reranked_results.catalogue, "products_with_stock", broken)
    response = client.get("/catalogue/")
    assert (response.status_code, shown(response)) == (200, found()[:20])
    assert b"product_pod" in response.content


def test_an_engine_that_cannot_give_so_many_hits_at_once_gives_a_page(client, trained, monkeypatch):
    search = WhooshSearchBackend.search

    def short(backend, query, **given):
        if given["end_offset"] - given["start_offset"] > 20:
            raise ValueError("the window is too large")
        return search(backend, query, **given)

    with monkeypatch.context() as patched:
        patched.setattr(WhooshSearchBackend, "search", short)
        response = client.get("/catalogue/")
    assert (response.status_code, shown(response)) == (200, found()[:20])
    assert response.context["paginator"].count == 40
    assert response.context["personal_sort"] is None


def test_a_shop_that_hides_products_in_its_index_has_them_hidden(client, trained, monkeypatch):
    away = found()[0]

    class OwnIndex(ProductIndex):
        def read_queryset(self, using=None):
            return super().read_queryset(using).exclude(pk=away)

    monkeypatch.setitem(connections["default"].get_unified_index()._indexes, Product, OwnIndex())
    _, together = all_pages(client)
    assert sorted(together) == sorted(set(found()) - {away})


def test_a_search_that_brings_its_own_look_up_keeps_it(client, trained, monkeypatch):
    some_products = Product.objects.filter(pk__in=found()[:3])
    monkeypatch.setattr(
        BrowseCategoryForm,
        "no_query_found",
        lambda form: RelatedSearchQuerySet(query=form.searchqueryset.query).load_all_queryset(Product, some_products),
    )
    assert sorted(shown(client.get("/catalogue/"))) == sorted(found()[:3])


def test_a_view_that_lists_other_things_is_left_alone(rf, trained):
    view = CatalogueView()
    view.setup(rf.get("/names/"))
    *_, page, _ = view.paginate_queryset(["one", "two", "three"], 2)
    assert page == ["one", "two"]
    assert view.list_reranking is None
