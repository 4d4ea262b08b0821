"""The test settings for a process of its own, whose tables are made without migrations: in memory, or in a file."""

import os

from tests.settings import *  # noqa: F403


class NoMigrations:
    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


MIGRATION_MODULES = NoMigrations()
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("TEST_DATABASE_FILE", ":memory:"),
        "ATOMIC_REQUESTS": True,
    }
}
if "TEST_SNAPSHOTS" in os.environ:
    PERSONALIZATION = {"SNAPSHOT_DIR": os.environ["TEST_SNAPSHOTS"]}
