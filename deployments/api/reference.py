"""The reference of the API as a page of the portal, rendered from the OpenAPI document."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from deployments.api.urls import api

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedValue:
    """A parameter, or a field of a schema. `of` is the name of the schema that it is of."""

    name: str
    type: str
    of: str = ""
    place: str = ""
    required: bool = False
    description: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEntry:
    """An operation with what it takes and returns."""

    id: str
    method: str
    path: str
    description: str
    parameters: list[DocumentedValue]
    body: str
    returns: str
    statuses: str


@require_GET
@gzip_page
def api_reference(request: HttpRequest) -> HttpResponse:
    """Show the operations of the API and their schemas."""
    document = _document()
    context = {
        "description": document["info"]["description"],
        "groups": _groups(document),
        "schemas": [
            (name, one.get("description", ""), _fields(one))
            for name, one in sorted(document["components"]["schemas"].items())
        ],
    }
    return render(request, "api/api_reference.html", context)


@lru_cache(maxsize=1)
def _document() -> Document:
    found: Document = json.loads(json.dumps(api.get_openapi_schema()))
    return found


def _groups(document: Document) -> list[tuple[str, list[OperationEntry]]]:
    groups: dict[str, list[OperationEntry]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append(_operation(method, path, operation))
    return list(groups.items())


def _operation(method: str, path: str, operation: Document) -> OperationEntry:
    responses = operation["responses"]
    returned: Document = next((one for status, one in responses.items() if status < "300"), {})
    return OperationEntry(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        description=operation.get("description", ""),
        parameters=[
            DocumentedValue(
                name=one["name"],
                type=_type(one["schema"]),
                place=one["in"],
                required=one["required"],
                description=one.get("description", ""),
            )
            for one in operation.get("parameters", ())
        ],
        body=_content(operation.get("requestBody", {})),
        returns=_content(returned),
        statuses=", ".join(responses),
    )


def _content(holder: Document) -> str:
    """Return the name of the schema of a body or a response, "" without one."""
    for content in holder.get("content", {}).values():
        return str(content["schema"].get("$ref", "")).rpartition("/")[2]
    return ""


def _fields(schema: Document) -> list[DocumentedValue]:
    required = schema.get("required", ())
    return [
        DocumentedValue(
            name=name,
            type=_type(one),
            of=next(_references(one), ""),
            required=name in required,
            description=one.get("description", ""),
            example=json.dumps(one["examples"][0], ensure_ascii=False) if one.get("examples") else "",
        )
        for name, one in schema.get("properties", {}).items()
    ] or [DocumentedValue(name=str(value), type="") for value in schema.get("enum", ())]


def _references(schema: Document) -> Iterator[str]:
    """Yield the names of the schemas that a field is of."""
    for one in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        if "$ref" in one:
            yield one["$ref"].rpartition("/")[2]


def _type(schema: Document) -> str:
    """Return the type of a value in a few words."""
    if "anyOf" in schema:
        return " | ".join(filter(None, map(_type, schema["anyOf"])))
    name = str(schema.get("format") or schema.get("type") or "")
    return f"{name} of {_type(schema['items'])}".removesuffix(" of ") if "items" in schema else name
