"""A plain shop with django-oscar-api, set up as its guide says."""

from tests.adoption.settings_plain import *  # noqa: F403

THEIRS = {
    "django.contrib.sessions.middleware.SessionMiddleware": "oscarapi.middleware.HeaderSessionMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware": "oscarapi.middleware.ApiBasketMiddleWare",
}
INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "oscarapi"]  # noqa: F405
MIDDLEWARE = [THEIRS.get(name, name) for name in MIDDLEWARE]  # noqa: F405
ROOT_URLCONF = "tests.adoption.urls_headless"
