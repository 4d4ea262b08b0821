"""The test settings for processes that train together: each with a folder of its own, and one storage for all."""

import os

from django.conf import global_settings

from tests.settings_without_migrations import *  # noqa: F403

SHARED = os.environ["TEST_SHARED_STORAGE"]
STORAGES = {
    **global_settings.STORAGES,
    "personalization": {"BACKEND": "tests.train.storages.NoDiskOfOurs", "OPTIONS": {"location": SHARED}},
}
PERSONALIZATION = {
    "SNAPSHOT_DIR": os.environ["TEST_SNAPSHOTS"],
    "TRAINING_ENGINE": "celery",
    "CELERY_APP": "example_shop.celery.app",
}
CELERY_BROKER_URL = os.environ["TEST_BROKER"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
