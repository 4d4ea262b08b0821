"""Pages as they are served while something counts besides relevance."""

import pytest

from tests.merchandising.test_served_rows import page_of, rows_of
from tests.objectives.counting_shop import count, earn, undo

pytestmark = pytest.mark.django_db


def bestsellers(client):
    (found,) = [products for code, _title, products in rows_of(page_of(client)) if code == "bestsellers"]
    return found


def listed(client, address):
    return [hit.object.title for hit in client.get(address).context["page_obj"]]


def titles(products):
    return [product.title for product in products]


def test_what_earns_more_moves_up_in_rows_and_goes_back_when_undone(client, trained):
    _users, products = trained
    before = bestsellers(client)
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    live = count({"home": {"margin": 20}})
    after = bestsellers(client)
    assert after != before and after.index(products[4].title) < len(before)
    undo(live)
    assert bestsellers(client) == before


def test_a_list_is_moved_and_goes_back_when_undone(client, trained_and_indexed):
    _users, products = trained_and_indexed
    address = products[0].categories.get().get_absolute_url()
    before = listed(client, address)
    last = next(product for product in products if product.title == before[-1])
    earn(dict.fromkeys(products, 1) | {last: 3})
    live = count({"category": {"margin": 20}})
    after = listed(client, address)
    assert sorted(after) == sorted(before) and after.index(last.title) < before.index(last.title)
    assert before.index(last.title) - after.index(last.title) <= 0.2 * len(before)
    undo(live)
    assert listed(client, address) == before
