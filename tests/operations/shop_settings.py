"""A shop as it is operated: PostgreSQL, Redis as cache, another as broker, Celery with a beat that reads a table."""

import os

from tests.faults.served.settings_with_us import *  # noqa: F403
from tests.settings_without_migrations import NoMigrations

MIGRATION_MODULES = NoMigrations()
INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_beat"]  # noqa: F405
CELERY_BROKER_URL = os.environ["OPERATIONS_BROKER"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
DJANGO_CELERY_BEAT_TZ_AWARE = True
