"""Opens every page of Oscar's that an address leads to and prints what each answers, as JSON."""

import json
import logging
import re

import django
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse

from tests.adoption import probe_main_pages
from tests.settings_without_migrations import NoMigrations

GIVEN = {
    "product_slug": "tea",
    "category_slug": "tea",
    "review_pk": 1,
    "order_number": "000000",
    "slug": "tea",
    "pk": 1,
}
LEAVES = "customer:logout"


def names(patterns, namespaces=()):
    """The name of every view of Oscar's that has one, with what its address takes."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inside = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from names(pattern.url_patterns, inside)
        elif pattern.name and namespaces[:1] not in (("admin",), ("personalization",)):
            yield ":".join((*namespaces, pattern.name)), pattern.pattern.regex.groupindex


def addresses():
    """The addresses that can be told without knowing more than what is given."""
    for name, takes in sorted(names(get_resolver().url_patterns), key=lambda found: found[0]):
        if name != LEAVES:
            try:
                yield name, reverse(name, kwargs={key: GIVEN.get(key, 1) for key in takes})
            except NoReverseMatch:
                continue


def answer(client, address):
    response = client.get(address)
    page = response.content.decode(errors="replace") if not response.streaming else ""
    return {
        "status": response.status_code,
        "leads to": response.get("Location"),
        "title": re.findall(r"<title>(.*?)</title>", page, re.DOTALL),
        "fields": sorted(set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"', page))),
    }


def people():
    """Nobody, and a member of staff who shops here."""
    from django.contrib.auth.models import User

    User.objects.filter(username="ann").update(is_staff=True, is_superuser=True)
    return {"nobody": None, "ann": User.objects.get(username="ann")}


def all_answers(user):
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return {name: answer(client, address) for name, address in [("root", "/"), *addresses()]}


if __name__ == "__main__":
    settings.MIGRATION_MODULES = NoMigrations()
    django.setup()
    logging.getLogger("django.request").disabled = True  # pages that are not there; what else is logged is ours
    call_command("migrate", run_syncdb=True, verbosity=0)
    probe_main_pages.stocked()
    print(json.dumps({name: all_answers(user) for name, user in people().items()}))
