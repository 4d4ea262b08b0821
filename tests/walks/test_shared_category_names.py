"""A shop with shoes for women, men and kids: each page says whose."""

from time import time

import pytest
from django.core.management import call_command
from django.urls import reverse
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.models import Visitor
from personalization.shop.category_labels import SEPARATOR
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

WHOSE = ("Women", "Men", "Kids")


@pytest.fixture
def shoes():
    """The shoes of `build_shoes`."""
    return open_shop(build_shoes, with_index=True)


def build_shoes():
    """By whose they are, the eight shoes; six customers buy each, and two buy the kids' again and again."""
    shelves = {whose: create_from_breadcrumbs(f"{whose} > Shoes") for whose in WHOSE}
    found = {
        whose: [shop.create_shop_product(f"{whose[0]}-{number}", shelf) for number in range(8)]
        for whose, shelf in shelves.items()
    }
    for n in range(6):
        user = shop.create_customer(f"customer{n}")
        for whose in WHOSE:
            shop.create_past_order(user, found[whose], days_ago=2)
        for day in range(3, 9):
            shop.create_past_order(user, found["Kids" if n < 2 else "Women"][:4], days_ago=day)
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    return found


def shoes_of(whose):
    """What their shoes are called."""
    return f"{whose}{SEPARATOR}Shoes"


def titles(response):
    return [row.title for row in response.context["slate"].rows]


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("query", ["{} shoes", "shoes {}", "{}s shoe"])
def test_a_search_for_somebodys_shoes_leads_to_theirs(client, shoes, whose, query):
    found = client.get(reverse("search:search"), {"q": query.format(whose.lower().rstrip("s"))})
    assert [title for title in titles(found) if "Shoes" in title] == [f"Popular in {shoes_of(whose)}"]
    row = found.context["slate"].rows[0]
    assert {item.product_id for item in row.items} <= {product.pk for product in shoes[whose]}


def test_no_title_stands_twice_on_the_home_page(client, shoes):
    found = [title for title in titles(client.get("/")) if "Shoes" in title]
    assert len(found) == len(set(found)) > 0
    assert all(any(shoes_of(whose) in title for whose in WHOSE) for title in found)


def test_the_menu_the_api_and_the_data_page_say_whose(client, shoes, django_user_model):
    client.force_login(django_user_model.objects.get(username="customer0"))
    menu = client.get(reverse("personalization:api:navigation")).json()
    assert shoes_of("Kids") in [line["name"] for line in menu["shortcuts"]]
    page = client.get(reverse("personalization:privacy")).content.decode()
    assert f"<span>{shoes_of('Kids')}</span>" in page


def test_a_dismissed_category_is_called_by_its_whole_name(client, shoes, django_user_model):
    user = django_user_model.objects.get(username="customer0")
    client.force_login(user)
    key = shoes["Men"][0].categories.get().pk
    Visitor.objects.get(user=user).set_preference("category", key, -1, time())
    assert f"Everything from {shoes_of('Men')}" in client.get(reverse("personalization:privacy")).content.decode()


def test_more_of_a_category_says_which_before_training(client, db):
    shelves = [create_from_breadcrumbs(f"{whose} > Shoes") for whose in WHOSE]
    products = [shop.create_shop_product(f"{n}", shelves[n % 3]) for n in range(12)]
    page = client.get(products[1].get_absolute_url())
    assert [title for title in titles(page) if shoes_of("Men") in title] != []
