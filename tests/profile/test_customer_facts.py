"""What segments ask of a customer: from the shop's tables to one row, and to rows that can be counted."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.forms.models import model_to_dict
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import AttributeOption, AttributeOptionGroup, ProductAttribute
from oscar.apps.customer.models import ProductAlert
from oscar.apps.order.models import OrderDiscount
from oscar.apps.wishlists.models import WishList

from personalization.models import Consent, CustomerFacts, CustomerTaste, SensitiveCategory, Visitor
from personalization.models.customer_facts import MAX_TASTES
from personalization.privacy import identity
from personalization.profile import batch, genome
from personalization.shop.product_values import text_key
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper():
    return shop.create_customer("shopper")


def refreshed(user, moment=None):
    genome.refresh_genome([user.pk], (moment or now()).timestamp())
    return CustomerFacts.objects.get(user=user)


def tastes_of(user, kind):
    rows = CustomerTaste.objects.filter(user=user, kind=kind).order_by("-share", "key")
    return [(row.key, row.share, row.purchases) for row in rows]


def test_money_that_was_not_kept_is_counted_apart(shopper):
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    shop.create_past_order(shopper, [tea, milk], days_ago=400)
    last = shop.create_past_order(shopper, [tea], days_ago=3)
    shop.create_past_order(shopper, [tea], days_ago=1, status="Cancelled")
    facts = refreshed(shopper)
    assert (facts.orders, facts.kept_orders, facts.units) == (3, 2, 3)
    assert (facts.revenue, facts.kept_revenue, facts.year_revenue) == (
        Decimal("14.00"),
        Decimal("10.50"),
        Decimal("3.50"),
    )
    assert (facts.aov, facts.returns_share, facts.currency) == (Decimal("5.25"), 0.25, "USD")
    assert facts.last_order == last.date_placed
    assert facts.next_due is None


def test_money_in_another_currency_is_not_added(shopper):
    tea = shop.create_shop_product("Tea")
    placed = shop.create_past_order(shopper, [tea])
    type(placed).objects.filter(pk=placed.pk).update(currency="JPY")
    facts = refreshed(shopper)
    assert (facts.kept_orders, facts.kept_revenue, facts.aov) == (1, 0, None)


def test_the_next_order_is_due_after_the_median_pause(shopper):
    tea = shop.create_shop_product("Tea")
    for days in (100, 70, 60, 30):
        last = shop.create_past_order(shopper, [tea], days_ago=days)
    assert refreshed(shopper).next_due == last.date_placed + timedelta(days=30)


def test_silence_is_longer_than_usual_after_the_pause_that_nine_of_ten_did_not_exceed(shopper):
    tea = shop.create_shop_product("Tea")
    for days in (100, 90, 80, 40):  # pauses of 10, 10 and 40 days: too few to say
        shop.create_past_order(shopper, [tea], days_ago=days)
    assert refreshed(shopper).silent_from is None
    for days in (30, 20):
        last = shop.create_past_order(shopper, [tea], days_ago=days)
    assert refreshed(shopper).silent_from == last.date_placed + timedelta(days=40)
    for days in range(101, 107):
        shop.create_past_order(shopper, [tea], days_ago=days)
    assert refreshed(shopper).silent_from == last.date_placed + timedelta(days=10)


def test_a_customer_without_orders_has_facts_but_no_genome(shopper):
    assert batch.refresh_all_genomes(now().timestamp()) == 0
    facts = CustomerFacts.objects.get(user=shopper)
    assert (facts.orders, facts.last_order, facts.aov, facts.returns_share) == (0, None, None, None)
    assert facts.joined == shopper.date_joined


def test_what_they_bought_is_counted_by_days(shopper):
    tea = create_from_breadcrumbs("Drinks > Tea")
    green, black = shop.create_shop_product("Green", tea), shop.create_shop_product("Black", tea)
    milk = shop.create_shop_product("Milk", tea.get_parent())
    shop.create_past_order(shopper, [green, black, milk], days_ago=3)
    last = shop.create_past_order(shopper, [milk], days_ago=3)
    facts = refreshed(shopper)
    assert tastes_of(shopper, "category") == [(tea.get_parent().pk, 1.0, 1), (tea.pk, 0.667, 1)]
    assert tastes_of(shopper, "product") == [(each.pk, 0.333, 1) for each in (green, black, milk)]
    assert CustomerTaste.objects.get(kind="product", key=milk.pk).last_at == last.date_placed.replace(microsecond=0)
    rows = CustomerTaste.objects.filter(user=shopper)
    stored = {(row.kind, row.key, row.share, row.purchases, row.last_at) for row in rows}
    read = {(*taste[:4], datetime.fromtimestamp(taste.last_at, UTC)) for taste in facts.read_tastes()}
    assert read == stored


def test_brands_and_other_attributes_are_options_or_texts(shopper):
    tea = shop.create_shop_product("Tea")
    group = AttributeOptionGroup.objects.create(name="Origins")
    origin = AttributeOption.objects.create(group=group, option="Assam")
    attributes = ProductAttribute.objects
    attributes.create(product_class=tea.product_class, name="Brand", code="brand", type="text")
    attributes.create(product_class=tea.product_class, name="Origin", code="origin", type="option", option_group=group)
    attributes.create(product_class=tea.product_class, name="Weight", code="weight", type="integer")
    tea = type(tea).objects.get(pk=tea.pk)
    tea.attr.brand, tea.attr.origin, tea.attr.weight = "  Crème  Tea", origin, 5
    tea.save()
    shop.create_past_order(shopper, [tea])
    refreshed(shopper)
    assert tastes_of(shopper, "brand") == [(text_key("brand", "CREME TEA"), 1.0, 1)]
    assert tastes_of(shopper, "attribute") == [(origin.pk, 1.0, 1)]


def test_only_the_strongest_of_each_kind_are_kept(shopper):
    products = [shop.create_shop_product(f"Product {number}") for number in range(MAX_TASTES + 2)]
    shop.create_past_order(shopper, products, days_ago=50)
    shop.create_past_order(shopper, products[2:], days_ago=3)
    refreshed(shopper)
    assert {key for key, *_ in tastes_of(shopper, "product")} == {product.pk for product in products[2:]}


def test_wishes_alerts_offers_and_groups_are_known_and_sensitive_products_are_not(shopper):
    shelf = create_from_breadcrumbs("Health")
    tea, test = shop.create_shop_product("Tea"), shop.create_shop_product("Test", shelf)
    SensitiveCategory.objects.create(category=shelf)
    wishes = WishList.objects.create(owner=shopper)
    for product in (tea, test):
        wishes.add(product)
        ProductAlert.objects.create(user=shopper, product=product, status=ProductAlert.ACTIVE)
    placed = shop.create_past_order(shopper, [tea, test])
    OrderDiscount.objects.create(order=placed, offer_id=7, amount=1)
    group = Group.objects.create(name="Wholesale")
    shopper.groups.add(group)
    facts = refreshed(shopper)
    assert (facts.wish_items, facts.alerts) == (1, 1)
    found = set(CustomerTaste.objects.filter(user=shopper).values_list("kind", "key"))
    assert found == {("product", tea.pk), ("wish", tea.pk), ("alert", tea.pk), ("offer", 7), ("group", group.pk)}


def everything():
    """All facts and tastes, without their own keys."""
    facts = [model_to_dict(row, exclude=["id"]) for row in CustomerFacts.objects.order_by("user_id")]
    tastes = CustomerTaste.objects.order_by("user_id", "kind", "key").values_list(
        "user_id", "kind", "key", "share", "last_at"
    )
    return facts, list(tastes)


def test_one_customer_and_all_give_the_same_facts():
    users, _ = shop.even_and_odd()
    moment = now().timestamp()
    batch.refresh_all_genomes(moment)
    swept = everything()
    assert len(swept[0]) == len(users) and swept[1]
    for user in users:
        genome.refresh_genome([user.pk], moment)
    assert everything() == swept  # the tiers stay
    CustomerFacts.objects.all().delete()
    CustomerTaste.objects.all().delete()
    for user in users:
        genome.refresh_genome([user.pk], moment)
    assert everything()[1] == swept[1]
    CustomerFacts.objects.store_tiers()
    assert everything() == swept


def test_tastes_that_did_not_change_are_not_written_anew(shopper):
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    refreshed(shopper)
    before = set(CustomerTaste.objects.values_list("pk", flat=True))
    refreshed(shopper)
    assert set(CustomerTaste.objects.values_list("pk", flat=True)) == before
    shop.create_past_order(shopper, [shop.create_shop_product("Milk")])
    refreshed(shopper)
    assert before.isdisjoint(CustomerTaste.objects.values_list("pk", flat=True))


def test_tiers_are_equal_parts_of_all_who_bought():
    tea = shop.create_shop_product("Tea")
    users = [shop.create_customer(f"customer{number}") for number in range(11)]
    for number, user in enumerate(users[1:], 1):
        for turn in range(number):
            shop.create_past_order(user, [tea], days_ago=number + 20 * turn)
    batch.refresh_all_genomes(now().timestamp())
    rows = CustomerFacts.objects.order_by("user_id").values_list("value_tier", "recency_tier", "frequency_tier")
    value, recency, frequency = zip(*rows, strict=True)
    assert value == (None, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert frequency == (None, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5)
    assert recency == (None, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1)


@pytest.mark.parametrize("way", ["erased", "withdrawn", "swept", "deleted"])
def test_nothing_is_left_of_a_customer_who_is_gone(shopper, way):
    other = shop.create_customer("other")
    tea = shop.create_shop_product("Tea")
    for user in (shopper, other):
        shop.create_past_order(user, [tea], days_ago=2)
    batch.refresh_all_genomes(now().timestamp())
    if way == "erased":
        identity.erase_customer(shopper.pk, now())
    elif way == "deleted":
        shopper.delete()
    else:
        Visitor.objects.filter(user=shopper).update(consent=Consent.WITHDRAWN)
        if way == "swept":
            batch.refresh_all_genomes(now().timestamp())
        else:
            genome.refresh_genome([shopper.pk], now().timestamp())
    assert list(CustomerFacts.objects.values_list("user_id", flat=True)) == [other.pk]
    assert set(CustomerTaste.objects.values_list("user_id", flat=True)) == {other.pk}


def test_what_was_bought_before_an_erasure_is_in_no_facts(shopper):
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    shop.create_past_order(shopper, [tea], days_ago=3)
    identity.erase_customer(shopper.pk, now() - timedelta(days=2))
    visitor = Visitor.objects.get_or_create_customer(shopper.pk)
    visitor.change_consent(Consent.GRANTED, version="1", source="test", now=now())
    shop.create_past_order(shopper, [milk], days_ago=1)
    facts = refreshed(shopper)
    assert (facts.orders, facts.kept_revenue) == (1, Decimal("3.50"))
    assert [key for key, *_ in tastes_of(shopper, "product")] == [milk.pk]


def test_a_visitor_is_read_with_their_facts_in_one_query(shopper, django_assert_num_queries):
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    refreshed(shopper)
    with django_assert_num_queries(1):
        visitor = Visitor.objects.of_customer(shopper.pk)
        assert visitor.genome().purchases == 1
        assert visitor.facts().kept_orders == 1
        assert list(visitor.facts().taste_index) == ["product"]
        assert visitor.facts().value_tier is None
