"""A Redis that is stopped, not dead: whoever asks it waits. Our cards and menu do not ask."""

import shutil
import time

import pytest
from django.test import override_settings
from oscar.test.factories import ProductImageFactory

from personalization import cache_access
from personalization.oscar import card_markup
from personalization.shop import category_labels
from tests.faults import servers
from tests.shops import factories as shop

SHOPS_WAIT = cache_access.WAIT_SECONDS
"""As a shop has it; other tests have more."""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here"),
]


@pytest.fixture
def redis(tmp_path, monkeypatch):
    """A Redis of this test's own, which is the shop's cache, without any time-out."""
    monkeypatch.setattr(cache_access, "WAIT_SECONDS", SHOPS_WAIT)
    with servers.Redis(tmp_path).running() as server:
        address = f"redis://127.0.0.1:{server.port}"
        backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": address}
        with override_settings(CACHES={"default": backend}):
            yield server


@pytest.fixture
def pictured(own_files):
    """A shop whose products have pictures that no page has shown yet."""
    users, products = shop.trained_even_and_odd()
    for product in products[:12]:
        ProductImageFactory(product=product)
    return users, products


def test_a_home_page_with_cold_cards_does_not_wait_and_shows_the_pictures_as_they_are(client, redis, pictured):
    client.get("/catalogue/")  # a first page is slow
    card_markup._card_cache.clear()
    with redis.frozen():
        began = time.monotonic()
        home = client.get("/").content.decode()
        assert time.monotonic() - began < 5  # one that waits for this Redis waits for ever
    assert home.count('class="img-thumbnail"') >= 12
    cache_access.reset_cache_access()
    assert 'width="' in client.get("/").content.decode()  # nothing of the bad minute was kept


def test_a_category_has_an_address(client, redis, pictured):
    _, products = pictured
    category = products[0].categories.first()
    (usual,) = category_labels.category_addresses([category])
    with redis.frozen():
        began = time.monotonic()
        (address,) = category_labels.category_addresses([category])
        assert time.monotonic() - began < 0.5
    assert client.get(address, follow=True).redirect_chain[-1][0] == usual


def test_a_cache_that_was_frozen_for_a_moment_is_asked_again_within_a_second(redis):
    assert cache_access.cache_answers()
    with redis.frozen():
        assert not cache_access.cache_answers()
    thawed = time.monotonic()
    while not cache_access.cache_answers():
        assert time.monotonic() - thawed < 1
        time.sleep(0.02)


def test_a_cache_that_stays_frozen_holds_up_the_first_who_ask_only(redis):
    with redis.frozen():
        began = time.monotonic()
        assert not any(cache_access.cache_answers() for _ in range(2000))
        assert time.monotonic() - began < 0.5
