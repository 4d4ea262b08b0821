"""Opens every page of Oscar's that can be addressed and prints the responses as JSON."""

import json
import logging
import re

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse
from django.utils.timezone import now

from tests.adoption import probe_main_pages
from tests.settings_without_migrations import NoMigrations

ARGUMENTS = {
    "product_slug": "tea",
    "category_slug": "tea",
    "review_pk": 1,
    "order_number": "000000",
    "slug": "tea",
    "pk": 1,
}
LOGOUT = "customer:logout"


def view_names(patterns, namespaces=()):
    """The name of every named view of Oscar's, and the arguments of its address."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inside = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from view_names(pattern.url_patterns, inside)
        elif pattern.name and namespaces[:1] not in (("admin",), ("personalization",)):
            yield ":".join((*namespaces, pattern.name)), pattern.pattern.regex.groupindex


def list_addresses():
    """The addresses that can be made of ARGUMENTS."""
    for name, takes in sorted(view_names(get_resolver().url_patterns), key=lambda view: view[0]):
        if name != LOGOUT:
            try:
                yield name, reverse(name, kwargs={key: ARGUMENTS.get(key, 1) for key in takes})
            except NoReverseMatch:
                continue


def describe_page(client, address):
    response = client.get(address)
    page = response.content.decode(errors="replace") if not response.streaming else ""
    return {
        "status": response.status_code,
        "leads to": response.get("Location"),
        "title": re.findall(r"<title>(.*?)</title>", page, re.DOTALL),
        "fields": sorted(set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"', page))),
    }


def list_users():
    """No user, and a member of staff with orders, who agreed to personalisation where it is installed."""
    from django.contrib.auth.models import User

    User.objects.filter(username="ann").update(is_staff=True, is_superuser=True)
    ann = User.objects.get(username="ann")
    if apps.is_installed("personalization"):
        from personalization.models import Visitor

        Visitor.objects.grant_all([ann.pk], version="1", source="test", now=now())
        call_command("personalization_train", verbosity=0)
    return {"nobody": None, "ann": ann}


def describe_all_pages(user):
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    searches = [(f"search for {query}", f"{reverse('search:search')}?q={query}") for query in ("tea", "nosuchthing")]
    return {name: describe_page(client, address) for name, address in [("root", "/"), *list_addresses(), *searches]}


if __name__ == "__main__":
    settings.MIGRATION_MODULES = NoMigrations()
    options = settings.TEMPLATES[0]["OPTIONS"]
    options["loaders"] = [("django.template.loaders.cached.Loader", options["loaders"])]
    django.setup()
    logging.getLogger("django.request").disabled = True  # pages that are not there; what else is logged is ours
    call_command("migrate", run_syncdb=True, verbosity=0)
    probe_main_pages.create_shop()
    print(json.dumps({name: describe_all_pages(user) for name, user in list_users().items()}))
