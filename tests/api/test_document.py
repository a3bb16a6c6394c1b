"""The OpenAPI document stays compatible with the released one in docs/api/openapi.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.test import Client

from deployments.api.urls import api
from tests.api.clients import ROOT
from tests.api.compatibility import breaks
from tests.builders import make_user
from tests.pages.pages import page

RELEASED = Path("docs/api/openapi.json")


def current() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return found


def test_nothing_that_was_released_is_removed_or_narrowed() -> None:
    """A program that works with the released API works with this one."""
    assert not breaks(json.loads(RELEASED.read_text()), current())


def test_the_released_document_is_that_of_this_code() -> None:
    """After an addition: `manage.py api_document > docs/api/openapi.json`."""
    assert json.loads(RELEASED.read_text()) == current()


def test_the_document_is_valid_and_complete() -> None:
    """The document is valid OpenAPI 3.1 and describes the headers and errors of every operation."""
    document = current()
    schemathesis.openapi.from_dict(document).validate()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            wanted = {"401", "403", "422", "429"} | ({"404"} if "{" in path else set())
            assert wanted <= set(responses), (path, method)
            names = {one["name"] for one in operation["parameters"]}
            if method == "post":
                assert "409" in responses, path
                assert "Idempotency-Key" in names, path
            elif not path.endswith("/stream"):
                assert "If-None-Match" in names, path
                assert {"ETag", "RateLimit-Limit"} <= set(responses["200"]["headers"]), path
            for status, response in responses.items():
                assert "RateLimit-Remaining" in response["headers"], (path, status)
                if status >= "400":
                    example = response["content"]["application/problem+json"]["example"]
                    assert example["status"] == int(status), path


def test_the_reference_is_a_page_of_the_portal_without_parts_from_elsewhere(client: Client, db: None) -> None:
    client.force_login(make_user("vic"))

    shown = page(client.get("/api/v1/docs"))

    assert f"POST {ROOT}/environments/{{environment_id}}/previews" in shown.text
    assert shown.one(id="schema-Problem").text == "Problem"
    assert not [one for one in shown.all() if one.attributes.get("src", "/").startswith(("http", "//"))]
    targets = {one["href"][1:] for one in shown.all("a") if one.attributes.get("href", "").startswith("#")}
    assert targets <= {one.attributes["id"] for one in shown.all() if "id" in one.attributes}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def document() -> dict[str, Any]:
    value: dict[str, Any] = {
        "paths": {
            "/a": {
                "get": {
                    "parameters": [
                        {"in": "query", "name": "q", "required": False, "schema": {"type": "string"}}
                    ],
                    "responses": {
                        "200": {"content": {"json": {"schema": {"$ref": "#/components/schemas/A"}}}}
                    },
                    "requestBody": {"content": {"json": {"schema": ref("B")}}},
                }
            }
        },
        "components": {
            "schemas": {
                "A": {
                    "properties": {"id": {"type": "integer"}, "x": {"anyOf": [{"type": "null"}]}},
                    "required": ["id"],
                },
                "B": {"properties": {"name": {"type": "string"}}, "required": []},
            }
        },
    }
    return value


def changed(path: str, value: Any = None) -> dict[str, Any]:
    """Return the document with the value at a path replaced, or removed."""
    found = document()
    at: Any = found
    *steps, last = path.split(" ")
    for step in steps:
        at = at[int(step) if step.isdigit() and not isinstance(at, dict) else step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return found


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (changed("paths /a"), "GET /a was removed"),
        (changed("paths /a get responses 200"), "the response 200 was removed"),
        (changed("paths /a get parameters", []), "the parameter q was removed"),
        (changed("paths /a get parameters 0 required", value=True), "the parameter q is required now"),
        (changed("components schemas A properties id"), "id was removed"),
        (changed("components schemas A properties id type", "string"), "integer was narrowed to string"),
        (changed("components schemas A required", []), "id may be missing now"),
        (changed("components schemas B required", ["name"]), "name is required now"),
        (changed("components schemas B properties name"), "name was removed"),
    ],
)
def test_changes_that_break_programs_are_reported(new: dict[str, Any], sentence: str) -> None:
    (found,) = breaks(document(), new)

    assert sentence in found


@pytest.mark.parametrize(
    "new",
    [
        document(),
        changed("paths /b", {"get": {"responses": {}}}),
        changed("components schemas A properties new", {"type": "string"}),
        changed("components schemas B properties new", {"type": "string"}),
    ],
)
def test_additions_are_compatible(new: dict[str, Any]) -> None:
    assert not breaks(document(), new)


def test_the_document_says_where_the_api_is_and_its_limits_are_enforced(client: Client, db: None) -> None:
    (server,) = current()["servers"]
    assert server["url"] == "{portal}"
    assert server["variables"]["portal"]["default"].startswith("https://")
    client.force_login(make_user("vic"))

    etag = client.get(f"{ROOT}/me")["ETag"]
    assert client.get(f"{ROOT}/me", headers={"If-None-Match": etag}).status_code == 304
    long = client.get(f"{ROOT}/me", headers={"If-None-Match": "x" * 1001})
    assert (long.status_code, long.json()["code"]) == (422, "InvalidRequest")
