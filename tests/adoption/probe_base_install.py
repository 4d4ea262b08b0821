"""Serves a shop where only what web processes need is installed, and prints what happened as JSON.

The shop has been made and trained by `probe_trained_shop`, with everything installed.
"""

import importlib
import json
import logging
import sys
from contextlib import suppress
from io import StringIO

import django
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

SHOP = ("/", "/catalogue/", "/search/?q=tea", "/basket/", "/personalization/privacy/", "/accounts/login/")
API = (
    "surfaces/home/",
    "surfaces/basket/",
    "navigation/",
    "continue/",
    "me/preferences/",
    "me/data/",
    "health/",
    "schema/",
)
WITHOUT = ("scipy", "sklearn", "lightgbm", "tqdm", "celery", "pandas", "prometheus_client")
NEEDS_TRAINING = (
    ("personalization_train",),
    ("personalization_evaluate",),
    ("personalization_evaluate", "--value"),
    ("personalization_export", "lists.csv", "--as-of", "2026-01-01"),
)
NEEDS_NOTHING = (
    ("check",),
    ("personalization_measure",),
    ("personalization_apply_retention",),
    ("personalization_messages",),
)


def page_addresses():
    """The shop's pages, our API, and each screen of the dashboard that no key is needed for."""
    from oscar.apps.catalogue.models import Category, Product

    from personalization.oscar.dashboard.urls import urlpatterns

    product = Product.objects.browsable().first()
    own = [product.get_absolute_url(), Category.objects.first().get_absolute_url()]
    api = [f"/personalization/api/v1/{path}" for path in (*API, "schema/", f"surfaces/product/?product={product.pk}")]
    screens = [reverse(f"personalization:{one.name}") for one in urlpatterns if "<" not in str(one.pattern)]
    screens.append(reverse("personalization:personalization-product", args=[product.pk]))
    return [*SHOP, *own, *api, *screens]


def visit_pages():
    """{address: status} for a superuser who agreed; rows by page, and whether they are of the snapshot."""
    from django.contrib.auth.models import User

    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="ann"))
    pages = {address: client.get(address) for address in page_addresses()}
    rows = {address: page.content.decode().count("data-row=") for address, page in pages.items() if not page.streaming}
    return {address: page.status_code for address, page in pages.items()}, {name: n for name, n in rows.items() if n}


def run_command(*command):
    """What a command says, or its CommandError; any other error ends this process."""
    output = StringIO()
    try:
        call_command(*command, stdout=output, stderr=StringIO())
    except CommandError as error:
        return f"CommandError: {error}"
    return output.getvalue()


def import_tasks():
    """The error of importing the tasks."""
    try:
        importlib.import_module("personalization.tasks")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "imported"


if __name__ == "__main__":
    django.setup()
    logging.getLogger("django.request").disabled = True  # screens that are posted to
    statuses, rows = visit_pages()
    loaded = sorted(name for name in WITHOUT if name in sys.modules)
    installed = []
    for name in WITHOUT:
        with suppress(ImportError):
            importlib.import_module(name)
            installed.append(name)
    print(
        json.dumps(
            {
                "from": importlib.import_module("personalization").__file__,
                "statuses": statuses,
                "rows": rows,
                "loaded": loaded,
                "installed": installed,
                "need training": {" ".join(one): run_command(*one) for one in NEEDS_TRAINING},
                "need nothing": {" ".join(one): run_command(*one) for one in NEEDS_NOTHING},
                "tasks": import_tasks(),
            }
        )
    )
