"""A process of the documented layout: its folders are its own, and snapshots come from a storage without paths."""

import os
from pathlib import Path

from tests.operations.host_log import LOGGING  # noqa: F401
from tests.operations.shop_settings import *  # noqa: F403

HOST_FOLDER = Path(os.environ["HOST_FOLDER"])
MEDIA_ROOT = HOST_FOLDER / "media"
ROOT_URLCONF = "tests.operations.host_urls"
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # noqa: F405
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "personalization": {
        "BACKEND": "tests.train.storages.NoDiskOfOurs",
        "OPTIONS": {"location": os.environ["SHARED_STORAGE"]},
    },
}
PERSONALIZATION = {
    **PERSONALIZATION,  # noqa: F405
    "SNAPSHOT_DIR": str(HOST_FOLDER / "not shared"),
    "SNAPSHOT_CACHE_DIR": str(HOST_FOLDER / "copy"),
    "NUM_PROXIES": 1,
}
