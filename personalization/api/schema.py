"""The API as OpenAPI 3.1, independent of the settings of the shop's own schema."""

import threading
from functools import cache
from typing import Any

from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, patched_settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.openapi import COMPONENTS, operation
from personalization.api.views_base import APIEndpoint, cacheable_response

PREFIX = "personalization/api/v1/"
OUR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "personalization",
    "DESCRIPTION": "Personalised rows and lists for storefronts that are not Django templates.",
    "VERSION": "1",
    "APPEND_COMPONENTS": COMPONENTS,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SCHEMA_PATH_PREFIX": f"/{PREFIX}",
    "ENUM_NAME_OVERRIDES": {},
}
_schema_lock = threading.Lock()


class SchemaEndpoint(APIEndpoint):
    """For client generators and tests."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: the answer does not depend on the requester."""
        return []

    @operation(exclude=True)
    def get(self, request: Request) -> Response:
        """The OpenAPI 3.1 schema of all other endpoints."""
        return cacheable_response(
            request, {**openapi_schema(), "servers": [{"url": _server_url(request)}]}, shared=True
        )


def openapi_schema() -> dict[str, Any]:
    """The schema; built once a process."""
    with _schema_lock:
        return _build_schema()


@cache
def _build_schema() -> dict[str, Any]:
    from personalization.api import urls  # noqa: PLC0415 - urls import this module

    defaults = {name: value for name, value in SPECTACULAR_DEFAULTS.items() if _is_patchable(name)}
    patterns = [path(PREFIX, include((urls.urlpatterns, urls.app_name)))]
    with patched_settings({**defaults, **OUR_SETTINGS}), GENERATOR_STATS.silence():
        return SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)


def _is_patchable(name: str) -> bool:
    return not name.startswith("SERVE_") and name != "DEFAULT_GENERATOR_CLASS"


def _server_url(request: Request) -> str:
    """The part of the URL before the paths: where the shop has included the app's URLs."""
    return request._request.path.partition(PREFIX)[0].rstrip("/") or "/"
