"""What the example shop changes of Oscar's own pages: the categories beside a list, and how prices read."""

import re

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override
from haystack.models import SearchResult
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category
from oscar.templatetags.currency_filters import currency

from example_shop.templatetags.search_categories import categories_of_results
from tests.shops import factories as shop

TRAILS = ["Dairy > Milk > White", "Dairy > Milk > Chocolate", "Dairy > Cheese > Feta", "Pets > Cats > Food"]


@pytest.fixture
def tree(db):
    for trail in TRAILS:
        create_from_breadcrumbs(trail)
    return {category.name: category for category in Category.objects.all()}


def beside_the_list(category=None):
    """The names beside a list, as they stand there, and the one that is marked."""
    above = category.get_ancestors_and_self() if category else []
    page = render_to_string("example_shop/category_branch.html", {"parent": None, "open": above, "category": category})
    return re.findall(r"<a [^>]*>([^<]+)</a>", page), re.findall(r'aria-current="page">([^<]+)<', page)


def test_the_catalogue_lists_the_top_level_only(tree):
    assert beside_the_list() == (["Dairy", "Pets"], [])


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("Dairy", ["Dairy", "Milk", "Cheese", "Pets"]),
        ("Milk", ["Dairy", "Milk", "White", "Chocolate", "Cheese", "Pets"]),
        ("White", ["Dairy", "Milk", "White", "Chocolate", "Cheese", "Pets"]),
        ("Food", ["Dairy", "Pets", "Cats", "Food"]),
    ],
)
def test_a_category_has_its_own_branch_open(tree, name, listed):
    assert beside_the_list(tree[name]) == (listed, [name])


def test_each_list_of_an_open_branch_costs_what_oscars_tree_does(tree):
    for category in tree.values():
        category.get_absolute_url()  # which Oscar caches
    with CaptureQueriesContext(connection) as queries:
        beside_the_list()
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        beside_the_list(tree["White"])
    assert len(queries) == 1 + 3 * 2  # the categories above it, too


def test_a_search_lists_the_categories_of_its_products_best_hit_first(tree):
    feta, white, cocoa = (
        shop.create_shop_product(title, tree[category])
        for title, category in (("Feta", "Feta"), ("Milk", "White"), ("Cocoa milk", "Chocolate"))
    )
    nowhere = shop.create_shop_product("Gift card")
    results = [SearchResult("catalogue", "product", str(one.pk), 1.0) for one in (white, nowhere, feta, cocoa)]
    with CaptureQueriesContext(connection) as queries:
        assert categories_of_results(results) == [tree["Milk"], tree["Cheese"]]
    assert len(queries) == 2
    assert categories_of_results([]) == []


def test_prices_read_as_the_language_of_the_page_has_them():
    with override("en-gb"):
        assert (currency("1234.5"), currency(-1), currency(1, "EUR")) == ("$1,234.50", "-$1.00", "€1.00")
    with override("de"):
        assert currency("1234.5") == "1.234,50\xa0$"
