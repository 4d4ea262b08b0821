"""What is dated ahead, by an import or a wrong clock, has not happened yet."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product

from personalization.decide import active_snapshot
from personalization.profile import genome
from personalization.shop import orders
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_new_products():
    """(five products of the last days, the newest first; one of next year), of the even-and-odd shop after training."""
    shop.even_and_odd()
    new = [shop.create_shop_product(f"New {n}", days_old=n + 1) for n in range(5)]
    ahead = shop.create_shop_product("Next year's", days_old=-365)
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    return new, ahead


def shown(response, code):
    found = [row for row in response.context["slate"].rows if row.type == code]
    return [item.product_id for row in found for item in row.items]


def test_new_in_is_what_is_new_now(client, with_new_products):
    new, _ = with_new_products
    assert shown(client.get("/"), "new_in") == [product.pk for product in new]


def test_before_training_the_latest_are_the_latest_of_today(client):
    products = [shop.create_shop_product(f"{n}", days_old=n + 1) for n in range(3)]
    shop.create_shop_product("Next year's", days_old=-365)
    assert shown(client.get("/"), "latest") == [product.pk for product in products]


def test_before_training_it_is_the_last_of_its_category(client):
    shelf = create_from_breadcrumbs("Tea")
    products = [shop.create_shop_product(f"{n}", shelf, days_old=n + 1) for n in range(3)]
    ahead = shop.create_shop_product("Next year's", shelf, days_old=-365)
    response = client.get(products[0].get_absolute_url())
    assert shown(response, "more_in_category") == [products[1].pk, products[2].pk, ahead.pk]
    Product.objects.filter(pk=ahead.pk).update(date_created=now() - timedelta(hours=1))
    response = client.get(products[0].get_absolute_url())
    assert shown(response, "more_in_category") == [ahead.pk, products[1].pk, products[2].pk]


def test_an_order_ahead_is_no_purchase_yet():
    user, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    shop.create_past_order(user, [tea], days_ago=-3)
    moment = now().timestamp()
    assert genome.compute_genomes([user.pk], moment) == []
    assert orders.newest_order(until=moment) is None
    assert len(genome.compute_genomes([user.pk], moment + 4 * 86_400)) == 1


def test_a_view_ahead_leads_nowhere_yet(client, with_new_products):
    new, _ = with_new_products
    visitor = identify_browser(client)
    store_event(visitor, minutes_ago=-600, product_id=new[0].pk)
    assert shown(client.get("/"), "continue_shopping") == []
    store_event(visitor, minutes_ago=6, product_id=new[1].pk)
    assert shown(client.get("/"), "continue_shopping") == [new[1].pk]


def test_where_new_in_stands_the_rest_of_a_young_shop_is_not_called_new_again(client, with_new_products):
    titles = {row.type: row.title for row in client.get("/").context["slate"].rows}
    assert titles["new_in"] == "New in"
    assert titles.get("latest", "More from the shop") == "More from the shop"


def test_where_all_is_new_the_latest_are_called_so(client):
    products = [shop.create_shop_product(f"Tea {number}", days_old=1) for number in range(9)]
    shop.create_past_order(shop.create_customer("anna"), products[:1])
    call_command("personalization_train", verbosity=0)
    titles = {row.type: row.title for row in client.get("/").context["slate"].rows}
    assert "new_in" not in titles and titles["latest"] == "Latest additions"


def test_a_young_shop_with_some_new_products_has_two_rows_of_different_names(client):
    for number in range(30):
        shop.create_shop_product(f"Tea {number}", days_old=1 if number < 8 else 400)
    call_command("personalization_train", verbosity=0)
    titles = {row.type: row.title for row in client.get("/").context["slate"].rows}
    assert (titles["new_in"], titles["latest"]) == ("New in", "More from the shop")
