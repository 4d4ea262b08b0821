"""Writes the API's JavaScript client and its types from the schema: `python tools/generate_client.py [FOLDER]`.

Without a folder it writes the client that the package ships. What all operations have in common is in `client_parts/`.
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("client_parts")
SHIPPED_CLIENT = ROOT / "personalization" / "static" / "personalization"


@dataclass(frozen=True)
class ClientMethod:
    """An operation of the API as a method of the client: `surface(surface, query, options)`."""

    name: str
    http_method: str
    path: str
    """Below the API's root, with {names}."""
    operation: dict[str, Any]
    """The operation as it is in the schema."""

    def parameters(self, location: str) -> list[dict[str, Any]]:
        """The parameters in the "path" or in the "query"."""
        return [parameter for parameter in self.operation.get("parameters", ()) if parameter["in"] == location]

    @property
    def path_parameters(self) -> list[dict[str, Any]]:
        """The parameters in the path, in its order."""
        return sorted(self.parameters("path"), key=lambda parameter: self.path.index(parameter["name"]))

    @property
    def payload_arguments(self) -> list[str]:
        """The arguments after those of the path: query, body, or both."""
        payload = {"query": self.parameters("query"), "body": self.operation.get("requestBody")}
        return [name for name, value in payload.items() if value]

    @property
    def query_interface(self) -> str:
        """The name of the TypeScript interface of the query."""
        return f"{self.name[0].upper()}{self.name[1:]}Query"


def client_files() -> dict[str, str]:
    """The text of each file by its name: the client, and its types. Django must be set up."""
    from personalization.api import authentication, schema  # noqa: PLC0415 - after Django is set up

    document = schema.openapi_schema()
    methods = [
        ClientMethod(operation["operationId"], verb.upper(), path.removeprefix(f"/{schema.PREFIX}"), operation)
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    ]
    queries = {
        method.query_interface: _query_schema(parameters)
        for method in methods
        if (parameters := method.parameters("query"))
    }
    components = {**document["components"]["schemas"], **queries}
    interfaces = [_interface(name, component) for name, component in components.items()]
    script = {
        "METHODS": "".join(map(_method_script, methods)),
        "VISITOR": json.dumps(authentication.VISITOR_HEADER),
        "CUSTOMER": json.dumps(authentication.CUSTOMER_HEADER),
    }
    types = {"METHODS": "".join(map(_method_type, methods)).rstrip(), "INTERFACES": "\n\n".join(interfaces)}
    return {"client.js": _fill_template("client.js", script), "client.d.ts": _fill_template("client.d.ts", types)}


def _fill_template(name: str, texts: dict[str, str]) -> str:
    template = (TEMPLATES / name).read_text(encoding="utf-8")
    return re.sub("|".join(texts), lambda match: texts[match[0]], template)


def _method_script(method: ClientMethod) -> str:
    names = [parameter["name"] for parameter in method.path_parameters]
    path = f"path`{method.path.replace('{', '${')}`" if names else json.dumps(method.path)
    fixed_options = ["keepalive: true"] if method.operation.get("x-outlives-the-page") else []
    options = ", ".join([*method.payload_arguments, *fixed_options, "...options"])
    return (
        f"\n  {method.name}({', '.join([*names, *method.payload_arguments, 'options'])}) {{\n"
        f'    return this.#ask("{method.http_method}", {path}, {{ {options} }});\n'
        "  }\n"
    )


def _method_type(method: ClientMethod) -> str:
    arguments = [f"{parameter['name']}: {_type(parameter['schema'])}" for parameter in method.path_parameters]
    if query := method.parameters("query"):
        optional = "" if any(parameter.get("required") for parameter in query) else "?"
        arguments.append(f"query{optional}: {method.query_interface}")
    if body := method.operation.get("requestBody"):
        optional = "" if body.get("required") else "?"
        arguments.append(f"body{optional}: {_type(body['content']['application/json']['schema'])}")
    signature = f"{method.name}({', '.join([*arguments, 'options?: Options'])})"
    return f"\n{_comment(method.operation, '  ')}  {signature}: Promise<{_result_type(method.operation)}>;\n"


def _result_type(operation: dict[str, Any]) -> str:
    """The type of a successful response: everything else is thrown."""
    responses = [response for status, response in operation["responses"].items() if status.startswith("2")]
    return " | ".join(
        _type(response["content"]["application/json"]["schema"]) if "content" in response else "void"
        for response in responses
    )


def _query_schema(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of a query, as a schema like that of a body."""
    return {
        "type": "object",
        "required": [parameter["name"] for parameter in parameters if parameter.get("required")],
        "properties": {
            parameter["name"]: {**parameter["schema"], "description": parameter.get("description", "")}
            for parameter in parameters
        },
    }


def _interface(name: str, schema: dict[str, Any]) -> str:
    if schema.get("type") != "object" or "properties" not in schema:
        return f"{_comment(schema)}export type {name} = {_type(schema)};"
    required = schema.get("required", ())
    fields = "".join(
        f"{_comment(field, '  ')}  {key}{'' if key in required else '?'}: {_type(field)};\n"
        for key, field in schema["properties"].items()
    )
    return f"{_comment(schema)}export interface {name} {{\n{fields}}}"


def _comment(schema: dict[str, Any], indent: str = "") -> str:
    text = " ".join(schema.get("description", "").replace("*/", "* /").split())
    return f"{indent}/** {text} */\n" if text else ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for keyword, operator in (("allOf", " & "), ("oneOf", " | "), ("anyOf", " | ")):
        if keyword in schema:
            return operator.join(map(_type, schema[keyword]))
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " | ".join(_plain_type(name, schema) for name in names)


def _plain_type(name: str, schema: dict[str, Any]) -> str:
    if name == "array":
        return f"Array<{_type(schema['items'])}>"
    if name == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {_type(values) if isinstance(values, dict) and values else 'unknown'}>"
    return {"integer": "number"}.get(name, name)


def main(arguments: list[str] | None = None) -> None:
    """Writes both files into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=SHIPPED_CLIENT)
    folder = parser.parse_args(arguments).folder
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder; make it first, or name another one.")
    for name, text in client_files().items():
        try:
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            parser.error(f"{folder / name} cannot be written: {error.strerror}.")
        print(f"Written: {folder / name}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    main()
