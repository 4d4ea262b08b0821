"""The example shop as `load.py` serves it: persistent connections, and one proxy that names the client."""

import os

from example_shop.settings import *  # noqa: F403
from example_shop.settings import DATABASES, PERSONALIZATION

DATABASES = {"default": {**DATABASES["default"], "CONN_MAX_AGE": 60}}
PERSONALIZATION = {**PERSONALIZATION, "NUM_PROXIES": 1}
if os.environ.get("REDIS_URL"):
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"]}
    }
