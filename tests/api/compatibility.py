"""Finds what in a new OpenAPI document breaks programs written for an older one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def breaks(old: Document, new: Document) -> list[str]:
    """Return a sentence for each removal and each narrowed type."""
    return [
        sentence for path, methods in old["paths"].items() for sentence in _of_path(old, new, path, methods)
    ]


def _of_path(old: Document, new: Document, path: str, methods: Document) -> Iterator[str]:
    for method, before in methods.items():
        name = f"{method.upper()} {path}"
        after = new["paths"].get(path, {}).get(method)
        if after is None:
            yield f"{name} was removed."
            continue
        yield from _of_parameters(name, before, after)
        for status, response in before["responses"].items():
            if status not in after["responses"]:
                yield f"{name}: the response {status} was removed."
                continue
            given, taken = _schema(response), _schema(after["responses"][status])
            for sentence in _narrowed(old, new, given, taken, is_response=True):
                yield f"{name}: in the response {status}, {sentence}"
        given, taken = _schema(before.get("requestBody", {})), _schema(after.get("requestBody", {}))
        for sentence in _narrowed(old, new, given, taken, is_response=False):
            yield f"{name}: in the body, {sentence}"


def _of_parameters(name: str, before: Document, after: Document) -> Iterator[str]:
    known = {(one["in"], one["name"]): one for one in before.get("parameters", ())}
    now = {(one["in"], one["name"]): one for one in after.get("parameters", ())}
    for key in known.keys() - now.keys():
        yield f"{name}: the parameter {key[1]} was removed."
    for key, one in now.items():
        if one["required"] and not known.get(key, {}).get("required"):
            yield f"{name}: the parameter {key[1]} is required now."


def _schema(holder: Document) -> Any:
    contents = list(holder.get("content", {}).values())
    return contents[0].get("schema") if contents else None


def _resolved(document: Document, schema: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema or {}


def _narrowed(old: Document, new: Document, before: Any, after: Any, *, is_response: bool) -> Iterator[str]:
    before, after = _resolved(old, before), _resolved(new, after)
    yield from _of_types(before, after)
    yield from _of_values(before, after, is_response=is_response)
    if "items" in before:
        yield from _narrowed(old, new, before["items"], after.get("items"), is_response=is_response)
    known, now = before.get("properties", {}), after.get("properties", {})
    for name in known.keys() - now.keys():
        yield f"{name} was removed."
    must, had = set(after.get("required", ())), set(before.get("required", ()))
    for name in (had - must) & now.keys() if is_response else must - had:
        yield f"{name} may be missing now." if is_response else f"{name} is required now."
    for name in known.keys() & now.keys():
        for sentence in _narrowed(old, new, known[name], now[name], is_response=is_response):
            yield f"{name}: {sentence}"


def _of_types(before: Document, after: Document) -> Iterator[str]:
    if before.get("type") != after.get("type") and "type" in before:
        yield f"{before['type']} was narrowed to {after.get('type', 'another type')}."


def _of_values(before: Document, after: Document, *, is_response: bool) -> Iterator[str]:
    values = set(before.get("enum") or ())
    if not is_response and (gone := values - set(after.get("enum") or values)):
        yield f"the values {', '.join(sorted(map(str, gone)))} were removed."
    kinds = {json.dumps(one, sort_keys=True) for one in before.get("anyOf", ())}
    if not is_response and kinds - {json.dumps(one, sort_keys=True) for one in after.get("anyOf", ())}:
        yield "a type was removed."
