"""Nobody is served another's page, whatever cache stands between: Django's own, and one that knows nothing of Vary."""

import os
import random

import pytest
from django.test import Client
from django.urls import reverse

from personalization.models import Visitor
from personalization.privacy import cookies
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

REQUESTS = int(os.environ.get("SHARED_CACHE_REQUESTS", "300"))
CACHES = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)


class SharedCache:
    """Keeps every page that does not forbid it, by its address alone, and hands it to anybody."""

    def __init__(self):
        self.kept = {}

    def get(self, client, path):
        if path in self.kept:
            return self.kept[path], {}
        response = client.get(path)
        body = response.content.decode()
        control = response.headers.get("Cache-Control", "")
        if response.status_code == 200 and "no-store" not in control and "private" not in control:
            self.kept[path] = body
        return body, response.cookies


@pytest.fixture
def people(settings, trained):
    """(client, a word that only their pages hold) of two customers and two browsers that agreed, and a stranger."""
    users, products = trained
    settings.MIDDLEWARE = [CACHES[0], *settings.MIDDLEWARE, CACHES[1]]
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 3, "MAX_HOME_ROWS": 2}
    found = [(Client(), None)]
    for number in (0, 1):
        client = Client()
        client.force_login(users[number])
        found.append(
            looking_at(client, Visitor.objects.get_or_create_customer(users[number].pk), products[10 + number])
        )
    for number in (2, 3):
        client = Client()
        found.append(looking_at(client, identify_browser(client), products[10 + number]))
    return found, products


def looking_at(client, visitor, product):
    store_event(visitor, product_id=product.pk)
    return client, f"Because you viewed {product.title}"


def test_no_page_shows_what_only_another_could_get(people):
    identities, products = people
    secrets = {word for _, word in identities if word}
    pages = ["/", "/", reverse("catalogue:index"), products[0].get_absolute_url()]
    chance, shared = random.Random(11), SharedCache()
    homes = 0
    for _ in range(REQUESTS):
        client, own = chance.choice(identities)
        page = chance.choice(pages)
        body, new_cookies = shared.get(client, page)
        assert not any(word in body for word in secrets - {own})
        assert cookies.VISITOR_COOKIE not in new_cookies
        if page == "/":
            homes += 1
            assert own is None or own in body
    assert homes
    assert "/" not in shared.kept


def test_the_home_page_says_that_it_is_private(people):
    identities, _ = people
    for client, _ in identities:
        response = client.get("/")
        assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
        assert {"Cookie", "Sec-GPC", "DNT"} <= set(response["Vary"].replace(" ", "").split(","))


def test_oscars_pages_with_rows_are_private_for_whoever_is_known(people):
    identities, products = people
    pages = [products[0].get_absolute_url(), reverse("basket:summary")]
    for client, own in identities:
        for page in pages:
            assert ("no-store" in client.get(page).headers.get("Cache-Control", "")) == (own is not None)
