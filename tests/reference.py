"""Generates docs/api/reference.md and docs/command-line-reference.md from the code: `make reference`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer.main

from sanso_cli.__main__ import app
from tests.services import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "api" / "openapi.json"
API_FILE = REPOSITORY / "docs" / "api" / "reference.md"
COMMAND_LINE_FILE = REPOSITORY / "docs" / "command-line-reference.md"
GENERATED = "This file is written from the code by `make reference`."


def api_reference(document: Mapping[str, Any]) -> str:
    """Return the reference of every operation of an OpenAPI document, by tag."""
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines = tags.setdefault(operation.get("tags", ["Other"])[0], [])
            lines += _operation(f"{method.upper()} {path}", operation)
    parts = [
        "# API reference",
        f"{GENERATED} [api.md](../api.md) explains tokens, lists, requests and errors;\nthe schemas are in "
        "[openapi.json](openapi.json) and on the portal's page `/api/v1/docs`.",
    ]
    for tag, lines in tags.items():
        parts += [f"## {tag}", *lines]
    return "\n\n".join(parts) + "\n"


def _operation(title: str, operation: Mapping[str, Any]) -> list[str]:
    rows = [
        (f"`{one['name']}`", one["in"], _type(one["schema"]), "yes" if one.get("required") else "")
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    answers = [
        f"{status} {_schema_name(answer.get('content', {}))}".strip()
        for status, answer in operation["responses"].items()
        if status < "400"
    ]
    refusals = ", ".join(sorted(status for status in operation["responses"] if status >= "400"))
    found = [f"### `{title}`", _line(operation.get("description") or operation["summary"])]
    if rows:
        found.append(_table(("parameter", "in", "type", "required"), rows))
    if body:
        found.append(f"Body: {_schema_name(body)}.")
    found.append(f"Returns {', '.join(answers)}. Refusals: {refusals or 'none'}.")
    return found


def _schema_name(content: Mapping[str, Any]) -> str:
    for kind, value in content.items():
        reference = value.get("schema", {}).get("$ref", "")
        return f"`{reference.rpartition('/')[2]}`" if reference else kind
    return ""


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    return str(schema.get("type", "any"))


def command_line_reference() -> str:
    """Return the reference of every command of `sanso`."""
    root = typer.main.get_command(app)
    parts = [
        "# Command line reference",
        f"{GENERATED} [command-line.md](command-line.md) begins with examples.",
    ]
    for name, command in _commands(root, "sanso"):
        parts += _command(name, command)
    return "\n\n".join(parts) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for word, one in command.commands.items():
            yield from _commands(one, f"{name} {word}")
    else:
        yield name, command


def _command(name: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = [name, *(one.name.upper() for one in arguments)]
    rows = [(_option(one), _line(one.help or ""), _default(one)) for one in options]
    rows += [(f"`{one.name}`", _line(getattr(one, "help", "") or ""), "") for one in arguments]
    found = [f"## `{' '.join(usage)}`", _line(command.help or "")]
    return [*found, _table(("option", "meaning", "default"), rows)] if rows else found


def _option(option: Any) -> str:
    names = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
    return f"{names} (`{option.envvar}`)" if option.envvar else names


def _default(option: Any) -> str:
    value = getattr(option.default, "value", option.default)
    return (
        f"`{value}`" if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else ""
    )


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines: list[tuple[str, ...]] = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(document: Mapping[str, Any]) -> None:
    """Write both files."""
    API_FILE.write_text(api_reference(document))
    COMMAND_LINE_FILE.write_text(command_line_reference())


if __name__ == "__main__":
    write(json.loads(DOCUMENT.read_text()))
