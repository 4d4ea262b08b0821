"""How endpoints are described in the schema: their authentication and their problem responses."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

from personalization.api import authentication

PROBLEM_RESPONSE = {"$ref": "#/components/schemas/Problem"}
AUTHENTICATION_SCHEMES: list[dict[str, list[str]]] = [{"session": []}, {"visitor": []}, {"key": []}, {}]

COMPONENTS: dict[str, Any] = {
    "securitySchemes": {
        "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "With Django's CSRF token."},
        "visitor": {"type": "apiKey", "in": "header", "name": authentication.VISITOR_HEADER},
        "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Key, a space, the key."},
    },
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. `code` stays the same in all languages and releases.",
            "required": ["type", "title", "status", "code", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "code": {"type": "string"},
                "detail": {"type": "string"},
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemOfField"}},
            },
        },
        "ProblemOfField": {
            "type": "object",
            "required": ["field", "code", "detail"],
            "properties": {
                "field": {"type": "string", "description": "For instance requests.0.product; empty for the whole."},
                "code": {"type": "string"},
                "detail": {"type": "string"},
            },
        },
    },
}


class OperationSchema(AutoSchema):
    """drf-spectacular's own, with the API's authentication schemes and problem responses."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The authentication schemes; none where the answer does not depend on the requester."""
        return AUTHENTICATION_SCHEMES if self.view.get_authenticators() else [{}]

    def get_tags(self) -> list[str]:
        """One tag for all operations."""
        return ["personalization"]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation with its problem response. An empty value in a query counts as absent."""
        operation = super().get_operation(*args, **kwargs)
        if operation:
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    parameter["allowEmptyValue"] = True
            problem = {"description": "Refused.", "content": {"application/problem+json": {"schema": PROBLEM_RESPONSE}}}
            operation["responses"]["default"] = problem
        return operation


def operation(**options: Any) -> Callable[[Callable], Callable]:
    """drf-spectacular's `extend_schema` on top of `OperationSchema`, and not of the shop's own schema class."""

    def decorate(method: Callable) -> Callable:
        method.kwargs = {"schema": OperationSchema}  # type: ignore[attr-defined]
        return extend_schema(**options)(method)

    return decorate
