"""Several sites on one database: whose orders count."""

import pytest
from django.contrib.sites.models import Site
from oscar.apps.order.models import Order

from personalization.shop import orders
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def sites():
    """(the shop's own site, another one); an order of each, and one that names none."""
    own, other = Site.objects.get(pk=1), Site.objects.create(pk=2, domain="other.example", name="Other")
    tea = shop.create_shop_product("Tea")
    for site in (own, other, None):
        placed = shop.create_past_order(None, [tea])
        Order.objects.filter(pk=placed.pk).update(site=site)
    return own, other


def counted():
    return set(orders.bought_lines().values_list("order__site_id", flat=True))


def test_orders_of_the_shops_own_site_count_and_those_of_none(sites):
    own, _ = sites
    assert counted() == {own.pk, None}


def test_orders_of_another_site_count_where_the_shop_says_so(sites, settings):
    own, other = sites
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ORDER_SITES": [other.pk]}
    assert counted() == {own.pk, other.pk, None}


def test_without_a_site_of_its_own_all_count_unless_the_shop_says_which(sites, settings):
    own, other = sites
    settings.SITE_ID = None
    assert counted() == {own.pk, other.pk, None}
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ORDER_SITES": [other.pk]}
    assert counted() == {other.pk, None}


def test_the_newest_order_is_one_that_counts(sites):
    _, other = sites
    newest = shop.create_past_order(None, [], days_ago=0)
    Order.objects.filter(pk=newest.pk).update(site=other)
    assert orders.newest_order(until=newest.date_placed.timestamp() + 1) < newest.date_placed.timestamp() - 80_000
