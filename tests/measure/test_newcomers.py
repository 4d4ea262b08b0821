"""The nightly list of new products that too few have seen."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from personalization.measure import newcomers
from personalization.measure.newcomers import MAX_CARDS_SEEN, list_newcomers
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising.compile import compile_rules
from personalization.models import DailyTotal, Newcomer, RulesState, SensitiveCategory
from personalization.privacy.retention import local_day
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def old():
    return [shop.create_shop_product(f"Old {number}") for number in range(6)]


def new(title, days_old=5, **more):
    return shop.create_shop_product(title, days_old=days_old, **more)


def see(product, cards, days_ago=2):
    day = local_day(now()) - timedelta(days=days_ago)
    DailyTotal.objects.create(
        date=day, type="view_item_list", surface="home", row_code="new_in", product_id=product.pk, event_count=cards,
        visitor_count=1,
    )  # fmt: skip


def listed():
    return dict(Newcomer.objects.values_list("product_id", "weight"))


def test_new_products_that_few_saw_are_listed_and_the_less_they_were_seen_the_more(old):
    never, some, enough = new("Never"), new("Some"), new("Enough")
    see(some, MAX_CARDS_SEEN // 2)
    see(some, MAX_CARDS_SEEN // 4, days_ago=9)
    see(enough, MAX_CARDS_SEEN)
    new("Too old", days_old=61)
    assert list_newcomers(now()) == 2
    assert listed() == {never.pk: 1.0, some.pk: 0.25}
    assert [(one.product_id, one.weight) for one in compile_rules().newcomers] == sorted(listed().items())


def test_what_is_sensitive_or_not_public_gets_no_chance(old):
    shelf = shop.create_from_breadcrumbs("Health > Private")
    SensitiveCategory.objects.create(category_id=shelf.pk)
    new("Sensitive", category=shelf)
    hidden = new("Hidden")
    type(hidden).objects.filter(pk=hidden.pk).update(is_public=False)
    assert list_newcomers(now()) == 0 and RulesState.objects.number() == 0


def test_where_most_of_the_shop_is_new_nothing_is_called_new(old):
    for number in range(7):
        new(f"New {number}")
    assert list_newcomers(now()) == 0


def test_the_list_is_made_once_a_day_and_ends_when_it_is_turned_off(old, settings):
    product = new("New")
    moment = now()
    measure_outcomes(moment)
    number = RulesState.objects.number()
    assert listed() == {product.pk: 1.0} and number == 1
    see(product, 100)
    measure_outcomes(moment)
    assert (listed(), RulesState.objects.number()) == ({product.pk: 1.0}, number)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "NEWCOMER_SHARE": 0}
    measure_outcomes(moment + timedelta(days=1))
    assert listed() == {}


def test_of_very_many_those_that_were_seen_least_are_listed(old, monkeypatch):
    monkeypatch.setattr(newcomers, "MAX_NEWCOMERS", 2)
    products = [new(f"New {number}") for number in range(3)]
    see(products[0], 10)
    assert list_newcomers(now()) == 2
    assert set(listed()) == {products[1].pk, products[2].pk}
