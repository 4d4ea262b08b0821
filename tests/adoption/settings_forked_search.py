"""The shop with our three lines, a fork of Oscar's search and a class loader of its own."""

from tests.adoption.settings_adopted import *  # noqa: F403
from tests.settings_without_migrations import NoMigrations

INSTALLED_APPS = [
    {"oscar.apps.search.apps.SearchConfig": "tests.adoption.forked_search.apps.SearchConfig"}.get(app, app)
    for app in INSTALLED_APPS  # noqa: F405
]
PERSONALIZATION = {"WRAPPED_CLASS_LOADER": "tests.adoption.own_class_loader.load_classes"}
MIGRATION_MODULES = NoMigrations()
