"""What a list in the visitor's order costs beside Oscar's own page, in queries and function calls."""

import pytest
from django.test import Client
from oscar.apps.catalogue.models import Category

from benchmarks.listing import ways_of
from benchmarks.pages import Page, count

pytestmark = pytest.mark.django_db

PLAIN, LOADED, WITHOUT = "Oscar's own", "... with load_all", "ours without the order"
ORDERED, DIAL, OFF = "in our order", "the shop's dial at 0", "switched off by the visitor"


@pytest.fixture
def customer(settings, trained_and_indexed):
    """A customer of the trained shop; no newer snapshot is looked for while calls are counted."""
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 3_600}
    return trained_and_indexed[0][1]


def costs(client, address, *names):
    """What the page costs, made in each of these ways."""
    ways = ways_of(client, address)
    return {name: count(Page(name, ways[name])) for name in names}


def addresses():
    return ["/catalogue/", Category.objects.get(name="Odd").get_absolute_url(), "/search/?q=product"]


def test_a_page_in_order_costs_less_than_oscars_own(customer):
    signed_in = Client()
    signed_in.force_login(customer)
    for client, plain in ((Client(), PLAIN), (signed_in, WITHOUT)):  # what else we put on a customer's page counts not
        catalogue, category, search = (costs(client, address, plain, ORDERED) for address in addresses())
        for cost in (catalogue, category):
            assert cost[ORDERED].calls <= 0.75 * cost[plain].calls
        for cost in (catalogue, category, search):  # Oscar's search page fetches its products together, too
            assert cost[ORDERED].calls <= cost[plain].calls
            assert cost[ORDERED].queries <= cost[plain].queries


def test_a_page_in_order_costs_no_more_than_one_that_fetches_its_products_together(customer):
    for address in addresses():
        cost = costs(Client(), address, LOADED, ORDERED)
        assert cost[ORDERED].calls <= 1.10 * cost[LOADED].calls, address
        assert cost[ORDERED].queries <= cost[LOADED].queries, address


def test_what_is_switched_off_costs_nothing(customer):
    signed_in = Client()
    signed_in.force_login(customer)
    for client in (Client(), signed_in):
        for address in addresses():
            cost = costs(client, address, WITHOUT, OFF, DIAL)
            for name in (OFF, DIAL):
                assert cost[name].queries <= cost[WITHOUT].queries, (name, address)
                reported = 1.01 if client is signed_in else 1.0  # what stands on the page is signed in any order
                assert cost[name].calls <= 1.01 * reported * cost[WITHOUT].calls, (name, address)
