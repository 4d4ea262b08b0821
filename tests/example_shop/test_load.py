"""The journey in Oscar's own tables."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import Count, Sum
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.analytics.models import ProductRecord, UserRecord
from oscar.apps.catalogue.models import Category, Product, ProductClass
from oscar.apps.order.models import Line, Order
from oscar.apps.partner.models import StockRecord

from example_shop.journey.load import (
    ADMIN,
    PASSWORD,
    ForeignShop,
    category_tree,
    household_email,
    load_journey,
    loaded_size,
    refuse_a_foreign_shop,
    stock_levels,
)
from example_shop.journey.sensitive import is_sensitive
from personalization.models import SensitiveCategory
from personalization.shop import catalogue
from tests.shops.journey_slice import loaded_slice

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded(journey):
    loaded_slice()
    return journey


def test_every_basket_is_an_order_and_every_line_a_line(loaded):
    assert Product.objects.count() == 200
    assert Order.objects.count() == loaded.lines["basket"].nunique()
    assert Line.objects.count() == len(loaded.lines)
    assert Line.objects.aggregate(all=Sum("quantity"))["all"] == loaded.lines["quantity"].sum()
    assert set(Order.objects.values_list("status", flat=True)) == {"Complete", "Cancelled"}
    assert loaded_size() == "small"


def test_an_order_costs_what_its_lines_cost(loaded):
    orders = Order.objects.annotate(summed=Sum("lines__line_price_incl_tax"))
    assert all(order.total_incl_tax == order.summed for order in orders)


def test_the_last_order_was_placed_yesterday(loaded):
    last = Order.objects.order_by("-date_placed").first()
    assert last.date_placed.date() == now().date() - timedelta(days=1)


def test_a_household_is_a_customer_with_its_own_orders(loaded):
    number = loaded.households.index[0]
    customer = User.objects.get(email=household_email(number))
    baskets = loaded.lines[loaded.lines["household"] == number]["basket"]
    assert customer.orders.count() == baskets.nunique()
    assert customer.check_password(PASSWORD)
    assert customer.date_joined < customer.orders.order_by("date_placed").first().date_placed
    assert User.objects.count() == 30 + 2


def test_the_category_tree_is_one_that_treebeard_would_have_built(loaded):
    assert Category.find_problems() == ([], [], [], [], [])
    before = list(Category.objects.order_by("pk").values())
    Category.fix_tree()
    assert list(Category.objects.order_by("pk").values()) == before
    assert Product.objects.annotate(shelves=Count("categories")).exclude(shelves=1).count() == 0


def test_a_name_that_repeats_the_one_around_it_makes_no_category_of_its_own():
    tree = category_tree([("Deli", "Cheese"), ("Deli",), ("Bakery", "Bread", "Rye")])
    assert tree["path"].to_dict() == {
        ("Deli",): "0001",
        ("Deli", "Cheese"): "00010001",
        ("Bakery",): "0002",
        ("Bakery", "Bread"): "00020001",
        ("Bakery", "Bread", "Rye"): "000200010001",
    }
    assert tree["numchild"].tolist() == [1, 0, 1, 1, 0]


def test_some_products_are_sold_out_and_no_bestseller_is():
    levels = stock_levels(1500)
    assert (levels[:20] >= 20).all()
    assert 0.02 < (levels == 0).mean() < 0.06
    assert (levels == stock_levels(1500)).all()


def test_products_have_a_price_a_picture_a_brand_and_a_size(loaded):
    milk = Product.objects.get(upc="CJ-00001")
    record = StockRecord.objects.get(product=milk)
    assert (milk.title, float(record.price)) == tuple(loaded.products.loc[0, ["title", "price"]])
    assert milk.images.get().original.name == "images/products/CJ-00001.png"
    assert milk.attr.brand == loaded.products.loc[0, "brand"]
    assert milk.date_created == loaded.products.loc[0, "first_sold"]


def test_oscars_analytics_count_the_same_sales(loaded):
    best = ProductRecord.objects.get(product__upc="CJ-00001")
    assert best.num_purchases == loaded.lines[loaded.lines["product"] == 0]["quantity"].sum()
    assert UserRecord.objects.aggregate(all=Sum("num_orders"))["all"] == Order.objects.count()


def test_the_shops_next_rows_get_numbers_of_their_own(journey):
    load_journey(journey, "small")
    added = Product.objects.create(title="New", product_class=ProductClass.objects.get())
    assert added.pk == 201
    User.objects.create_user("someone", "someone@example.com", "x")


@pytest.mark.parametrize("page", ["dashboard:index", "dashboard:order-list", "dashboard:users-index"])
def test_the_dashboards_lists_open(loaded, client, page):
    assert client.login(username=ADMIN, password=PASSWORD)
    assert client.get(reverse(page)).status_code == 200


def test_an_order_opens_in_the_dashboard_and_in_the_customers_account(loaded):
    order = Order.objects.filter(status="Complete").first()
    staff, customer = Client(), Client()
    staff.force_login(User.objects.get(email=ADMIN))
    customer.force_login(order.user)
    title = order.lines.first().title
    for client, page in (
        (staff, reverse("dashboard:order-detail", args=[order.number])),
        (customer, reverse("customer:order", args=[order.number])),
    ):
        response = client.get(page)
        assert response.status_code == 200
        assert title in response.content.decode().replace("&amp;", "&")
    assert order.number in customer.get(reverse("customer:order-list")).content.decode()


def test_an_interrupted_load_leaves_nothing_and_the_next_one_is_whole(journey):
    def interrupt(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_journey(journey, "small", interrupt)
    assert (loaded_size(), Product.objects.count(), User.objects.count()) == (None, 0, 0)
    load_journey(journey, "small")
    assert Line.objects.count() == len(journey.lines)


def test_a_shop_that_the_demo_did_not_make_is_told_apart(journey):
    refuse_a_foreign_shop()
    User.objects.create_user("owner", "owner@example.com", "x")
    with pytest.raises(ForeignShop, match=r"did not make \(0 products, 0 orders, 1 users\)"):
        refuse_a_foreign_shop()


def test_the_demos_own_shop_is_not_a_foreign_one(loaded):
    refuse_a_foreign_shop()


def test_what_says_too_much_of_a_person_is_sensitive(loaded):
    sensitive = {str(one.category) for one in SensitiveCategory.objects.select_related("category")}
    assert "Beer, wine & spirits" in sensitive
    products = catalogue.sensitive_products(Product.objects.values_list("pk", flat=True))
    flagged = set(loaded.products["title"][is_sensitive(loaded.products)])
    assert set(Product.objects.filter(pk__in=products).values_list("title", flat=True)) == flagged
    assert 0 < len(products) < 20
