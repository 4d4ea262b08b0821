"""The genome: from order lines to weights that fade."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.models import Genome
from personalization.profile import batch, genome
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper():
    return shop.create_customer("shopper")


def of(user: User) -> Genome | None:
    return Genome.objects.of_customer(user.pk)


def test_a_weight_halves_with_the_half_life_and_days_add_up(shopper):
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    moment = now()
    shop.create_past_order(shopper, [tea], days_ago=112)
    shop.create_past_order(shopper, [tea, milk], days_ago=0)
    genome.refresh_genome([shopper.pk], moment.timestamp() + 1)
    today = 0.5 ** ((moment.timestamp() % 86_400) / 86_400 / 112)
    (first, tea_weight, tea_days, last, begun), (second, milk_weight, milk_days, *_) = of(shopper).products
    assert (first, tea_days, second, milk_days) == (tea.pk, 2, milk.pk, 1)
    assert milk_weight == pytest.approx(today, abs=1e-3)
    assert tea_weight == pytest.approx(1.5 * today, abs=1e-3)
    assert last - begun == 112 * 86_400


def test_what_was_bought_twice_on_one_day_counts_once(shopper):
    tea = shop.create_shop_product("Tea")
    noon = now().replace(hour=12, minute=0) - timedelta(days=2)
    for _ in range(2):
        placed = shop.create_past_order(shopper, [tea])
        type(placed).objects.filter(pk=placed.pk).update(date_placed=noon)
    genome.refresh_genome([shopper.pk], now().timestamp())
    assert [row[2] for row in of(shopper).products] == [1]
    assert (of(shopper).purchases, of(shopper).distinct_products) == (1, 1)


def test_a_category_holds_what_lies_below_it_and_hidden_ones_are_left_out(shopper):
    tea = create_from_breadcrumbs("Drinks > Tea")
    hidden = create_from_breadcrumbs("Gifts")
    type(hidden).objects.filter(pk=hidden.pk).update(is_public=False)
    green, candle = shop.create_shop_product("Green tea", tea), shop.create_shop_product("Candle", hidden)
    shop.create_past_order(shopper, [green, candle], days_ago=3)
    moment = now().timestamp()
    genome.refresh_genome([shopper.pk], moment)
    drinks = tea.get_parent()
    fading = pytest.approx(0.5 ** ((3 + moment % 86_400 / 86_400) / 112), abs=1e-4)
    assert of(shopper).categories == [[drinks.pk, 0.5, 1, fading], [tea.pk, 0.5, 1, fading]]


def test_two_products_of_one_day_are_one_day_in_their_category(shopper):
    tea = create_from_breadcrumbs("Tea")
    shop.create_past_order(
        shopper, [shop.create_shop_product("Green tea", tea), shop.create_shop_product("Black tea", tea)], days_ago=0
    )
    genome.refresh_genome([shopper.pk], now().timestamp())
    ((_, share, purchases, fading),) = of(shopper).categories
    assert (share, purchases) == (1.0, 2) and fading <= 1


def test_one_customer_and_all_give_the_same_genome():
    users, _ = shop.even_and_odd()
    moment = now().timestamp()
    assert batch.refresh_all_genomes(moment) == len(users)
    swept = [(of(user).products, of(user).categories, of(user).purchases) for user in users]
    Genome.objects.all().delete()
    for user in users:
        genome.refresh_genome([user.pk], moment)
    assert [(of(user).products, of(user).categories, of(user).purchases) for user in users] == swept


def test_the_size_of_a_sweep_s_batches_changes_nothing(monkeypatch):
    users, _ = shop.even_and_odd()
    moment = now().timestamp()
    batch.refresh_all_genomes(moment)
    whole = [of(user).products for user in users]
    monkeypatch.setattr(batch, "BATCH_SIZE", 5)
    batch.refresh_all_genomes(moment)
    assert [of(user).products for user in users] == whole


def test_similar_customers_are_those_who_buy_the_same():
    users, products = shop.even_and_odd()
    batch.refresh_all_genomes(now().timestamp())
    odd = {product.pk for product in products[1::2]}
    near = [row[0] for row in of(users[1]).neighbour_products]
    assert near and set(near) <= odd


def test_an_order_refreshes_the_genome_and_leaves_what_similar_customers_buy():
    users, products = shop.even_and_odd()
    batch.refresh_all_genomes(now().timestamp())
    before = of(users[1]).neighbour_products
    shop.create_past_order(users[1], [products[0]], days_ago=0)
    genome.refresh_genome([users[1].pk], now().timestamp())
    assert of(users[1]).neighbour_products == before != []


def test_what_fewer_than_five_similar_customers_bought_is_not_named(settings):
    users, _ = shop.even_and_odd()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MIN_CUSTOMERS": 20}
    batch.refresh_all_genomes(now().timestamp())
    assert of(users[1]).neighbour_products == []


def test_a_genome_of_an_earlier_moment_knows_nothing_of_later_and_is_not_stored(shopper):
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    shop.create_past_order(shopper, [tea], days_ago=9)
    shop.create_past_order(shopper, [milk], days_ago=1)
    found = batch.computed_at(now().timestamp() - 5 * 86_400)([shopper.pk])
    assert [row[0] for row in found[shopper.pk].products] == [tea.pk]
    assert not Genome.objects.exists()


def test_a_customer_whose_orders_are_gone_has_no_genome_any_more(shopper):
    placed = shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    batch.refresh_all_genomes(now().timestamp())
    assert of(shopper) is not None
    placed.delete()
    batch.refresh_all_genomes(now().timestamp())
    assert of(shopper) is None


def test_the_genome_goes_with_the_customer(shopper):
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    batch.refresh_all_genomes(now().timestamp())
    shopper.delete()
    assert not Genome.objects.exists()


def test_a_sweep_costs_the_same_queries_for_one_customer_and_for_many(django_assert_num_queries, shopper):
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    with django_assert_num_queries(23):
        genome.refresh_genome([shopper.pk], now().timestamp())
    users, _ = shop.even_and_odd()
    inserts_of_tastes = 4 if connection.vendor == "sqlite" else 1  # whose statements hold fewer rows
    with django_assert_num_queries(22 + inserts_of_tastes):
        genome.refresh_genome([user.pk for user in users], now().timestamp())


def test_an_order_of_this_very_second_counts_at_once(shopper):
    placed = shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    moment = now().replace(microsecond=600_000)
    type(placed).objects.filter(pk=placed.pk).update(date_placed=moment)
    genome.refresh_genome([shopper.pk], moment.timestamp() + 0.1)
    assert of(shopper) is not None
