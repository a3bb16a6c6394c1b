"""What commands print: a table for people, JSON or YAML for programs; errors on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

import typer
import yaml
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sanso_cli.texts import _, name_of

WORDS = (
    "state",
    "effect",
    "health",
    "status",
    "phase",
    "tier",
    "cause",
    "check",
    "result",
    "connection",
    "support",
)
"""Columns and members whose values are translated, unless they are statuses of CloudFormation."""
WIDE = 200
"""Columns of a table in a file or a pipe, where rich would wrap cells at 80."""
UNLIMITED = 10_000
"""Columns in which every table fits."""
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Exit:
    """Exit codes: programs tell a failed deployment from a wrong call."""

    FAILED, CHANGES, USAGE, WAITS = 1, 2, 3, 4
    INTERRUPTED = 130


def show(format_: Format, found: Any, columns: Sequence[str] = ()) -> None:
    """Print what the API returned; in a table the columns, such as `account.name`."""
    if format_ is Format.JSON:
        print(json.dumps(found, ensure_ascii=False, indent=2))  # noqa: T201
    elif format_ is Format.YAML:
        print(yaml.safe_dump(found, allow_unicode=True, sort_keys=False), end="")  # noqa: T201
    elif isinstance(found, Mapping):
        _pairs(found)
    else:
        _table(found, columns)


def fail(sentence: str, code: int = Exit.USAGE) -> NoReturn:
    """Print an error and end."""
    err.print(Text(f"✕ {sentence}", style="red"))
    raise typer.Exit(code)


def warn_of_problems(sources: Iterable[Mapping[str, Any]]) -> None:
    """Print why sources of what is shown could not be read."""
    for source in sources:
        if source["problem"]:
            err.print(Text(f"▲ {source['problem']}"))


def prompt(question: str) -> str:
    """Return what a person types. The question is on standard error: all of the output is the result."""
    err.print(f"{question}: ", end="", markup=False)
    answer = sys.stdin.readline()
    if not answer:
        raise typer.Abort
    return answer.strip()


def confirm(question: str) -> bool:
    """Return whether a person says yes."""
    return prompt(f"{question} [y/N]").lower() in ("y", "yes")


def _table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(heading(column).upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row, column)) for column in columns))
    if table.rows:
        _print(table)
    else:
        out.print(_("Nothing found."))


def _pairs(found: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in found.items():
        if value not in (None, "", [], {}):
            table.add_row(name_of(name), Text(_shown(name, value)))
    _print(table)


def _print(table: Table) -> None:
    """Print a table; where it would have to break words, one line for each of its cells."""
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = WIDE
    if Measurement.get(out, out.options.update(max_width=UNLIMITED), table).minimum <= out.width:
        out.print(table)
        return
    names = [str(one.header) for one in table.columns] if table.show_header else []
    for cells in zip(*(one.cells for one in table.columns), strict=True):
        texts = [one if isinstance(one, Text) else Text(str(one), style="bold") for one in cells]
        if names:
            texts = [Text(f"{name}: ", style="bold") + one for name, one in zip(names, texts, strict=True)]
        else:
            texts = [texts[0] + Text(": ") + texts[1]]
        for text in texts:
            out.print(text)
        if names:
            out.print()


def heading(column: str) -> str:
    """Return the heading of a column: what it is of, such as the account of `account.name`."""
    return name_of(column.removesuffix(".name").removesuffix(".text"))


def _cell(row: Mapping[str, Any], column: str) -> str:
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return _shown(column, value)


def _shown(name: str, value: Any) -> str:
    """Return a value as people read it: a word such as `rolled_back` in their language."""
    if name in WORDS and isinstance(value, str) and value.islower():
        return name_of(value)
    if name.endswith(("_at", "_for")) and isinstance(value, str):
        return _time(value)
    if name in ("parameters", "outputs", "labels") and isinstance(value, Mapping):
        return "\n".join(f"{key}={_text(one)}" for key, one in value.items())
    return _text(value)


def _time(value: str) -> str:
    """Return a time of the API in the time zone of this machine; another text as it is."""
    try:
        return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        if {"id", "kind", "state"} <= value.keys():  # a deployment
            return f"{value['id']} {name_of(value['kind'])}: {name_of(value['state'])}"
        known = next((value[key] for key in ("name", "username", "label", "text") if value.get(key)), None)
        return str(known or json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return (_("yes") if value else _("no")) if isinstance(value, bool) else str(value)
