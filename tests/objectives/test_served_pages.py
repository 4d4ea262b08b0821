"""Pages as they are served while something counts besides relevance."""

import re

import pytest
from oscar.apps.partner.models import StockRecord

from personalization import serve
from personalization.lifecycle.message_products import reader_visit
from personalization.models import CustomerFacts
from tests.dashboard.test_query_counts import count_queries
from tests.merchandising.test_served_rows import page_of, rows_of
from tests.objectives.counting_shop import count, earn, undo
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

EVERYTHING = {"margin": 20, "clear": 20, "protect": 10, "newness": 10, "value": 20}
TOO = "what matters to the shop counts, too"


def bestsellers(client):
    (found,) = [products for code, _title, products in rows_of(page_of(client)) if code == "bestsellers"]
    return found


def listed(client, address):
    return [hit.object.title for hit in client.get(address).context["page_obj"]]


def shelf_of(product):
    return product.categories.get().get_absolute_url()


def expect_most_of(user):
    """Makes a customer one of the tenth of whom most is expected."""
    CustomerFacts.objects.update_or_create(user=user, defaults={"expected_tier": 1})


def leave_few(*products):
    StockRecord.objects.filter(product__in=products).update(num_in_stock=1)


def test_what_earns_more_moves_up_in_rows_and_goes_back_when_undone(client, trained):
    _users, products = trained
    before = bestsellers(client)
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    live = count({"home": {"margin": 20}})
    after = bestsellers(client)
    assert products[4].title in after and after != before
    undo(live)
    assert bestsellers(client) == before


def test_a_list_is_moved_and_goes_back_when_undone(client, trained_and_indexed):
    _users, products = trained_and_indexed
    address = shelf_of(products[0])
    before = listed(client, address)
    last = next(product for product in products if product.title == before[-1])
    earn(dict.fromkeys(products, 1) | {last: 3})
    live = count({"category": {"margin": 20}})
    after = listed(client, address)
    assert sorted(after) == sorted(before) and 1 <= before.index(last.title) - after.index(last.title) <= 4
    assert listed(client, "/catalogue/") and [one for one in after if one != last.title] == before[:-1]
    undo(live)
    assert listed(client, address) == before


def test_a_list_that_the_visitor_sorts_is_left_alone(client, trained_and_indexed):
    _users, products = trained_and_indexed
    address = f"{shelf_of(products[0])}?sort_by=title-asc"
    before = listed(client, address)
    earn({product: number for number, product in enumerate(products)})
    count({"category": {"margin": 20}})
    assert listed(client, address) == before


def test_a_row_says_so_where_more_than_what_it_is_about_counts(client, trained):
    _users, products = trained
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    assert TOO not in page_of(client)
    live = count({"home": {"margin": 20}})
    body = page_of(client)
    assert re.search(rf"Bought by [^<]*; {TOO}", body)
    undo(live)
    assert TOO not in page_of(client)


def test_only_that_surface_follows_for_which_it_is_said(client, trained_and_indexed):
    _users, products = trained_and_indexed
    before, address = bestsellers(client), shelf_of(products[0])
    shelf = listed(client, address)
    earn({product: number for number, product in enumerate(products)})
    count({"product": {"margin": 20}})
    assert bestsellers(client) == before and listed(client, address) == shelf


def test_messages_follow_their_own_dials(trained):
    users, products = trained
    visit = reader_visit(users[0])
    before = [item.item_id for item in serve.recommend("message", visit, 10)]
    last = next(product for product in products if product.pk == before[-1])
    earn(dict.fromkeys(products, 1) | {last: 3})
    count({"message": {"margin": 20}})
    after = [item.item_id for item in serve.recommend("message", reader_visit(users[0]), 10)]
    assert after.index(last.pk) < before.index(last.pk)


@pytest.mark.parametrize("is_known", [False, True])
def test_no_page_takes_a_query_more(client, trained_and_indexed, is_known):
    users, products = trained_and_indexed
    pages = ["/", shelf_of(products[0]), "/search/?q=product", products[0].get_absolute_url(), "/basket/"]
    if is_known:
        expect_most_of(users[0])
        client.force_login(users[0])
    before = [len(count_queries(client, page)[1]) for page in pages]
    earn({product: number for number, product in enumerate(products)})
    leave_few(products[4])
    surfaces = ("home", "category", "search", "catalogue", "product", "basket", "message", "zero_results")
    count(dict.fromkeys(surfaces, EVERYTHING), slow_days=14)
    assert [len(count_queries(client, page)[1]) for page in pages] == before


def prices_on(body):
    """[(address of the product, price)] of all cards of a page."""
    cards = re.findall(r'<article class="product_pod.*?</article>', body, re.S)
    return {
        re.search(r'href="([^"]+)"', card)[1].split("?")[0]: re.search(r'price_color">\s*([^<\s]+)', card)[1]
        for card in cards
        if "price_color" in card
    }


def test_who_comes_first_sees_scarce_pieces_higher_at_the_same_price_and_nobody_misses_any(client, trained_and_indexed):
    users, products = trained_and_indexed
    address, best, other = shelf_of(products[0]), users[0], users[4]
    expect_most_of(best)
    orders, prices = {}, {}
    for is_on in (False, True):
        if is_on:
            leave_few(products[36])
            count({surface: {"value": 20} for surface in ("home", "category", "catalogue")})
        for user in (best, other, None):
            client.force_login(user) if user else client.logout()
            orders[user, is_on] = listed(client, address)
            found = {}
            for page in ("/", address, "/catalogue/"):
                found |= prices_on(page_of(client, page))
            prices[user, is_on] = found
    title = products[36].title
    assert orders[best, True].index(title) < orders[best, False].index(title)
    for user in (other, None):
        assert orders[user, True] == orders[user, False]
    assert {tuple(sorted(order)) for order in orders.values()} == {tuple(sorted(orders[None, False]))}
    known = {}
    for found in prices.values():
        for path, price in found.items():
            assert known.setdefault(path, price) == price
    assert len(known) > 20


def test_a_page_that_differs_by_customer_is_kept_by_no_shared_cache(client, trained_and_indexed):
    address = shelf_of(trained_and_indexed[1][0])
    leave_few(trained_and_indexed[1][36])
    count({"category": {"newness": 5}})
    assert "private" not in client.get(address).get("Cache-Control", "")
    count({"category": {"newness": 5, "value": 5}})
    assert "private" in client.get(address)["Cache-Control"]


def test_a_product_whose_cost_nobody_knows_stays(client, trained):
    before = bestsellers(client)
    count({"home": {"margin": 20}})
    assert bestsellers(client) == before


def test_shoppers_are_told_nothing_untrue_of_a_product_that_moved(client, trained):
    _users, products = trained
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    told = {
        item.product_id: item.explanation for row in serve.serve_slate("home", stranger()).rows for item in row.items
    }
    count({"home": {"margin": 20}})
    for row in serve.serve_slate("home", stranger()).rows:
        for item in row.items:
            assert told.get(item.product_id, item.explanation) == item.explanation


def explanations():
    """What each card of the home page says of its product."""
    rows = serve.serve_slate("home", stranger()).rows
    return {item.product_id: item.explanation for row in rows for item in row.items}


def stranger():
    return reader_visit(None)


def test_a_shop_in_which_nothing_counts_decides_as_without_it(trained):
    assert serve.serve_slate("home", stranger()).rows
    assert shop.PRODUCTS == 40 and not stranger().rules.objectives.by_surface
