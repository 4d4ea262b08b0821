"""Makes a small shop, whose superuser ann agreed to personalisation, and trains it."""

import django
from django.conf import settings
from django.core.management import call_command

from tests.adoption import probe_all_pages, probe_main_pages
from tests.settings_without_migrations import NoMigrations

if __name__ == "__main__":
    settings.MIGRATION_MODULES = NoMigrations()
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    probe_main_pages.create_shop()
    probe_all_pages.list_users()
