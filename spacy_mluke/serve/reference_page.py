"""The page /docs: the API's description (OpenAPI) as HTML, without external files."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, List
from urllib.parse import quote, urlencode

from ..rendering.markup import Html, fill, join
from ..rendering.page import document
from ..rendering.tables import table

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render_reference(openapi: Dict[str, Any], address: str = "localhost:8000") -> str:
    """Render the description of an API.

    openapi (Dict[str, Any]): The description, as OpenAPI 3.1.
    address (str): Host and port of the server, for the examples.
    RETURNS (str): HTML.
    """
    schemas = openapi["components"]["schemas"]
    parts: List[Html] = [
        fill("<h1>{} {}</h1><p>{}</p>", openapi["info"]["title"], openapi["info"]["version"], _text(openapi["info"])),
        fill('<p>For programs: <a href="openapi.json">openapi.json</a>.</p>'),
        fill(
            "<p>If the server has a token, requests to it need the header <code>Authorization: Bearer TOKEN</code>.</p>"
        ),
    ]
    for path, methods in openapi["paths"].items():
        for method, found in methods.items():
            parts.append(fill("<h2>{} {}</h2><p>{}</p>", method.upper(), path, found["summary"]))
            if _text(found):
                parts.append(fill("<p>{}</p>", _text(found)))
            parts.append(_parameters(found.get("parameters", [])))
            if "requestBody" in found:
                parts.append(fill("<h3>Request</h3>{}", _members(_schema(found["requestBody"], schemas))))
            parts.append(fill("<h3>Example</h3><pre>{}</pre>", example_command(path, found, schemas, address)))
            parts.append(fill("<h3>Response</h3>{}", _members(_schema(found["responses"]["200"], schemas))))
    parts.append(Html("<h2>Parts of requests and responses</h2>"))
    for name, own in schemas.items():
        parts.append(fill('<h3 id="{}">{}</h3>{}', name, name, _members(own)))
    return document("spacy_mluke: API", "", join(parts))


def example_command(path: str, found: Dict[str, Any], schemas: Dict[str, Any], address: str) -> str:
    """Return a command that sends an example of a request.

    path (str): The path.
    found (Dict[str, Any]): The operation.
    schemas (Dict[str, Any]): All schemas.
    address (str): Host and port.
    RETURNS (str): A command for a shell.
    """
    query: Dict[str, str] = {}
    for one in found.get("parameters", ()):
        for value in one["schema"].get("examples", one.get("examples", ()))[:1]:
            if one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", quote(value, safe=""))
            else:
                query[one["name"]] = value
    words = ["curl", "-s", address + path + (f"?{urlencode(query)}" if query else "")]
    if "requestBody" in found:
        body = json.dumps(_schema(found["requestBody"], schemas)["examples"][0], ensure_ascii=False)
        words += ["-H", "Content-Type: application/json", "-d", body]
    return shlex.join(words)


def _text(found: Dict[str, Any]) -> str:
    return str(found.get("description", ""))


def _schema(content: Dict[str, Any], schemas: Dict[str, Any]) -> Dict[str, Any]:
    reference = content["content"]["application/json"]["schema"]["$ref"]
    found: Dict[str, Any] = schemas[reference.rpartition("/")[2]]
    return found


def _parameters(parameters: List[Dict[str, Any]]) -> Html:
    rows = [(one["name"], _type(one["schema"]), "yes" if one["required"] else "no", _text(one)) for one in parameters]
    return table(("parameter", "type", "required", ""), rows, kind="mluke-facts") if rows else Html("")


def _members(schema: Dict[str, Any]) -> Html:
    required = schema.get("required", ())
    rows = [
        (name, _type(own), "yes" if name in required else "no", _text(own))
        for name, own in schema.get("properties", {}).items()
    ]
    return table(("member", "type", "required", ""), rows, kind="mluke-facts")


def _type(schema: Dict[str, Any]) -> str:
    """Return a type in words, such as "list of Entity"."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    kind = str(schema.get("type", "any"))
    return f"list of {_type(schema['items'])}" if kind == "array" and "items" in schema else kind
