"""Who looks at the shop, at which of its pages, and what goes wrong meanwhile."""

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now
from haystack import connections
from oscar.apps.address.models import Country
from oscar.apps.catalogue.models import Product

from personalization.privacy.cookies import CONSENT_COOKIE
from tests.collect.event_payloads import delivery_body
from tests.faults import servers
from tests.faults.served_shop import Answer, Browser, Gunicorn, administrator, copied_database, database_address
from tests.shops import factories
from tests.walks.event_requests import view_payload

Pages = dict[tuple[str, str], Answer]
"""By who looks and the name of a page, what is answered."""
OURS = apps.get_app_config("personalization").get_models()
TABLES = sorted(model._meta.db_table for model in OURS if model._meta.managed)


@dataclass
class Storefront:
    """The shop with us and the shop without us, on one database, and those who look at both."""

    ours: Gunicorn
    plain: Gunicorn
    redis: servers.Redis
    folder: Path
    admin: psycopg.Connection
    browsers: dict[str, Browser]
    pages: dict[str, dict[str, str]]
    """By who looks, the addresses of the pages by their names."""
    bought: Product

    def ask(self, shop: Gunicorn, *, leave_out: Collection[str] = ()) -> Pages:
        """The pages of a shop, for everybody who looks at them."""
        return {
            (who, name): self.browsers[who].get(shop.port, path)
            for who, pages in self.pages.items()
            for name, path in pages.items()
            if name not in leave_out
        }


@contextmanager
def open_storefront(folder: Path, *, pooled: bool = False) -> Iterator[Storefront]:
    """The even-and-odd shop, served with us and without us; behind PgBouncer, if it is to be."""
    with ExitStack() as stack:
        stack.enter_context(_files_in(folder))
        users, products = _build_shop()
        pages = _page_addresses(products)
        database = dict(connection.settings_dict)
        connection.close()
        copied = {**database, "NAME": stack.enter_context(copied_database(database))}
        call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
        admin = stack.enter_context(administrator(copied, copied["NAME"]))
        redis = stack.enter_context(servers.Redis(folder).running())
        if pooled:
            copied["PORT"] = stack.enter_context(servers.pgbouncer(database))
        environment = {
            "ADOPTION_FOLDER": str(folder),
            "SERVED_DATABASE": database_address(copied),
            "SERVED_REDIS": f"redis://127.0.0.1:{redis.port}",
        }
        ours = stack.enter_context(Gunicorn("settings_with_us", environment, folder / "ours.log").serving())
        plain = stack.enter_context(Gunicorn("settings_without_us", environment, folder / "plain.log", 1).serving())
        browsers = _make_browsers(ours.port, users, products)
        for browser in browsers.values():
            stack.callback(browser.close)
        yield Storefront(ours, plain, redis, folder, admin, browsers, pages, products[9])


@contextmanager
def _files_in(folder: Path) -> Iterator[None]:
    """The snapshots and the search index of the test's own process lie in this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.PERSONALIZATION, "SNAPSHOT_DIR", str(folder / "snapshots"))
        patch.setitem(connections.connections_info["default"], "PATH", str(folder / "index"))
        connections.reload("default")
        yield
    connections.reload("default")


def _build_shop():
    users, products = factories.indexed_even_and_odd()
    User.objects.create_user("staff", "staff@example.com", "x", is_staff=True, is_superuser=True)
    User.objects.filter(pk=users[1].pk).update(first_name="Anna")
    Country.objects.create(iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True)
    return users, products


def _page_addresses(products) -> dict[str, dict[str, str]]:
    shown = {
        "home": "/",
        "catalogue": reverse("catalogue:index"),
        "category": products[1].categories.first().get_absolute_url(),
        "search": reverse("search:search") + "?q=product",
        "nothing found": reverse("search:search") + "?q=zzzz",
        "product": products[3].get_absolute_url(),
        "basket": reverse("basket:summary"),
        "checkout": reverse("checkout:index"),
    }
    account = {
        "shipping address": reverse("checkout:shipping-address"),
        "account": reverse("customer:profile-view"),
        "orders": reverse("customer:order-list"),
        "wishes": reverse("customer:wishlists-list"),
    }
    dashboard = {
        "dashboard": reverse("dashboard:index"),
        "customers": reverse("dashboard:users-index"),
        "products": reverse("dashboard:catalogue-product-list"),
    }
    return {
        "stranger": {**shown, "sign in": reverse("customer:login"), "offers": reverse("offer:list")},
        "known browser": {name: shown[name] for name in ("home", "category", "search", "product", "basket")},
        "customer": {**shown, **account},
        "staff": dashboard,
    }


def _make_browsers(port: int, users, products) -> dict[str, Browser]:
    """Each with a line in the basket; one that agreed and a customer are known to us."""
    browsers = {"stranger": Browser(), "known browser": known_browser(port, products[7])}
    browsers |= {"customer": Browser(), "staff": Browser()}
    sign_in(browsers["customer"], port, users[1].email)
    sign_in(browsers["staff"], port, "staff@example.com")
    report_view(browsers["customer"], port, products[7])
    for name in ("stranger", "known browser", "customer"):
        add_to_basket(browsers[name], port, products[5].pk)
        browsers[name].get(port, reverse("basket:summary"))  # which says that it was added
    for browser in browsers.values():
        browser.close()
    return {name: browser.with_cookies() for name, browser in browsers.items()}


def known_browser(port: int, viewed) -> Browser:
    """One that agreed, and of which we know what it viewed."""
    browser = Browser({CONSENT_COOKIE: f"granted.1.{int(now().timestamp()) - 60}"})
    report_view(browser, port, viewed)
    browser.close()
    return browser


def report_view(browser: Browser, port: int, product) -> None:
    told = browser.report(port, delivery_body(view_payload(product)).decode())
    assert told.status == 202 and json.loads(told.text)["accepted"] == 1, told.text


def sign_in(browser: Browser, port: int, email: str) -> Answer:
    browser.get(port, reverse("customer:login"))
    form = {"login-username": email, "login-password": "x", "login_submit": "1", "login-redirect_url": "/catalogue/"}
    return browser.post(port, reverse("customer:login"), **form)


def add_to_basket(browser: Browser, port: int, product: int) -> Answer:
    browser.get(port, reverse("basket:summary"))
    return browser.post(port, reverse("basket:add", kwargs={"pk": product}), quantity=1)


class Shoppers:
    """Two known browsers, which buy a product that no compared page shows in detail."""

    def __init__(self, front: Storefront) -> None:
        self._guest, self._customer = (known_browser(front.ours.port, front.bought) for _ in range(2))
        self._product = front.bought.pk
        front.admin.execute("DELETE FROM basket_line WHERE product_id = %s", [self._product])

    def walk(self, shop: Gunicorn) -> list[Answer]:
        """What the shop answers to them."""
        try:
            return [*self._order_as_guest(shop.port), *self._come_and_go(shop.port)]
        finally:
            self._guest.close()
            self._customer.close()

    def _order_as_guest(self, port: int) -> Iterator[Answer]:
        browser = self._guest
        address = {"first_name": "A", "last_name": "Smith", "line1": "1 Road", "line4": "London", "postcode": "N1 9GU"}
        yield add_to_basket(browser, port, self._product)
        yield browser.get(port, reverse("basket:summary"))
        yield browser.post(port, reverse("checkout:index"), username="ann@example.com", options="anonymous")
        yield browser.get(port, reverse("checkout:shipping-address"))
        yield browser.post(port, reverse("checkout:shipping-address"), **address)
        yield browser.get(port, reverse("checkout:shipping-method"))
        yield browser.get(port, reverse("checkout:payment-method"))
        yield browser.get(port, reverse("checkout:payment-details"))
        yield browser.post(port, reverse("checkout:preview"), action="place_order")
        yield browser.get(port, reverse("checkout:thank-you"))

    def _come_and_go(self, port: int) -> Iterator[Answer]:
        """Signs in, fills the basket and signs out."""
        yield sign_in(self._customer, port, "customer3@example.com")
        yield add_to_basket(self._customer, port, self._product)
        yield self._customer.get(port, reverse("basket:summary"))
        yield self._customer.get(port, reverse("customer:logout"))
