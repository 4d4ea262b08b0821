"""The API as a JavaScript client without dependencies, with its types. What is the same for all operations stands in
`client_parts/`; the rest is the schema in other words."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personalization.api import authentication, schema

PARTS = Path(__file__).with_name("client_parts")


@dataclass(frozen=True)
class Method:
    """An operation, as a method of the client: `surface(surface, query, options)`."""

    name: str
    verb: str
    path: str
    """Below the API's root, with {names}."""
    told: dict[str, Any]
    """The operation, as the schema has it."""

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Those in the path, or in the query."""
        return [one for one in self.told.get("parameters", ()) if one["in"] == place]

    @property
    def keys(self) -> list[dict[str, Any]]:
        """What the path names, in its order."""
        return sorted(self.parameters("path"), key=lambda one: self.path.index(one["name"]))

    @property
    def sent(self) -> list[str]:
        """What else is given: query, body, or both."""
        given = {"query": self.parameters("query"), "body": self.told.get("requestBody")}
        return [name for name, value in given.items() if value]

    @property
    def query(self) -> str:
        """The name of the query's interface."""
        return f"{self.name[0].upper()}{self.name[1:]}Query"


def files() -> dict[str, str]:
    """The text of each file by its name: the client, and its types."""
    told = schema.openapi_schema()
    methods = [
        Method(one["operationId"], verb.upper(), path.removeprefix(f"/{schema.PREFIX}"), one)
        for path, operations in told["paths"].items()
        for verb, one in operations.items()
    ]
    queries = {one.query: _object(one.parameters("query")) for one in methods if one.parameters("query")}
    interfaces = [_interface(*one) for one in {**told["components"]["schemas"], **queries}.items()]
    headers = {"VISITOR": authentication.VISITOR_HEADER, "CUSTOMER": authentication.CUSTOMER_HEADER}
    script = {"METHODS": "".join(map(_script, methods)), **{name: f'"{said}"' for name, said in headers.items()}}
    types = {"METHODS": "".join(map(_signature, methods)).rstrip(), "INTERFACES": "\n\n".join(interfaces)}
    return {"client.js": _filled("client.js", script), "client.d.ts": _filled("client.d.ts", types)}


def _filled(name: str, texts: dict[str, str]) -> str:
    """The part of this name, with the texts at their places."""
    return re.sub("|".join(texts), lambda place: texts[place[0]], (PARTS / name).read_text(encoding="utf-8"))


def _script(method: Method) -> str:
    """The method itself."""
    names = [one["name"] for one in method.keys]
    path = f"path`{method.path.replace('{', '${')}`" if names else json.dumps(method.path)
    lasts = ["keepalive: true"] if method.told.get("x-outlives-the-page") else []
    return (
        f"\n  {method.name}({', '.join([*names, *method.sent, 'options'])}) {{\n"
        f'    return this.#ask("{method.verb}", {path}, {{ {", ".join([*method.sent, *lasts, "...options"])} }});\n'
        "  }\n"
    )


def _signature(method: Method) -> str:
    """The method's type."""
    keys = [f"{one['name']}: {_type(one['schema'])}" for one in method.keys]
    query = [f"query{_optional(method.parameters('query'))}: {method.query}"] if "query" in method.sent else []
    arguments = ", ".join([*keys, *query, *_body(method.told), "options?: Options"])
    return f"\n{_comment(method.told, '  ')}  {method.name}({arguments}): Promise<{_answer(method.told)}>;\n"


def _body(told: dict[str, Any]) -> list[str]:
    if "requestBody" not in told:
        return []
    body = told["requestBody"]
    return [f"body{'' if body.get('required') else '?'}: {_type(body['content']['application/json']['schema'])}"]


def _optional(parameters: list[dict[str, Any]]) -> str:
    return "" if any(one.get("required") for one in parameters) else "?"


def _answer(told: dict[str, Any]) -> str:
    """What the promise gives: only a success is given."""
    good = [answer for status, answer in told["responses"].items() if status.startswith("2")]
    kinds = [_type(one["content"]["application/json"]["schema"]) if "content" in one else "void" for one in good]
    return " | ".join(kinds)


def _object(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """A query as a schema like that of a body."""
    return {
        "type": "object",
        "required": [one["name"] for one in parameters if one.get("required")],
        "properties": {one["name"]: {**one["schema"], "description": one.get("description", "")} for one in parameters},
    }


def _interface(name: str, told: dict[str, Any]) -> str:
    """A component, or a query."""
    if told.get("type") != "object" or "properties" not in told:
        return f"{_comment(told)}export type {name} = {_type(told)};"
    fields = "".join(_field(name, one, told.get("required", ())) for name, one in told["properties"].items())
    return f"{_comment(told)}export interface {name} {{\n{fields}}}"


def _field(name: str, told: dict[str, Any], required: Any) -> str:
    return f"{_comment(told, '  ')}  {name}{'' if name in required else '?'}: {_type(told)};\n"


def _comment(told: dict[str, Any], indent: str = "") -> str:
    words = " ".join(told.get("description", "").replace("*/", "* /").split())
    return f"{indent}/** {words} */\n" if words else ""


def _type(told: dict[str, Any]) -> str:
    """A schema as a type."""
    if "$ref" in told:
        return told["$ref"].rpartition("/")[2]
    if "enum" in told:
        return " | ".join(json.dumps(value) for value in told["enum"])
    for word, sign in (("allOf", " & "), ("oneOf", " | "), ("anyOf", " | ")):
        if word in told:
            return sign.join(map(_type, told[word]))
    kinds = told["type"] if isinstance(told["type"], list) else [told["type"]]
    return " | ".join(_plain(kind, told) for kind in kinds)


def _plain(kind: str, told: dict[str, Any]) -> str:
    if kind == "array":
        return f"Array<{_type(told['items'])}>"
    if kind == "object":
        values = told.get("additionalProperties")
        return f"Record<string, {_type(values) if isinstance(values, dict) and values else 'unknown'}>"
    return {"integer": "number"}.get(kind, kind)
