"""The operations of the API for the permission matrix: read from its document, with a body that is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.api.urls import api

BODIES: Mapping[str, Any] = {
    "typed_name": "mark-inside",
    "person": "nobody",
    "label": "team=mark-label",
    "labels": {"team": "mark-label"},
    "topics": ["deployment.failed"],
    "resources": [{"type": "AWS::SNS::Topic", "id": "topic"}],
    "start_time": "01:00",
    "end_time": "02:00",
}
"""Values that must be about a row or have a form; all others are the examples of the document."""
KEYS = {
    "environment_id": "environment",
    "account_id": "account",
    "set_id": "source",
    "version_id": "version",
    "fetch_id": "fetch",
    "ref_id": "ref",
    "window_id": "window",
    "person_id": "person",
    "team_id": "team",
    "grant_id": "grant",
    "rule_id": "rule",
}
"""The rows of the world by the parameters of paths. Others do not exist: personal things."""
QUERY = {"until": 1, "first": 1, "second": 1}
MISSING = 999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `names` are the parameters of its path, `body` is None for a read."""

    id: str
    method: str
    path: str
    body: Any = None

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the parameters in the path."""
        return frozenset(re.findall(r"{(\w+)}", self.path))

    @property
    def is_about_environment(self) -> bool:
        """Return whether the path names an environment, or a deployment of one."""
        return bool(self.names & {"environment_id", "deployment_id"})

    def address(self, rows: Mapping[str, int]) -> str:
        """Return the path with rows. What is requested is requested of a preview."""
        keys = KEYS | {"deployment_id": "deployment" if self.method == "get" else "change"}
        return re.sub(r"{(\w+)}", lambda found: str(rows.get(keys.get(found[1], ""), MISSING)), self.path)


def operations() -> list[Operation]:
    """Return every operation of the API's document."""
    document = api.get_openapi_schema()
    return list(_operations(document))


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            query = [
                one["name"] for one in operation["parameters"] if one["in"] == "query" and one["required"]
            ]
            address = path + ("?" + "&".join(f"{name}={QUERY[name]}" for name in query) if query else "")
            body = _body(document, operation) if method != "get" else None
            yield Operation(id=operation["operationId"], method=method, path=address, body=body)


def _body(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return b"PK"
    schema = _resolved(document, content["application/json"]["schema"])
    return {
        name: _value(document, name, schema["properties"][name])
        for name in [*schema.get("required", ()), *({"person"} & schema.get("properties", {}).keys())]
    }


def _value(document: dict[str, Any], name: str, schema: dict[str, Any]) -> Any:
    schema = _resolved(document, schema)
    if name in BODIES:
        return BODIES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if examples := schema.get("examples"):
        return examples[0]
    return {"boolean": True, "integer": 1, "array": [], "object": {}}.get(schema.get("type", ""), "text")


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
