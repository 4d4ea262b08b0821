"""What a training run reads from the shop's tables."""

import time
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from oscar.apps.analytics.models import UserProductView
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import AttributeOption, AttributeOptionGroup, Category, Product, ProductAttribute
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from personalization.models import Event, Visitor
from personalization.recommenders import LearningLimits, viewed_together
from personalization.train import dataset
from personalization.train.run import no_progress
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def read():
    return dataset.read_dataset(time.time() + 1, no_progress).history


def user(name: str) -> User:
    return User.objects.create_user(name)


def view(viewer: User, product: Product, days_ago: float = 1) -> None:
    seen = UserProductView.objects.create(user=viewer, product=product)
    UserProductView.objects.filter(pk=seen.pk).update(date_created=now() - timedelta(days=days_ago))


def child(parent: Product, price: str, **fields) -> Product:
    made = create_product(structure=Product.CHILD, parent=parent, price=Decimal(price), product_class="Grocery")
    Product.objects.filter(pk=made.pk).update(**fields)
    return made


def parent_product(title: str) -> Product:
    return create_product(title=title, structure=Product.PARENT, product_class="Grocery")


def describe(product: Product, code: str, kind: str, value, group: AttributeOptionGroup | None = None) -> None:
    attribute, _ = ProductAttribute.objects.get_or_create(
        code=code, name=code, type=kind, product_class=product.product_class, option_group=group
    )
    attribute.save_value(product, value)


def test_the_price_is_the_least_of_all_partners():
    product = shop.create_shop_product("Milk")
    record = StockRecord.objects.get(product=product)
    record.pk, record.partner_sku, record.price = None, "other", Decimal("2.99")
    record.partner = type(record.partner).objects.create(name="Other partner")
    record.save()
    assert read().catalogue.price.tolist() == [np.float32(2.99)]


def test_a_parent_costs_what_its_cheapest_public_child_costs():
    parent = parent_product("Shirt")
    for price, public in (("20.00", True), ("15.50", True), ("1.00", False)):
        child(parent, price, is_public=public)
    assert read().catalogue.price.tolist() == [15.5]


def test_no_price_and_a_price_in_another_currency_than_most_are_none():
    changes = {"Usual": {}, "Like it": {}, "On request": {"price": None}, "Abroad": {"price_currency": "XTS"}}
    for title, change in changes.items():
        StockRecord.objects.filter(product=shop.create_shop_product(title)).update(price=3, **{"price_currency": "USD"})
        StockRecord.objects.filter(product__title=title).update(**change)
    assert read().catalogue.price.tolist() == [3, 3, 0, 0]


@pytest.mark.parametrize(("abroad", "prices"), [(1, [3, 0]), (2, [0, 3, 3])])
def test_the_currency_of_most_prices_counts_and_among_equals_the_shops_own(abroad, prices):
    shop.create_shop_product("At home")
    StockRecord.objects.update(price=3, price_currency="USD")
    for number in range(abroad):
        record = StockRecord.objects.filter(product=shop.create_shop_product(f"Abroad {number}"))
        record.update(price=3, price_currency="XTS")
    assert read().catalogue.price.tolist() == prices


def test_the_kind_is_the_deepest_category_and_the_first_by_path_among_equals():
    for path in ("Food > Dairy > Milk", "Food > Bakery", "Offers"):
        create_from_breadcrumbs(path)
    dairy, milk, bakery, offers = (Category.objects.get(name=name) for name in ("Dairy", "Milk", "Bakery", "Offers"))
    for categories in ([offers, milk], [bakery, dairy], [bakery], [], [offers]):
        shop.create_shop_product("Something").categories.add(*categories)
    assert read().catalogue.leaf_category.tolist() == [1, 0, 2, -1, 3]  # by path: dairy, milk, bakery, offers


def test_a_category_that_is_hidden_is_no_kind():
    hidden = create_from_breadcrumbs("Hidden > Below")
    shop.create_shop_product("Something", hidden)
    Category.objects.filter(name="Hidden").update(is_public=False)
    Category.fix_tree()
    hidden.get_root().set_ancestors_are_public()
    assert read().catalogue.leaf_category.tolist() == [-1]


def test_the_text_is_title_and_description_without_markup():
    product = shop.create_shop_product("Brown bread")
    Product.objects.filter(pk=product.pk).update(description="<p>Rye &amp; wheat</p><p>baked <b>daily</b></p>")
    assert read().catalogue.text[0].split() == ["Brown", "bread", "Rye", "&", "wheat", "baked", "daily"]


def test_the_text_names_attribute_values_and_options_but_no_numbers():
    product, other = shop.create_shop_product("Shirt"), shop.create_shop_product("Hat")
    group = AttributeOptionGroup.objects.create(name="Colours")
    red, blue = (AttributeOption.objects.create(group=group, option=option) for option in ("red", "blue"))
    describe(product, "fabric", "text", "fine cotton")
    describe(product, "care", "richtext", "<i>wash</i> cold")
    describe(product, "main", "option", red, group)
    describe(product, "accents", "multi_option", [red, blue], group)
    describe(product, "grams", "integer", 180)
    describe(other, "main", "option", blue, group)
    shirt, hat = read().catalogue.text
    assert sorted(shirt.split()) == sorted(["Shirt", "fine", "cotton", "wash", "cold", "red", "red", "blue"])
    assert hat.split() == ["Hat", "blue"]


def test_only_so_much_of_a_description_is_kept():
    product = shop.create_shop_product("Novel")
    Product.objects.filter(pk=product.pk).update(description="word " * 10_000)
    assert len(read().catalogue.text[0]) <= 2_000


def test_the_day_of_its_creation_is_in_the_catalogue():
    shop.create_shop_product("Milk", days_old=30)
    assert read().catalogue.created == pytest.approx([time.time() - 30 * 86_400], abs=60)


def test_views_carry_customer_product_and_second():
    milk, bread = shop.create_shop_product("Milk"), shop.create_shop_product("Bread")
    first, second, looker = user("first"), user("second"), user("looker")
    shop.create_past_order(first, [milk])
    shop.create_past_order(second, [bread])
    view(first, milk, days_ago=2)
    view(second, bread, days_ago=3)
    view(looker, bread, days_ago=3)
    found = read()
    rows = sorted(zip(found.views.customer.tolist(), found.views.product.tolist(), strict=True))
    assert rows == [(0, 0), (1, 1)]  # who never bought anything is not heard
    assert sorted(time.time() - found.views.seen) == pytest.approx([2 * 86_400, 3 * 86_400], abs=60)


def test_a_view_of_a_child_counts_as_one_of_its_parent():
    parent = parent_product("Shirt")
    viewer = user("first")
    shop.create_past_order(viewer, [shop.create_shop_product("Sock")])
    view(viewer, child(parent, "20.00"))
    assert read().views.product.tolist() == [0]


def test_views_of_hidden_products_and_from_the_future_are_left_out():
    hidden, milk = shop.create_shop_product("Hidden"), shop.create_shop_product("Milk")
    Product.objects.filter(pk=hidden.pk).update(is_public=False)
    viewer = user("first")
    shop.create_past_order(viewer, [milk])
    view(viewer, hidden)
    view(viewer, milk, days_ago=-1)
    view(viewer, milk)
    assert read().views.product.tolist() == [0]


def test_an_empty_shop_has_an_empty_history():
    found = read()
    assert found.products == 0
    assert [len(found.views.seen), len(found.catalogue.text), len(found.catalogue.leaf_category)] == [0, 0, 0]


def test_the_number_of_queries_is_the_same_however_large_the_shop():
    assert queries() == 19
    users, products = shop.even_and_odd(weeks=1)
    for viewer in users:
        view(viewer, products[0])
    describe(products[0], "fabric", "text", "fine cotton")
    child(parent_product("Shirt"), "3.00")
    assert queries() == 19


def test_what_visitors_did_is_read_once_and_counted_by_nobody():
    buyer, tea = shop.create_customer("buyer"), shop.create_shop_product("Tea")
    shop.create_past_order(buyer, [tea])
    did(buyer, "search", query="Tea")
    did(buyer, "view_item", product_id=tea.pk)
    statements, found = statements_of_reading()
    assert (len(found.history.views.seen), found.searches.texts) == (1, ["tea"])
    assert not [sql for sql in statements if "COUNT(" in sql]
    for table in ("analytics_userproductview", "analytics_usersearch", "order_line"):
        assert len([sql for sql in statements if f'FROM "{table}"' in sql]) == 1
    actions, stays, any_card = (sql for sql in statements if 'FROM "personalization_event"' in sql)
    assert "'view_item'" in actions and "'search'" in actions
    assert "MIN(" in stays and "received_at" in stays  # of each visitor, worked out by the database
    assert "'view_item_list'" in any_card and any_card.endswith("LIMIT 1")


def test_cards_of_all_weeks_are_counted_by_two_statements():
    buyer, tea = shop.create_customer("buyer"), shop.create_shop_product("Tea")
    shop.create_past_order(buyer, [tea])
    for week in range(6):
        shown = {"slate_id": uuid4(), "surface": "home", "days_ago": 7 * week + 1}
        did(buyer, "view_item_list", items=[[tea.pk, 0]], **shown)
        did(buyer, "select_item", product_id=tea.pk, position=0, **shown)
    statements, found = statements_of_reading()
    assert found.history.shown.cards.tolist() == found.history.shown.clicks.tolist() == [1] * 6
    seen, clicked = (sql for sql in statements if "COUNT(DISTINCT" in sql)
    assert "'view_item_list'" in seen and "'select_item'" in clicked
    assert len([sql for sql in statements if '"order_line"' in sql]) == 3, "what was bought, and twice by whom"


def did(customer: User, name: str, days_ago: float = 0.1, **about) -> None:
    visitor, moment = Visitor.objects.get_or_create_customer(customer.pk), now() - timedelta(days=days_ago)
    times = {"occurred_at": moment, "received_at": moment}
    Event.objects.create(event_id=uuid4(), visitor=visitor, type=name, **times, **about)


def statements_of_reading() -> tuple[list[str], dataset.TrainingDataset]:
    with CaptureQueriesContext(connection) as captured:
        found = dataset.read_dataset(time.time() + 1, no_progress)
    return [query["sql"] for query in captured], found


def queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        read()
    return len(captured)


def test_a_recommender_learns_from_the_rows_of_the_shop():
    users, products = shop.even_and_odd(weeks=1)
    for number, viewer in enumerate(users):
        for product in (products[number % 2], products[number % 2 + 2]):
            view(viewer, product)
    near = viewed_together.recommender.fit(read(), LearningLimits())
    assert near.index[:5, 0].tolist() == [2, 3, 0, 1, -1]
