"""How one endpoint is described in the schema: who may ask it, and how it refuses."""

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
    """REST framework's own, with our ways to be known, and problems for all that is refused."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Whichever; none is needed where nothing is anybody's."""
        return AUTHENTICATION_SCHEMES if self.view.get_authenticators() else [{}]

    def get_tags(self) -> list[str]:
        """One for all."""
        return ["personalization"]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation, and how it refuses. An empty value in a query is like none."""
        operation = super().get_operation(*args, **kwargs)
        if operation:
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    parameter["allowEmptyValue"] = True
            refused = {"description": "Refused.", "content": {"application/problem+json": {"schema": PROBLEM_RESPONSE}}}
            operation["responses"]["default"] = refused
        return operation


def operation(**what: Any) -> Callable[[Callable], Callable]:
    """Spectacular's `extend_schema` over `Operations`; by itself it extends what the shop has set for its own API."""

    def told(method: Callable) -> Callable:
        method.kwargs = {"schema": OperationSchema}  # type: ignore[attr-defined]
        return extend_schema(**what)(method)

    return told
