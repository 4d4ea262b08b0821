"""Oscar's plain shop as it is served in production: no DEBUG, PostgreSQL, Redis, connections that stay open."""

import os

from example_shop.settings import database
from tests.adoption.settings_plain import *  # noqa: F403

DEBUG = False
MIDDLEWARE = [*MIDDLEWARE, "tests.faults.served.time_outs.TellTimeOuts"]  # noqa: F405
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": TEMPLATES[0]["OPTIONS"]["context_processors"]},  # noqa: F405
    }
]
DATABASES = {"default": {**database(os.environ["SERVED_DATABASE"]), "ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 60}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ["SERVED_REDIS"],
        "OPTIONS": {"socket_timeout": 0.1},  # or Oscar itself waits for seconds, several times a page
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_PRODUCTS_PER_PAGE = 100
OSCAR_HOMEPAGE = "/"  # as with us, so that both link to it; nobody opens it here
