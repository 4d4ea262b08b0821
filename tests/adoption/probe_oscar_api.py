"""Asks django-oscar-api for what a storefront needs and prints what each answers, as JSON."""

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
ASKED = (
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


def prepared():
    """A shop of a few products; ann has a password."""
    settings.MIGRATION_MODULES = NoMigrations()
    django.setup()
    logging.getLogger("django.request").disabled = True  # what is refused; what else is logged is ours
    call_command("migrate", run_syncdb=True, verbosity=0)
    probe_main_pages.stocked()
    ann = get_user_model().objects.get(username="ann")
    ann.set_password(PASSWORD)
    ann.save()
    return ann


def answers(headers):
    """What is answered, one after the other; the session in a header is another one once somebody signed in."""
    client, told = Client(), []
    for method, path, body in ASKED:
        answer = getattr(client, method)(f"/api/{path}", body, content_type="application/json", headers=headers)
        told.append([method, path, answer.status_code, answer.content.decode()])
        headers = {name: answer.get(name, value) for name, value in headers.items()}
    return told


if __name__ == "__main__":
    prepared()
    print(json.dumps({name: answers(headers) for name, headers in SESSIONS.items()}))
