"""A plain shop with our three lines, whose storefront is on another origin: docs/api.md, "What to expect"."""

from corsheaders.defaults import default_headers

from tests.adoption.settings_adopted import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]  # noqa: F405
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]  # noqa: F405
CORS_ALLOWED_ORIGINS = ["https://storefront.example"]
CORS_ALLOW_HEADERS = [*default_headers, "x-personalization-visitor"]
