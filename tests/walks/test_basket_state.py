"""What a page's script reads of the basket after it changed it by Oscar's own views."""

import pytest
from django.test import Client
from django.urls import reverse
from oscar.apps.basket.models import Basket
from oscar.apps.catalogue.models import Option
from oscar.apps.partner.models import StockRecord

from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

STATE = reverse("personalization:basket")
JSON = {"HTTP_ACCEPT": "application/json"}


def add(client, product, **more):
    """As the script does it: the answer after all redirects."""
    form = {"quantity": 1, "next": STATE}
    return client.post(
        reverse("basket:add", args=[product.pk]), form, follow=True, HTTP_REFERER=f"http://testserver{STATE}", **JSON
    )


def change(client, line, quantity):
    """As the script does it: Oscar's basket form with this line alone."""
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": line, "form-0-quantity": quantity}
    return client.post(reverse("basket:summary"), form, follow=True, HTTP_REFERER=f"http://testserver{STATE}", **JSON)


def test_after_an_addition_it_tells_the_quantity_the_total_and_what_oscar_says(client, milk):
    found = add(client, milk).json()
    (line,) = found["lines"]
    assert (line["product_id"], line["quantity"], line["label"]) == (milk.pk, 1, "1 in basket")
    assert line["more"] == "Add one more: Milk"
    assert line["less"] == "Take one out of the basket: Milk"
    assert found["total"] == "Basket total: $3.50"
    assert found["messages"] == [{"text": "Milk has been added to your basket.", "is_problem": False}]
    assert "$3.50" in found["header"] and "basket-mini" in found["header"] and "btn-cart" in found["header"]


def test_what_was_told_is_not_told_again_by_the_next_page(client, milk):
    add(client, milk)
    assert "has been added" not in client.get("/").content.decode()


def test_one_line_is_changed_and_the_others_stay(client, milk):
    bread = shop.create_shop_product("Bread")
    add(client, milk)
    lines = {line["product_id"]: line for line in add(client, bread).json()["lines"]}
    found = change(client, lines[milk.pk]["id"], 3).json()
    assert {line["product_id"]: line["quantity"] for line in found["lines"]} == {milk.pk: 3, bread.pk: 1}
    found = change(client, lines[milk.pk]["id"], 0).json()
    assert [line["product_id"] for line in found["lines"]] == [bread.pk]
    assert found["total"] == "Basket total: $3.50"


def test_a_line_of_another_basket_is_out_of_reach(client, milk):
    (line,) = add(Client(), milk).json()["lines"]
    add(client, shop.create_shop_product("Bread"))
    change(client, line["id"], 5)
    assert [line.quantity for basket in Basket.objects.all() for line in basket.all_lines()] == [1, 1]


def test_what_oscar_refuses_is_told_in_its_words_and_kept_for_no_later_page(client, milk):
    StockRecord.objects.filter(product=milk).update(num_in_stock=0)
    found = add(client, milk).json()
    assert found["messages"] == [{"text": "no stock available", "is_problem": True}]
    assert found["lines"] == []
    assert not [key for key in client.session.keys() if "add_to_basket" in key]  # noqa: SIM118 - no dict


def test_an_option_that_is_missing_is_told(client, milk):
    milk.product_class.options.add(Option.objects.create(name="Size", code="size", required=True))
    (message,) = add(client, milk).json()["messages"]
    assert message == {"text": "This field is required.", "is_problem": True}


def test_a_title_is_text_wherever_it_stands(client):
    product = shop.create_shop_product("<b>Bold</b> & co")
    found = add(client, product).json()
    assert found["messages"][0]["text"] == "<b>Bold</b> & co has been added to your basket."
    assert "<b>Bold" not in found["header"]


def test_it_is_private_and_read_only(client):
    response = client.get(STATE, **JSON)
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.json()["lines"] == []
    assert client.post(STATE, **JSON).status_code == 405
    assert not Basket.objects.exists()


def test_a_browser_that_is_led_here_sees_oscars_basket(client):
    assert client.get(STATE, HTTP_ACCEPT="text/html,*/*;q=0.8").url == reverse("basket:summary")


def test_it_speaks_the_visitors_language(client, milk):
    add(client, milk)
    found = client.get(STATE, HTTP_ACCEPT_LANGUAGE="de", **JSON).json()
    assert "Warenkorb" in found["header"]
