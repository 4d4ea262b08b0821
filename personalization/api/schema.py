"""The API in its own words: OpenAPI 3.1, whatever the shop's own schema looks like."""

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
    "DESCRIPTION": "The shop's personal side for storefronts that are not Django templates.",
    "VERSION": "1",
    "APPEND_COMPONENTS": COMPONENTS,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SCHEMA_PATH_PREFIX": f"/{PREFIX}",
    "ENUM_NAME_OVERRIDES": {},
}
_one_at_a_time = threading.Lock()


class SchemaEndpoint(APIEndpoint):
    """For generators of clients, and for tests."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: it is the same for everybody."""
        return []

    @operation(exclude=True)
    def get(self, request: Request) -> Response:
        """OpenAPI 3.1 of these endpoints."""
        return cacheable_response(request, {**openapi_schema(), "servers": [{"url": _root(request)}]}, shared=True)


def openapi_schema() -> dict[str, Any]:
    """The schema; made once in a process."""
    with _one_at_a_time:
        return _build_schema()


@cache
def _build_schema() -> dict[str, Any]:
    from personalization.api import urls  # noqa: PLC0415 - they name this view

    theirs = {name: value for name, value in SPECTACULAR_DEFAULTS.items() if _can_be_set(name)}
    patterns = [path(PREFIX, include((urls.urlpatterns, urls.app_name)))]
    with patched_settings({**theirs, **OUR_SETTINGS}), GENERATOR_STATS.silence():
        return SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)


def _can_be_set(name: str) -> bool:
    return not name.startswith("SERVE_") and name != "DEFAULT_GENERATOR_CLASS"


def _root(request: Request) -> str:
    """What stands before the paths: where the shop has included our addresses."""
    return request._request.path.partition(PREFIX)[0].rstrip("/") or "/"
