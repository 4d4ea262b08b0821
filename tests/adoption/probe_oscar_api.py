"""Sends the requests of a storefront to django-oscar-api and prints the responses as JSON."""

import json
import logging

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from tests.adoption import probe_main_pages
from tests.settings_without_migrations import NoMigrations

SHOP = "http://testserver/api/"
PASSWORD = "a password"
ANN = {"username": "ann@example.com", "password": PASSWORD}
REQUESTS = (
    ("get", "", None),
    ("get", "products/", None),
    ("get", "products/1/", None),
    ("get", "products/1/price/", None),
    ("get", "products/1/availability/", None),
    ("get", "categories/", None),
    ("get", "basket/", None),
    ("post", "basket/add-product/", {"url": f"{SHOP}products/1/", "quantity": 2}),
    ("post", "login/", {**ANN, "password": "a guess"}),
    ("post", "login/", ANN),
    ("get", "login/", None),
    ("get", "basket/", None),
    ("get", "orders/", None),
    ("delete", "login/", None),
    ("get", "basket/", None),
)
SESSIONS = {"cookies": {}, "headers": {"Session-Id": "SID:ANON:testserver:mine"}}


def prepare_shop():
    """Creates a shop of a few products, in which ann has a password."""
    settings.MIGRATION_MODULES = NoMigrations()
    django.setup()
    logging.getLogger("django.request").disabled = True  # what is refused; what else is logged is ours
    call_command("migrate", run_syncdb=True, verbosity=0)
    probe_main_pages.create_shop()
    ann = get_user_model().objects.get(username="ann")
    ann.set_password(PASSWORD)
    ann.save()
    return ann


def list_responses(headers):
    """The responses, one after the other; a session in a header changes when a user signs in."""
    client, responses = Client(), []
    for method, path, body in REQUESTS:
        response = getattr(client, method)(f"/api/{path}", body, content_type="application/json", headers=headers)
        responses.append([method, path, response.status_code, response.content.decode()])
        headers = {name: response.get(name, value) for name, value in headers.items()}
    return responses


if __name__ == "__main__":
    prepare_shop()
    print(json.dumps({name: list_responses(headers) for name, headers in SESSIONS.items()}))
