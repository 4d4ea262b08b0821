"""The example shop, as small and as fast as tests want it. TEST_DATABASE_URL=postgres://... runs them on PostgreSQL.

Each worker of `pytest -n` has its own database, files and, from the one that TEST_REDIS_URL names on, Redis database:
tests clear the cache.
"""

import atexit
import os
import shutil
import tempfile

os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
os.environ["SHOP_DATA"] = tempfile.mkdtemp(prefix="personalization-tests-")
atexit.register(shutil.rmtree, os.environ["SHOP_DATA"], ignore_errors=True)

from oscar import defaults  # noqa: E402

from example_shop.settings import *  # noqa: E402, F403

OSCAR_SEARCH_FACETS = defaults.OSCAR_SEARCH_FACETS  # most shops have some
INSTALLED_APPS = [*INSTALLED_APPS, "cookie_consent"]  # noqa: F405 - our adapter is tried on the real thing
PERSONALIZATION = {"SNAPSHOT_DIR": PERSONALIZATION["SNAPSHOT_DIR"]}  # noqa: F405 - else as a shop begins
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"  # a test that searches builds the index itself
if os.environ.get("TEST_REDIS_URL"):
    server, _, number = os.environ["TEST_REDIS_URL"].rpartition("/")
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"{server}/{int(number) + worker}",
            "KEY_PREFIX": "personalization-tests",
        }
    }
