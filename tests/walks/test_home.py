"""The home page through the front doors: orders in the shop's tables, a training run, a request."""

import pytest
from django.core.management import call_command
from django.urls import reverse
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from personalization.decide import active_snapshot
from tests.shops import factories as shop
from tests.shops import tea

pytestmark = pytest.mark.django_db


def rows(response):
    return {row.type: row for row in response.context["slate"].rows}


def shown(response):
    return [item.product_id for row in response.context["slate"].rows for item in row.items]


@pytest.mark.usefixtures("rows_of_one_line")
def test_an_odd_customer_sees_odd_products_in_every_personal_row(client, trained):
    users, products = trained
    client.force_login(users[1])
    personal = [row for row in rows(client.get("/")).values() if row.personal]
    assert [row.type for row in personal] == ["buy_again", "popular_in_category"]
    odd = {product.pk for product in products[1::2]}
    assert {item.product_id for row in personal for item in row.items} <= odd


def test_what_was_bought_just_now_stands_last_each_with_its_day(client, trained):
    users, _ = trained
    client.force_login(users[1])
    first = rows(client.get("/"))["buy_again"].items[0].product_id
    shop.create_past_order(users[1], [Product.objects.get(pk=first)], days_ago=0)
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()  # on a fast machine it is no second since the last look
    response = client.get("/")
    items = rows(response)["buy_again"].items
    assert items[-1].product_id == first and len(items) > 1
    assert all(item.explanation.startswith("Last bought ") for item in items)
    assert items[0].explanation in response.content.decode()


def test_an_anonymous_visitor_sees_bestsellers_and_nothing_called_personal(client, trained):
    response = client.get("/")
    assert list(rows(response)) == ["bestsellers", "trending", "bestsellers_in_category"]
    assert not any(row.personal for row in response.context["slate"].rows)
    assert rows(response)["bestsellers"].items[0].explanation == "Bought by 12 customers in 28 days"


def test_two_customers_see_different_shops(client, trained):
    users, _ = trained
    client.force_login(users[0])
    even = shown(client.get("/"))
    client.force_login(users[1])
    assert set(even[:6]).isdisjoint(shown(client.get("/"))[:6])


def test_because_you_bought_shows_what_is_new_to_the_customer(client, db):
    products = tea.trained()
    newcomer = shop.create_past_order(shop.create_customer("new"), [products[tea.TEAS[0]]], 1)
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    client.force_login(newcomer.user)
    row = rows(client.get("/"))["because_you_bought"]
    assert row.title == f"Because you bought {tea.TEAS[0]}"
    assert {item.product.title for item in row.items} == set(tea.CAKES)


def test_no_product_stands_twice_on_a_page(client, trained):
    users, _ = trained
    client.force_login(users[4])
    assert len(shown(client.get("/"))) == len(set(shown(client.get("/")))) > 6


def test_what_lies_in_the_basket_is_not_offered(client, trained):
    users, products = trained
    client.force_login(users[1])
    client.post(reverse("basket:add", args=[products[1].pk]), {"quantity": 1})
    assert products[1].pk not in shown(client.get("/"))


def test_an_anonymous_basket_counts_too(client, trained):
    _, products = trained
    client.post(reverse("basket:add", args=[products[0].pk]), {"quantity": 1})
    assert products[0].pk not in shown(client.get("/"))


def test_what_cannot_be_bought_any_more_is_gone_at_once(client, trained):
    users, products = trained
    client.force_login(users[1])
    StockRecord.objects.filter(product=products[1]).update(num_in_stock=0)
    Product.objects.filter(pk=products[3].pk).update(is_public=False)
    products[5].delete()
    assert {products[1].pk, products[3].pk, products[5].pk}.isdisjoint(shown(client.get("/")))


def test_a_shop_where_almost_everything_sold_out_still_fills_a_row(client, trained):
    _, products = trained
    StockRecord.objects.exclude(product__in=products[37:]).update(num_in_stock=0)
    assert sorted(shown(client.get("/"))) == [product.pk for product in products[37:]]


def test_the_reason_never_names_a_hidden_product(client, trained):
    _, products = trained
    newcomer = shop.create_past_order(shop.create_customer("new"), [products[5]], 1).user
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    Product.objects.filter(pk=products[5].pk).update(is_public=False)
    client.force_login(newcomer)
    response = client.get("/")
    assert "because_you_bought" not in rows(response)
    assert "Product 5" not in response.content.decode()


def test_new_products_have_their_row(client, trained):
    fresh = [shop.create_shop_product(f"Fresh {n}", days_old=n) for n in range(1, 5)]
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    new = rows(client.get("/"))["new_in"]
    assert [item.product_id for item in new.items] == [product.pk for product in fresh]
    assert new.items[0].explanation.startswith("Added ")


def test_a_product_with_variants_is_one_card_and_its_children_none(client, trained):
    users, _ = trained
    parent = create_product(title="Shirt", structure="parent", product_class="Grocery")
    sizes = [
        create_product(title=size, structure="child", parent=parent, price="9.00", num_in_stock=5) for size in "SML"
    ]
    for n, user in enumerate(users):
        shop.create_past_order(user, [sizes[n % 3]], days_ago=1)
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    ids = shown(client.get("/"))
    assert parent.pk in ids
    assert {size.pk for size in sizes}.isdisjoint(ids)


def test_an_order_changes_the_next_page_without_a_training_run(client, trained, django_capture_on_commit_callbacks):
    from oscar.apps.order.signals import order_placed

    users, products = trained
    for days_ago in range(2, 6):  # of a purchase only the day is known: one of yesterday may be due, or not
        placed = shop.create_past_order(users[1], [products[2]], days_ago=days_ago)
    with django_capture_on_commit_callbacks(execute=True):
        order_placed.send(sender=None, order=placed, user=users[1])
    client.force_login(users[1])
    again = rows(client.get("/"))["buy_again"].items
    assert products[2].pk in [item.product_id for item in again[:3]]


def test_a_personal_page_is_kept_out_of_shared_caches(client, trained):
    response = client.get("/")
    assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
    assert "Cookie" in response["Vary"]
