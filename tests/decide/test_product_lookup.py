"""How many products are remembered, and which are read again."""

import pytest

from personalization.decide import product_lookup
from personalization.decide.product_lookup import ProductLookup


@pytest.fixture
def read(monkeypatch) -> list[int]:
    """What was read so far, with room for ten products."""
    monkeypatch.setattr(product_lookup, "MAX_CACHED_PRODUCTS", 10)
    return []


def lookup(read: list[int]) -> ProductLookup:
    def look_up(keys: set[int]) -> dict[int, str]:
        read.extend(sorted(keys))
        return {key: f"product {key}" for key in keys}

    return ProductLookup(look_up=look_up)


def test_what_is_asked_for_again_and_again_is_read_once_however_large_the_shop(read):
    products = lookup(read)
    for number in range(100):
        products.prefetch({1, 2, 3, 1000 + number})
    assert read == [1, 2, 3, *range(1000, 1100)]


def test_what_was_asked_for_longest_ago_is_forgotten_first_and_only_as_much_as_it_takes(read):
    products = lookup(read)
    products.prefetch(set(range(9)))
    products.prefetch({0, 20, 21})  # one too many
    assert products.get(0) and products.get(20) and products.get(21)
    assert sum(products.get(key) is None for key in range(9)) == 1


def test_one_decision_has_all_of_its_products_even_where_they_are_more(read):
    products = lookup(read)
    products.prefetch({1, 2, 3})
    products.prefetch(set(range(3, 30)))
    assert all(products.get(key) for key in range(3, 30))
    assert read.count(3) == 1 and products.get(1) is None
