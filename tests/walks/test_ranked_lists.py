"""One ranked list for every surface through the door that pages and exports share, in the shop of even and odd."""

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils.timezone import now
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.partner.models import StockRecord
from oscar.core.loading import get_class

from personalization import surfaces
from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Genome, Snapshot
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.serve import recommend
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
Selector = get_class("partner.strategy", "Selector")


def visit(user=None, **named):
    genome = (user and Genome.objects.of_customer(user.pk)) or Genome()
    return Visit(now().timestamp(), Selector().strategy(), user and user.pk, genome=genome, **named)


def keys(products):
    return [product.pk for product in products]


def shown(surface, asked, top=100, **named):
    return [item.item_id for item in recommend(surface, asked, top, **named)]


def test_an_odd_customer_s_home_begins_with_all_odd_products(trained):
    users, products = trained
    for n in (1, 7, 23):
        found = shown("home", visit(users[n]))
        assert set(found[:2]) == {products[1].pk, products[3].pk}
        assert set(found[:20]) == set(keys(products[1::2]))
        assert len(found) == len(set(found)) == shop.PRODUCTS


def test_a_stranger_s_home_is_the_bestsellers(trained):
    _, products = trained
    found = recommend("home", visit(), 4)
    assert {item.item_id for item in found} == set(keys(products[:4]))
    assert {item.explanation for item in found} == {"Bought by 12 customers in 28 days"}
    assert len({item.score for item in found}) == 1 and [item.item_id for item in found] == sorted(keys(products[:4]))


def test_a_list_is_as_long_as_was_asked_and_begins_alike(trained):
    users, _ = trained
    whole = shown("home", visit(users[1]))
    assert [shown("home", visit(users[1]), top) for top in (0, 1, 7)] == [[], whole[:1], whole[:7]]


def test_scores_fall_and_every_reason_is_true_of_the_customer_s_orders(trained):
    users, _ = trained
    asked = visit(users[1])
    found = recommend("home", asked, 100)
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    days = {row[0]: row[2] for row in asked.genome.products}
    near = {row[0] for row in asked.genome.neighbour_products}
    for item in found:
        assert (item.reason.code == "bought_before") == (item.item_id in days)
        assert item.reason.params.get("days") == days.get(item.item_id)
        assert item.reason.code != "similar_customers" or item.item_id in near
        assert item.reason.code != "bought_together_with_purchase"  # all that goes with it similar customers buy
    assert "You bought it 6 times, most recently on " in found[0].explanation


def test_with_new_only_nothing_that_was_bought_is_listed(trained):
    _, products = trained
    newcomer = shop.create_customer("newcomer")
    shop.create_past_order(newcomer, products[5:9:2])
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    asked = visit(newcomer, candidate_products=tuple(keys(products)))
    fresh = set(keys(products)) - {products[5].pk, products[7].pk}
    found = {surface: shown(surface, asked, new_only=True) for surface in ("home", "basket", "category")}
    assert all(set(listed) == fresh for listed in found.values())
    assert set(found["home"][:18]) == fresh & set(keys(products[1::2]))


def test_a_basket_of_odd_products_is_completed_by_odd_ones(trained):
    _, products = trained
    basket = frozenset(keys(products[1:7:2]))
    found = recommend("basket", visit(basket=basket), 17)
    assert {item.item_id for item in found} == set(keys(products[7::2]))
    assert {item.reason.code for item in found} == {"bought_together_with_basket"}
    assert {item.reason.params["product"] for item in found} <= basket
    assert found[0].explanation.startswith("Frequently bought with Product ")


def test_what_lies_in_the_basket_is_nowhere_listed(trained):
    users, products = trained
    basket = frozenset(keys(products[1:7:2]))
    for surface in ("home", "basket"):
        for user in (None, users[1]):
            found = shown(surface, visit(user, basket=basket))
            assert found and basket.isdisjoint(found)


def test_a_listing_comes_back_complete_in_the_customer_s_order(trained):
    users, products = trained
    listing = tuple(keys(products[::-1]))
    found = [shown("category", visit(user, candidate_products=listing)) for user in users[:2]]
    assert [sorted(one) for one in found] == [keys(products)] * 2
    assert [set(one[:20]) for one in found] == [set(keys(products[::2])), set(keys(products[1::2]))]
    assert [set(one[:2]) for one in found] == [set(keys(products[0:4:2])), set(keys(products[1:4:2]))]


def test_a_category_page_holds_its_products_in_the_customer_s_order(trained):
    users, products = trained
    odd = products[1].categories.get()
    found = shown("category", visit(users[1], category=odd.pk))
    assert sorted(found) == keys(products[1::2]) and set(found[:2]) == {products[1].pk, products[3].pk}
    above = odd.get_parent()
    assert set(shown("category", visit(users[1], category=above.pk))[:20]) == set(keys(products[1::2]))
    assert shown("category", visit(users[1], category=-1)) == []


def test_the_navigation_begins_with_the_category_where_one_buys(trained):
    users, products = trained
    even, odd = (products[n].categories.get() for n in (0, 1))
    above = odd.get_parent()
    for user, mine, other in ((users[0], even, odd), (users[1], odd, even)):
        found = recommend("navigation", visit(user), 9)
        assert [item.item_id for item in found][-1] == other.pk and {item.item_id for item in found[:2]} == {
            above.pk,
            mine.pk,
        }
        assert [item.reason.code for item in found] == [
            "bought_in_category",
            "bought_in_category",
            "expected_in_category",
        ]
        assert found[0].explanation == "You have bought from this category 48 times"
    assert shown("navigation", visit(), 1) == [above.pk]


def test_what_cannot_be_bought_is_nowhere_listed(trained):
    users, products = trained
    lost = products[1].pk
    asked = visit(users[1], candidate_products=tuple(keys(products)))
    for loss in (
        lambda: StockRecord.objects.filter(product=lost).update(num_in_stock=0),
        lambda: Product.objects.filter(pk=lost).update(is_public=False),
        lambda: Product.objects.filter(pk=lost).delete(),
    ):
        assert all(lost in shown(surface, asked) for surface in ("home", "basket", "category"))
        savepoint = transaction.savepoint()
        loss()
        assert not any(lost in shown(surface, asked) for surface in ("home", "basket", "category"))
        transaction.savepoint_rollback(savepoint)


def test_no_reason_names_a_hidden_product(trained):
    _, products = trained
    asked = visit(basket=frozenset({products[5].pk}))
    assert {item.explanation for item in recommend("basket", asked, 5)} == {"Frequently bought with Product 5"}
    Product.objects.filter(pk=products[5].pk).update(is_public=False)
    assert {item.explanation for item in recommend("basket", asked, 5)} == {""}


def test_a_shop_where_almost_everything_sold_out_still_fills_a_list(trained):
    users, products = trained
    StockRecord.objects.exclude(product__in=products[36:]).update(num_in_stock=0)
    assert set(shown("home", visit(users[1]), 4)) == set(keys(products[36:]))


def test_before_anything_was_learned_every_list_is_empty():
    users, products = shop.even_and_odd(weeks=1)
    asked = visit(users[0], candidate_products=tuple(keys(products)))
    assert [recommend(surface, asked, 9) for surface in surfaces.registered_surfaces()] == [[]] * len(
        surfaces.registered_surfaces()
    )


def test_a_shop_without_orders_has_lists_without_failing():
    only = shop.create_shop_product("Tea")
    call_command("personalization_train", verbosity=0)
    asked = visit(basket=frozenset({only.pk}))
    assert [recommend(surface, asked, 9) for surface in surfaces.registered_surfaces()] == [[]] * len(
        surfaces.registered_surfaces()
    )
    listed = recommend("category", visit(candidate_products=(only.pk,)), 9)
    assert [(item.item_id, item.explanation) for item in listed] == [(only.pk, "")]


def test_one_order_of_one_customer_is_learned_from_and_listed():
    tea, shopper = shop.create_shop_product("Tea"), shop.create_customer("shopper")
    shop.create_past_order(shopper, [tea], days_ago=2)
    call_command("personalization_train", verbosity=0)
    (found,) = recommend("home", visit(shopper), 9)
    assert (found.item_id, found.reason.code) == (tea.pk, "bought_before")


def test_another_snapshot_decides_when_it_is_given(trained):
    users, _ = trained
    serving = active_snapshot.get_active_snapshot()
    turned = SnapshotArrays({**serving.arrays, "product.id": serving.ids + 1_000_000})
    assert shown("home", visit(users[1]), snapshot=turned) == []
    assert len(shown("home", visit(users[1]))) == shop.PRODUCTS
    assert Snapshot.objects.count() == 1


def test_the_same_visit_has_the_same_list_to_the_last_bit(trained):
    users, _ = trained
    asked = visit(users[3])
    one = recommend("home", asked, 100)
    active_snapshot.reset_active_snapshot()
    assert recommend("home", asked, 100) == one


def test_a_surface_that_is_not_there_is_refused_with_those_that_are(trained):
    with pytest.raises(ValueError, match="no surface 'hoem'; there are: basket, category, home, message, navigation"):
        recommend("hoem", visit(), 1)


def test_only_new_products_are_asked_for_and_yet_all_categories_come(trained):
    users, _ = trained
    odd = visit(users[1])
    assert shown("navigation", odd, new_only=True) == shown("navigation", odd)


def test_a_category_that_was_hidden_since_the_training_is_not_listed(trained):
    users, products = trained
    hidden = products[1].categories.get()
    Category.objects.filter(pk=hidden.pk).update(is_public=False)
    assert hidden.pk not in shown("navigation", visit(users[1]))


def test_a_surface_that_does_not_exist_is_refused_before_anything_was_learned():
    with pytest.raises(ValueError, match="no surface 'hoem'"):
        recommend("hoem", visit(), 1)
