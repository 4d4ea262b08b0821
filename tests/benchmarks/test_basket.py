"""What our rows cost the page of the basket: queries and function calls, which are the same on every machine."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.apps.catalogue.models import Product

from benchmarks import basket as bench
from benchmarks.pages import asked, under
from tests.shops import breakfast
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def products():
    """Even ones go together, odd ones go together, and no two read alike."""
    return open_shop(build_products)


def build_products():
    _, made = shop.even_and_odd()
    for number, product in enumerate(made):
        Product.objects.filter(pk=product.pk).update(title=f"Thing{number}")
    call_command("personalization_train", verbosity=0)
    return made


def queries(get):
    """How many a request makes; without savepoints, and the look for a newer snapshot that is made now and then."""
    get()
    with CaptureQueriesContext(connection) as captured:
        get()
    return sum(query["sql"].startswith("SELECT") and "_snapshot" not in query["sql"] for query in captured)


def added(client, number):
    """How many queries more the page makes with so many cards than without us."""
    get = asked(client, reverse("basket:summary"))
    ours, plain = under(get, lambda: bench.cards(number)), under(get, bench.without_us)
    return queries(ours) - queries(plain)


@pytest.mark.parametrize(("lines", "number"), [(1, 15), (5, 10), (12, 8)])
def test_the_rows_of_a_strangers_basket_cost_the_same_few_queries_however_many_cards_and_lines(products, lines, number):
    least = added(bench.shopper(products[:1]), 5)
    assert added(bench.shopper(products[: 2 * lines : 2]), number) == least <= 3


def test_those_of_a_known_visitor_cost_one_more(products):
    client = bench.shopper(products[:1])
    stranger = added(client, 10)
    identify_browser(client)
    assert added(client, 10) == stranger + 1


def test_a_line_that_sold_out_costs_no_query(products):
    client = bench.shopper(products[:4])
    before = added(client, 5)
    products[0].stockrecords.update(num_in_stock=0)
    assert added(client, 5) == before


def test_ten_cards_cost_a_bounded_part_of_the_page(products):
    plain, ours = bench.both(bench.shopper(products[:10:2]), 10)
    assert ours.calls / plain.calls <= 1.25


def test_a_basket_of_hundreds_of_lines_is_decided_on_in_the_same_way(products, settings):
    settings.OSCAR_MAX_BASKET_QUANTITY_THRESHOLD = 10_000
    many = [shop.create_shop_product(f"More {number}") for number in range(150)]
    client = bench.shopper([products[0], *many])
    response = breakfast.get_basket_page(client)
    assert "add_ons" in [row.type for slate in breakfast.slates_of_page(response, "basket") for row in slate.rows]
    plain, ours = bench.both(client, 10)
    assert ours.calls / plain.calls <= 1.05
