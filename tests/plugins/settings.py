"""The test shop with the outside app, for a process of its own."""

from tests.without_migrations import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.plugins.outside"]  # noqa: F405
