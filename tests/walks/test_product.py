"""The page of a product through the front doors: what does its job, what does it better, what goes with it."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar import VERSION
from oscar.apps.analytics.models import ProductRecord
from oscar.apps.catalogue.models import Category, Product, ProductRecommendation
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from benchmarks.product import both, counted_both
from personalization.models import Visitor
from tests.shops import breakfast, tea
from tests.shops import factories as shop
from tests.shops.tea import CAKES, DEAR, FINER, TEAS

pytestmark = pytest.mark.django_db

LIKE, INSTEAD = f"Similar to {TEAS[0]}", f"Instead of {TEAS[0]}"
SPARED = -3 if VERSION >= (4, 2) else -2
"""Oscar's product page asks so many queries less where what it reads of its product is looked up with our rows."""
LIMIT = 1.26 if VERSION >= (4, 2) else 1.31
"""What a page with ten cards may cost of Oscar's own calls; 4.1's own page takes fewer. A hundredth of it is the script
that adds to the basket in place."""
BETTER, GOES = f"Upgrade from {TEAS[0]}", f"Goes with {TEAS[0]}"


@pytest.fixture
def products():
    return tea.trained()


def page(client, product):
    return client.get(product.get_absolute_url())


def rows(client, product):
    found = breakfast.slates_of_page(page(client, product), "product")
    return {row.title: {item.product.title for item in row.items} for slate in found for row in slate.rows}


def body(client, product):
    return page(client, product).content.decode()


def test_a_product_has_a_row_of_what_does_its_job_one_of_better_ones_and_one_of_what_goes_with_it(client, products):
    assert rows(client, products[TEAS[0]]) == {LIKE: set(TEAS[1:]), BETTER: set(FINER), GOES: set(CAKES)}


def test_each_card_says_why_it_is_there(client, products):
    (slate,) = breakfast.slates_of_page(page(client, products[TEAS[0]]), "product")
    assert {item.explanation for item in slate.rows[0].items} == {"Same kind, similar price"}
    assert {item.explanation for row in slate.rows[1:] for item in row.items} == {
        "Higher-end alternatives, bought by the same customers",
        "Often bought together with it, or with similar products",
    }


def test_a_step_up_costs_no_more_than_so_many_times_its_price_today(client, products):
    assert DEAR not in rows(client, products[TEAS[0]])[BETTER]
    StockRecord.objects.filter(product=products[DEAR]).update(price=Decimal("5.40"))
    StockRecord.objects.filter(product=products[FINER[0]]).update(price=Decimal("3.20"))
    assert rows(client, products[TEAS[0]])[BETTER] == {FINER[1], FINER[2], DEAR}


def test_what_goes_with_it_holds_nothing_that_could_stand_in_for_it(client, products):
    for number in range(6):  # somebody who buys two teas at once has not shown that nobody needs but one
        shop.create_past_order(
            shop.create_customer(f"both{number}"), [products[TEAS[0]], products[TEAS[1]]], days_ago=5
        )
    tea.train()
    found = rows(client, products[TEAS[0]])
    assert found[GOES] == set(CAKES)
    assert TEAS[1] in found[LIKE]


def test_what_staff_picked_is_shown_once_by_oscar(client, products):
    ProductRecommendation.objects.create(primary=products[TEAS[0]], recommendation=products[TEAS[1]])
    ProductRecommendation.objects.create(primary=products[TEAS[0]], recommendation=products[CAKES[0]])
    ProductRecommendation.objects.create(primary=products[TEAS[1]], recommendation=products[TEAS[2]])
    found = rows(client, products[TEAS[0]])
    assert found == {LIKE: set(TEAS[2:]), BETTER: set(FINER), GOES: set(CAKES[1:])}
    assert "Recommended items" in body(client, products[TEAS[0]])


def test_what_oscar_shows_as_lately_viewed_is_not_shown_twice(client, products):
    page(client, products[TEAS[2]])
    assert rows(client, products[TEAS[0]])[LIKE] == {TEAS[1], TEAS[3], TEAS[4]}


@pytest.mark.parametrize("cookie", ["garbage", '"x"', '["x", null, 3.5, {}]', "[[1]]"])
def test_a_forged_cookie_of_what_was_viewed_does_no_harm(products, cookie, rf):
    from personalization.oscar import visits

    request = rf.get("/")
    request.COOKIES["oscar_history"] = cookie
    assert visits.recently_viewed_ids(request) == set()


def test_what_lies_in_the_basket_is_not_offered(client, products):
    breakfast.put_into_basket(client, products[CAKES[0]], products[TEAS[1]])
    found = rows(client, products[TEAS[0]])
    assert found == {LIKE: set(TEAS[2:]), BETTER: set(FINER), GOES: set(CAKES[1:])}


def test_of_what_is_about_as_close_the_visitors_own_comes_first(client, products):
    def first(of):
        (slate,) = breakfast.slates_of_page(page(of, products[TEAS[0]]), "product")
        return next(item.product.title for item in slate.rows[0].items)

    assert first(Client()) == TEAS[1]
    regular = shop.create_customer("regular")
    for days_ago in range(1, 30, 7):
        shop.create_past_order(regular, [products[TEAS[4]]], days_ago=days_ago)
    tea.train()
    client.force_login(regular)
    assert first(client) == TEAS[4]
    assert rows(client, products[TEAS[0]])[LIKE] == set(TEAS[1:])


def test_where_a_product_has_sold_out_what_stands_in_for_it_stands_beneath_the_offer_to_be_told(client, products):
    tea.sell_out(products[TEAS[0]])
    assert list(rows(client, products[TEAS[0]])) == [INSTEAD, BETTER, GOES]
    found = body(client, products[TEAS[0]])
    places = [found.index(mark) for mark in ('id="alert_form"', INSTEAD, BETTER, GOES, "Product Information")]
    assert places == sorted(places)
    assert found.count('data-row="similar"') == 1


def test_while_it_can_be_bought_the_rows_stand_before_the_reviews(client, products):
    found = body(client, products[TEAS[0]])
    assert found.index("product_main") < found.index(LIKE) < found.index("Product Information")
    assert found.index("Product Information") < found.index("Customer Reviews")
    assert found.count('data-row="similar"') == 1


@pytest.fixture
def variants():
    """A parent and two children, sold like a tea, in the shop of teas."""
    products = tea.create_products()
    parent = create_product(title="Green tea in a tin", structure="parent", product_class="Grocery")
    parent.categories.add(Category.objects.get(name="Tea"))
    kinds = [
        create_product(title=size, structure="child", parent=parent, price="3.00", num_in_stock=5) for size in "SL"
    ]
    for number in range(6):
        shop.create_past_order(
            shop.create_customer(f"tin{number}"), [kinds[number % 2], *(products[cake] for cake in CAKES)], 15
        )
    tea.create_orders(products)
    tea.train()
    return parent, kinds


def test_the_page_of_a_child_is_its_parents(client, variants):
    parent, (small, _) = variants
    about_the_parent = rows(client, parent)
    assert list(about_the_parent) == ["Similar to Green tea in a tin", "Goes with Green tea in a tin"]
    assert rows(Client(), small) == about_the_parent


def test_where_a_child_has_sold_out_its_page_says_what_stands_in_for_it(client, variants):
    parent, (small, large) = variants
    tea.sell_out(small)
    assert next(iter(rows(client, small))) == "Instead of Green tea in a tin"
    assert next(iter(rows(Client(), large))) == "Similar to Green tea in a tin"
    assert next(iter(rows(Client(), parent))) == "Similar to Green tea in a tin"


def test_a_child_that_staff_picked_keeps_its_parent_out(client, variants):
    parent, (small, _) = variants
    one = Product.objects.get(title=TEAS[0])
    assert parent.title in rows(Client(), one)[LIKE]
    ProductRecommendation.objects.create(primary=one, recommendation=small)
    assert parent.title not in rows(Client(), one)[LIKE]


def test_before_anything_is_learned_the_category_is_shown_what_sells_first(client):
    products = tea.create_products()
    ProductRecord.objects.create(product=products[TEAS[3]], num_purchases=9)
    ProductRecord.objects.create(product=products[TEAS[2]], num_purchases=4)
    (slate,) = breakfast.slates_of_page(page(client, products[TEAS[0]]), "product")
    (row,) = slate.rows
    assert row.title == "More in Tea"
    assert [item.product.title for item in row.items][:2] == [TEAS[3], TEAS[2]]
    assert not {item.product.title for item in row.items} & {TEAS[0], *CAKES}


def test_a_product_that_was_added_since_has_its_category(client, products):
    fresh = shop.create_shop_product("Fresh tea", Category.objects.get(name="Tea"), days_old=0)
    assert list(rows(client, fresh)) == ["More in Tea"]


def test_a_product_without_a_category_has_no_rows_before_anything_is_learned(client):
    assert rows(client, shop.create_shop_product("Stray")) == {}


def test_a_page_that_we_fail_is_a_plain_page(client, products, monkeypatch, caplog):
    from personalization.oscar import card_markup

    monkeypatch.setattr(card_markup.CardRenderer, "render", lambda *_, **__: 1 / 0)
    assert "Product Information" in body(client, products[TEAS[0]])
    assert "Printing a card failed" in caplog.text


@pytest.fixture
def settled(settings):
    """Nothing is looked for anew while it is counted; rows hold so many: settled(row_size)."""

    def of(row_size):
        more = {"ROW_SIZE": row_size, "SNAPSHOT_POLL_SECONDS": 3_600}
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, **more}

    return of


def queries(get):
    """Without savepoints: the tests run in a transaction, as no page does when its template is rendered."""
    get()
    with CaptureQueriesContext(connection) as captured:
        get()
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def added(client, product):
    """How many queries our rows add to Oscar's page: as the rows read of its product what Oscar reads, it may be less
    than none."""
    plain, ours = both(client, product.get_absolute_url())
    return len(queries(ours.get)) - len(queries(plain.get))


@pytest.mark.parametrize("row_size", [2, 5, 40])
def test_the_rows_cost_a_stranger_no_query(client, products, settled, row_size):
    settled(row_size)
    assert added(client, products[TEAS[0]]) == SPARED


@pytest.mark.parametrize("row_size", [2, 5, 40])
def test_however_many_cards_there_are_a_known_visitor_costs_one_query_more(client, products, settled, row_size):
    settled(row_size)
    client.force_login(Visitor.objects.exclude(user=None).first().user)
    ours = queries(lambda: page(client, products[TEAS[0]]))
    assert sum("personalization_visitor" in query for query in ours) == 1
    assert not any("personalization_event" in query for query in ours)
    products_read = [query for query in ours if " AS " in query and "first_image" in query]
    assert len(products_read) == 1


def test_parents_cost_two_queries_more(client, variants, settled):
    settled(5)
    assert added(client, Product.objects.get(title=TEAS[0])) == SPARED + 2


def test_what_staff_picked_costs_no_query_of_its_own(client, products, settled):
    settled(2)
    ProductRecommendation.objects.create(primary=products[TEAS[0]], recommendation=products[TEAS[1]])
    assert added(client, products[TEAS[0]]) == SPARED


@pytest.mark.django_db(transaction=True)  # as in a shop, where no transaction is open while a page is printed
def test_a_page_with_ten_cards_costs_a_quarter_more_than_oscars_at_most(client, products, settled):
    settled(4)
    tea.sell_out(products[CAKES[0]])
    assert body(client, products[TEAS[0]]).count('personalization-row__item"') == 10
    plain, ours = counted_both(client, products[TEAS[0]].get_absolute_url())
    assert ours.calls <= LIMIT * plain.calls, ours.calls / plain.calls
    assert ours.queries == plain.queries + SPARED


def test_upsells_are_there_whatever_currency_the_shop_sells_in(client):
    products = tea.create_products()
    StockRecord.objects.update(price_currency="EUR")
    tea.create_orders(products)
    tea.train()
    assert rows(client, products[TEAS[0]])[BETTER] == set(FINER)


def test_a_price_in_another_currency_is_compared_with_none(client, products):
    StockRecord.objects.filter(product=products[FINER[0]]).update(price_currency="EUR")
    assert rows(client, products[TEAS[0]])[BETTER] == set(FINER[1:])
