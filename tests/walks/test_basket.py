"""The basket and the thank-you page through the front doors: what still belongs in it, what stands in for what sold
out, and what to buy next time."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from oscar.apps.analytics.models import ProductRecord
from oscar.apps.basket.models import Basket
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from personalization.models import Visitor
from personalization.oscar import visits
from tests.shops import breakfast
from tests.shops import factories as shop
from tests.shops.breakfast import get_basket_page, post_quantities, put_into_basket
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db

WITH_BASKET = "Frequently bought with the products in your basket"
GOES, INSTEAD, NEXT = "You might also need", "Instead of Jam", "For next time"


@pytest.fixture
def products():
    return breakfast.trained()


def rows(response):
    return breakfast.row_titles(response, "basket")


def reasons(response):
    (slate,) = breakfast.slates_of_page(response, "basket")
    return {item.product.title: item.explanation for row in slate.rows for item in row.items}


def sell_out(product, left=0):
    StockRecord.objects.filter(product=product).update(num_in_stock=left)


def test_a_basket_is_offered_what_others_put_in_one_basket_with_all_of_it(client, products):
    put_into_basket(client, products["Toast"])
    response = get_basket_page(client)
    assert rows(response) == {GOES: ["Jam", "Butter"]}
    assert reasons(response) == dict.fromkeys(["Butter", "Jam"], WITH_BASKET)


def test_what_a_customer_bought_before_is_offered_for_what_it_is_bought_with(client, products, django_user_model):
    buyer = django_user_model.objects.get(username="buyer0")
    client.force_login(buyer)
    put_into_basket(client, products["Toast"], products["Soap"])
    said = set(reasons(get_basket_page(client)).values())
    assert said and said <= {WITH_BASKET, "Frequently bought with Toast", "Frequently bought with Soap"}


def test_what_is_offered_can_be_bought_with_one_click_and_the_row_is_right_again(client, products):
    put_into_basket(client, products["Toast"])
    assert reverse("basket:add", args=[products["Butter"].pk]) in get_basket_page(client).content.decode()
    put_into_basket(client, products["Butter"])
    assert rows(get_basket_page(client)) == {GOES: ["Jam", "Honey"]}
    put_into_basket(client, products["Honey"])
    assert rows(get_basket_page(client)) == {}


def test_no_alternative_to_what_lies_there_is_offered(client, products):
    put_into_basket(client, products["Butter"])
    assert set(rows(get_basket_page(client))[GOES]) == {"Toast", "Jam", "Rolls", "Honey"}
    put_into_basket(client, products["Jam"])
    assert set(rows(get_basket_page(client))[GOES]) == {"Toast", "Rolls"}
    put_into_basket(client, products["Rolls"])
    assert rows(get_basket_page(client)) == {}


def test_there_are_four_add_ons_at_most_whatever_fits_a_row(client, products, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 8, "ADD_ON_MIN_PROBABILITY": 0.01}
    put_into_basket(client, products["Butter"], products["Soap"])
    assert len(rows(get_basket_page(client))[GOES]) == 4


def test_what_sells_out_makes_room_for_the_next_best(client, products):
    put_into_basket(client, products["Butter"], products["Soap"])
    before = rows(get_basket_page(client))[GOES]
    assert len(before) == 4
    sell_out(products[before[0]])
    after = rows(get_basket_page(client))[GOES]
    assert len(after) == 4
    assert before[0] not in after


def test_a_basket_that_nothing_goes_with_is_offered_nothing(client, products):
    put_into_basket(client, products["Candle"])
    assert rows(get_basket_page(client)) == {}


def test_what_is_not_likely_enough_is_not_offered(client, products, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ADD_ON_MIN_PROBABILITY": 0.9}
    put_into_basket(client, products["Toast"])
    assert rows(get_basket_page(client)) == {}


def test_what_a_visitor_does_not_want_is_not_offered(client, products):
    visitor = identify_browser(client)
    put_into_basket(client, products["Toast"])
    token = re.search(
        r'name="token" value="([^"]+)" data-dismisses="\.personalization-row__item"', html(get_basket_page(client))
    )
    client.post(reverse("personalization:feedback"), {"token": token[1], "next": "/"})
    assert [wish.key for wish in Visitor.objects.get(pk=visitor.pk).get_preferences()] == [products["Jam"].pk]
    assert rows(get_basket_page(client)) == {GOES: ["Butter"]}


def html(response):
    return response.content.decode()


def test_a_child_in_the_basket_speaks_for_its_parent(client, products):
    parent = create_product(title="Shirt", structure="parent", product_class="Grocery")
    child = create_product(structure="child", parent=parent, price="9.00", num_in_stock=5)
    put_into_basket(client, products["Toast"], child)
    assert rows(get_basket_page(client)) == {GOES: ["Jam", "Butter"]}


def test_a_line_that_sold_out_shows_what_comes_closest(client, products):
    put_into_basket(client, products["Jam"], products["Toast"])
    sell_out(products["Jam"])
    assert rows(get_basket_page(client)) == {INSTEAD: ["Honey"], GOES: ["Butter"]}


def test_a_line_of_more_than_there_are_shows_it_too(client, products):
    put_into_basket(client, products["Jam"], quantity=3)
    sell_out(products["Jam"], left=2)
    assert INSTEAD in rows(get_basket_page(client))
    sell_out(products["Jam"], left=3)
    assert INSTEAD not in rows(get_basket_page(client))


def test_what_sold_out_brings_nothing_that_goes_with_it(client, products):
    put_into_basket(client, products["Jam"])
    sell_out(products["Jam"])
    assert rows(get_basket_page(client)) == {INSTEAD: ["Honey"]}


def test_nothing_replaces_a_line_when_all_that_is_like_it_sold_out(client, products):
    put_into_basket(client, products["Jam"])
    sell_out(products["Jam"])
    sell_out(products["Honey"])
    assert rows(get_basket_page(client)) == {}


def test_a_line_that_is_removed_without_a_reload_may_be_offered_again(client, products):
    put_into_basket(client, products["Toast"], products["Butter"])
    assert rows(get_basket_page(client)) == {GOES: ["Jam", "Honey"]}
    assert set(rows(post_quantities(client, {products["Butter"]: 0}))[GOES]) == {"Butter", "Jam"}


def test_a_basket_that_is_emptied_without_a_reload_has_the_rows_of_an_empty_one(client, products):
    put_into_basket(client, products["Toast"])
    assert list(rows(post_quantities(client, {products["Toast"]: 0}))) == ["Bestsellers"]


def test_a_line_that_is_removed_beside_one_that_is_wrong_is_gone_too(client, products):
    put_into_basket(client, products["Toast"], products["Butter"])
    sell_out(products["Toast"], left=2)
    answer = post_quantities(client, {products["Butter"]: 0, products["Toast"]: 50})
    assert "Butter" in rows(answer)[GOES]


def test_a_visit_that_was_read_before_the_basket_changed_knows_it_as_it_is_now(client, products):
    put_into_basket(client, products["Toast"])
    request = get_basket_page(client).wsgi_request
    assert visits.visit_from_request(request).basket == {products["Toast"].pk}
    request.basket.add_product(products["Jam"])
    assert visits.visit_from_request(request).basket == {products["Toast"].pk, products["Jam"].pk}
    request.basket.flush()
    assert visits.visit_from_request(request).basket == visits.anonymous_visit(request).basket == frozenset()


def test_what_the_answer_without_a_reload_holds_is_the_row_of_the_page(client, products):
    identify_browser(client)
    put_into_basket(client, products["Toast"], products["Jam"])
    whole, part = html(get_basket_page(client)), post_quantities(client, {products["Toast"]: 2}).json()["content_html"]
    assert whole.count('data-row="add_ons"') == part.count('data-row="add_ons"') == 1
    for wanted in ("personalization-basket-add_ons", 'name="next" value="/basket/"', "csrfmiddlewaretoken"):
        assert wanted in part
    assert re.findall(r'data-product="(\d+)"', whole) == re.findall(r'data-product="(\d+)"', part)
    assert len(set(re.findall(r'data-slate="([^"]+)"', part))) == 1


def test_a_form_of_the_answer_without_a_reload_is_accepted(products):
    client = Client(enforce_csrf_checks=True)
    visitor = identify_browser(client)
    basket = Client()
    put_into_basket(basket, products["Toast"], products["Jam"])
    client.cookies.update(basket.cookies)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html(get_basket_page(client)))[1]
    part = post_quantities(client, {products["Toast"]: 2}, HTTP_X_CSRFTOKEN=token).json()["content_html"]
    form = part[part.index("personalization-row__hide") :]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]+)"', form[: form.index("</form>")]))
    assert client.post(reverse("personalization:feedback"), fields)["Location"] == reverse("basket:summary")
    assert [wish.key for wish in Visitor.objects.get(pk=visitor.pk).get_preferences()] == ["add_ons"]
    assert rows(get_basket_page(client)) == {}


def test_what_is_saved_for_later_is_not_offered_below_itself(client, products, anna):
    put_into_basket(client, products["Toast"], products["Jam"])
    basket = Basket.objects.get(owner=anna)
    later = Basket.objects.create(owner=anna, status=Basket.SAVED)
    basket.lines.filter(product=products["Jam"]).update(basket=later)
    response = get_basket_page(client)
    assert "Items to buy later" in html(response)
    assert rows(response) == {GOES: ["Butter"]}


def test_an_empty_basket_begins_with_what_the_customer_comes_back_to(client, products, django_user_model):
    client.force_login(django_user_model.objects.get(username="buyer0"))
    found = rows(get_basket_page(client))
    assert list(found) == ["Buy again"]  # which leaves fewer than three bestsellers
    assert len(found["Buy again"]) == 6


def test_an_empty_basket_of_a_stranger_begins_with_the_bestsellers(client, products):
    assert set(rows(get_basket_page(client))["Bestsellers"]) < set(products)


def test_before_any_training_an_empty_basket_has_what_oscar_counted_and_a_full_one_nothing(client):
    stocked = breakfast.create_products()
    assert rows(get_basket_page(client)) == {}
    for name, purchases in {"Soap": 5, "Jam": 7, "Rolls": 6, "Toast": 4}.items():
        ProductRecord.objects.create(product=stocked[name], num_purchases=purchases)
    assert rows(get_basket_page(client)) == {"Bestsellers": ["Jam", "Rolls", "Soap"]}
    put_into_basket(client, stocked["Toast"])
    assert rows(get_basket_page(client)) == {}


def test_whoever_cannot_be_read_is_still_offered_nothing_that_lies_in_the_basket(client, products):
    visitor = identify_browser(client)
    put_into_basket(client, products["Toast"])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE personalization_genome RENAME TO gone")
    response = get_basket_page(client)
    assert visitor and rows(response) == {GOES: ["Jam", "Butter"]}


def thanked(client, order):
    session = client.session
    session["checkout_order_id"] = order.pk
    session.save()
    return client.get(reverse("checkout:thank-you"))


def test_a_guest_who_ordered_sees_what_goes_with_it_for_next_time(client, products):
    response = thanked(client, shop.create_past_order(None, [products["Butter"]], days_ago=0))
    found = breakfast.row_titles(response, "order_confirmation")
    assert list(found) == [NEXT]
    assert set(found[NEXT]) == {"Toast", "Jam", "Rolls", "Honey"}
    assert "Frequently bought with the products you just ordered" in html(response)


def test_a_customer_who_ordered_sees_nothing_that_they_bought_or_that_lies_in_their_next_basket(client, products, anna):
    order = shop.create_past_order(anna, [products["Butter"]], days_ago=0)
    put_into_basket(client, products["Toast"])
    assert set(breakfast.row_titles(thanked(client, order), "order_confirmation")[NEXT]) == {"Jam", "Rolls", "Honey"}


def test_an_order_of_products_that_are_gone_is_thanked_for_all_the_same(client, products):
    order = shop.create_past_order(None, [products["Butter"], products["Candle"]], days_ago=0)
    Product.objects.filter(pk=products["Candle"].pk).update(is_public=False)
    order.lines.filter(product=products["Butter"]).update(product=None)
    assert breakfast.row_titles(thanked(client, order), "order_confirmation") == {}
