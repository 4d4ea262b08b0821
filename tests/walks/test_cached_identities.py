"""Strangers, browsers, customers and staff in any order at one cache: nobody is handed what is another's.

IDENTITY_RUNS=5000 pytest -n 0 tests/walks/test_cached_identities.py    # the long run
"""

import json
import os
import random
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from personalization.decide import active_rules
from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import DefinitionKind, Visitor
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX
from tests.walks.event_requests import HERE
from tests.walks.known_visitors import identify_browser, store_event
from tests.walks.running import start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

STEPS = int(os.environ.get("IDENTITY_RUNS", "40"))
ENOUGH = 300
"""With fewer steps it may be that nobody who consents and is not held back looks at a page."""
KEPT_FOR = 30
"""A cache forgets everything after about so many requests, so that pages are made for everybody in turn."""
DJANGO_CACHES = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)
TOKENS = re.compile(r'data-(?:slate|exposure)="([^"]+)"')
MADE_AT = re.compile(r'<meta name="created" content="[^"]*"')
CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]*)"')


class TrustingCache:
    """Keeps every page that is not private by its address alone."""

    obeys_vary = False

    def __init__(self):
        self.kept, self.hits = {}, 0

    def get(self, client, path):
        key = (path, *self._varying(client))
        if key in self.kept:
            self.hits += 1
            return self.kept[key], {}
        response = client.get(path)
        assert response.status_code == 200, path
        control = response.headers.get("Cache-Control", "")
        if "no-store" not in control and "private" not in control:
            self.kept[key] = response.content.decode()
        return response.content.decode(), response.cookies

    def forget(self):
        self.kept.clear()

    def _varying(self, client):
        """Oscar's basket lets all pages vary by the cookies."""
        return (str(client.cookies),) if self.obeys_vary else ()


class ObedientCache(TrustingCache):
    obeys_vary = True


class DjangosCache:
    """The middleware of the shop itself."""

    def __init__(self):
        self.hits = 0

    def get(self, client, path):
        response = client.get(path)
        assert response.status_code == 200, path
        self.hits += not response.templates
        return response.content.decode(), response.cookies

    def forget(self):
        cache.clear()


@dataclass
class Browser:
    """A browser, and whoever is at it."""

    number: int
    user: User | None = None
    client: Client = field(default_factory=lambda: Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE))
    looked_at: str = ""
    """What only this browser's visitor looked at."""

    @property
    def identity(self):
        return ("account", self.user.pk) if self.user else ("browser", self.number)


class Storefront:
    """What people do in a shop, one after the other."""

    def __init__(self, users, products, shared, chance):
        self.users, self.products, self.shared, self.chance = users, products, shared, chance
        self.browsers = [Browser(number) for number in range(6)]
        self.looked = {}  # by identity: the words that only they can be told
        self.given = {}  # token -> identity
        self.fragments = 0
        for number, user in enumerate(users):
            self.note_view(("account", user.pk), Visitor.objects.get_or_create_customer(user.pk), number)
        for browser in self.browsers[:2]:
            self.agree_and_look(browser)

    def note_view(self, identity, visitor, number):
        product = self.products[8 + number]
        store_event(visitor, product_id=product.pk)
        self.looked.setdefault(identity, set()).add(f"Because you viewed {product.title}")

    def agree_and_look(self, browser):
        self.note_view(browser.identity, identify_browser(browser.client), len(self.users) + browser.number)

    def pages(self):
        category = self.products[0].categories.first()
        return [
            *["/"] * 3,
            reverse("catalogue:index"),
            category.get_absolute_url(),
            reverse("search:search") + "?q=product",
            reverse("search:search") + "?q=nothingatall",
            *(product.get_absolute_url() for product in self.products[:3]),
        ]

    def step(self):
        browser, chance = self.chance.choice(self.browsers), self.chance.random()
        if chance < 0.04 and browser.user is None:
            browser.user = self.chance.choice(self.users)
            browser.client.force_login(browser.user)
        elif chance < 0.08 and browser.user is not None:
            browser.client.get(reverse("customer:logout"))
            browser.user = None
        elif chance < 0.12:
            self.answer(browser)
        elif chance < 0.15:
            product = self.chance.choice(self.products[:6])
            browser.client.post(reverse("basket:add", kwargs={"pk": product.pk}), {"quantity": 1})
        elif chance < 0.17 and browser.user is None and browser.number < 4:
            self.agree_and_look(browser)
        else:
            return browser
        return None

    def answer(self, browser):
        answer = self.chance.choice(["granted", "granted", "refused"])
        browser.client.post(reverse("personalization:consent"), {"answer": answer, "next": "/"})

    def assert_own(self, browser, body):
        """Nothing in this text could only another one get."""
        own = self.looked.get(browser.identity, set())
        foreign = set().union(*self.looked.values()) - own
        assert [word for word in foreign if word in body] == []
        assert [user.first_name for user in self.users if user != browser.user and user.first_name in body] == []
        for token in TOKENS.findall(body):
            assert self.given.setdefault(token, browser.identity) == browser.identity

    def fragment(self, browser, page):
        asked = urlencode({"page": page, "place": ["home", "product", "zero_results", "consent"]}, doseq=True)
        response = browser.client.get(f"{reverse('personalization:fragments')}?{asked}")
        assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
        answer = json.loads(response.content)
        self.assert_own(browser, answer["html"])
        assert ('id="logout_link"' in answer["html"]) == (browser.user is not None)
        self.fragments += any(word in answer["html"] for word in self.looked.get(browser.identity, ()))


@pytest.fixture
def people(trained_and_indexed):
    users, products = trained_and_indexed
    chosen = [*users[:2], User.objects.create_superuser("boss", "boss@example.com", "x")]
    for user, name in zip(chosen, ("Anneliese", "Bartholomew", "Cunegonde"), strict=True):
        user.first_name = name
        user.save()
    start_holdout(0.3)
    document = {
        "where": [{"surface": "home"}, {"surface": "search"}],
        "what": [{"do": "pin", "target": {"products": [products[5].pk]}, "place": 1}],
        "who": {"people": "customers"},
    }
    publishing.publish(publishing.create(DefinitionKind.CAMPAIGN, "For customers", document, None), None)
    read_rules_now()
    return chosen, products


def set_up(settings, cached, shared, people):
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "CACHED_PAGES": cached,
        "LEAVE_BAR": True,
        "MENU_MAX_SHIFT": 2,
        "MAX_NEW_VISITORS_PER_MINUTE": 100_000,
    }
    if isinstance(shared, DjangosCache):
        settings.MIDDLEWARE = [DJANGO_CACHES[0], *settings.MIDDLEWARE, DJANGO_CACHES[1]]
    return Storefront(*people, shared, random.Random(STEPS))


@pytest.mark.parametrize("kind", [TrustingCache, DjangosCache])
def test_a_cached_page_is_the_page_from_an_empty_cache_whoever_asked_first(kind, people, settings):
    storefront = set_up(settings, True, kind(), people)
    expected = {page: MADE_AT.sub("", Client().get(page).content.decode()) for page in storefront.pages()}
    storefront.shared.forget()
    for _ in range(STEPS):
        browser = storefront.step()
        if browser is None:
            continue
        if storefront.chance.random() < 1 / KEPT_FOR:
            storefront.shared.forget()
        page = storefront.chance.choice(storefront.pages())
        body, new_cookies = storefront.shared.get(browser.client, page)
        assert MADE_AT.sub("", body) == expected[page]
        assert not any(cookie.value for cookie in new_cookies.values())  # Django deletes a session that ended
        assert not TOKENS.findall(body)
        assert set(CSRF_FIELD.findall(body)) <= {" "}
        if storefront.chance.random() < 0.4:
            storefront.fragment(browser, page)
    assert storefront.shared.hits
    assert storefront.fragments or STEPS < ENOUGH
    assert active_rules.get_active_rules().campaigns


@pytest.mark.parametrize("kind", [ObedientCache, DjangosCache])
def test_without_the_setting_a_cache_that_obeys_hands_nobody_anothers_page(kind, people, settings):
    storefront, own = set_up(settings, False, kind(), people), 0
    for _ in range(STEPS):
        browser = storefront.step()
        if browser is None:
            continue
        body, new_cookies = storefront.shared.get(browser.client, storefront.chance.choice(storefront.pages()))
        storefront.assert_own(browser, body)
        assert cookies.VISITOR_COOKIE not in new_cookies or not new_cookies[cookies.VISITOR_COOKIE].value
        own += any(word in body for word in storefront.looked.get(browser.identity, ()))
    assert own or STEPS < ENOUGH


def test_a_cache_that_trusts_everybody_would_be_found_out(people, settings):
    """Without the setting, such a cache hands out Oscar's own pages as somebody's: the test above is not blind."""
    storefront = set_up(settings, False, TrustingCache(), people)
    page = reverse("offer:list")
    storefront.browsers[5].client.force_login(people[0][0])
    body, _ = storefront.shared.get(storefront.browsers[5].client, page)
    assert storefront.shared.get(Client(), page)[0] == body != Client().get(page).content.decode()
