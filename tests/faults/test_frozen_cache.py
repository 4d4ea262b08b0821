"""A Redis that is stopped, not dead: whoever asks it waits. Our cards and menu do not ask."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from django.core.cache import caches
from django.test import override_settings
from oscar.test.factories import ProductImageFactory

from personalization import cache_access
from personalization.oscar import card_markup
from personalization.shop import category_labels
from tests.shops import factories as shop

SHOPS_WAIT = cache_access.WAIT_SECONDS
"""As a shop has it; other tests have more."""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here"),
]


@pytest.fixture
def redis(tmp_path, monkeypatch):
    """A Redis of this test's own, which is the shop's cache, without any time-out; its process id."""
    monkeypatch.setattr(cache_access, "WAIT_SECONDS", SHOPS_WAIT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    address = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{port}"}
    with override_settings(CACHES={"default": address}):
        for _ in range(100):
            try:
                caches["default"].get("there")
                break
            except Exception:
                time.sleep(0.05)
        yield server.pid
    os.kill(server.pid, signal.SIGCONT)
    server.kill()
    server.wait()


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
    os.kill(redis, signal.SIGSTOP)
    began = time.monotonic()
    home = client.get("/").content.decode()
    assert time.monotonic() - began < 5  # one that waits for this Redis waits for ever
    assert home.count('class="img-thumbnail"') >= 12
    os.kill(redis, signal.SIGCONT)
    cache_access.reset_cache_access()
    assert 'width="' in client.get("/").content.decode()  # nothing of the bad minute was kept


def test_a_category_has_an_address(client, redis, pictured):
    _, products = pictured
    category = products[0].categories.first()
    usual = category_labels.category_address(category)
    os.kill(redis, signal.SIGSTOP)
    began = time.monotonic()
    address = category_labels.category_address(category)
    assert time.monotonic() - began < 0.5
    os.kill(redis, signal.SIGCONT)
    assert client.get(address, follow=True).redirect_chain[-1][0] == usual
