"""Translation catalogs: compiled with Babel, since Django's own command requires GNU gettext."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_catalogs(folders: Iterable[Path]) -> None:
    """Write django.mo beside every django.po that is newer than it."""
    for source in catalogs(folders):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        fresh = compiled.with_suffix(f".{os.getpid()}.new")  # several processes may compile at once
        with fresh.open("wb") as file:
            write_mo(file, read_catalog(source))
        fresh.chmod(stat.S_IMODE(source.stat().st_mode))  # readable for the same users
        fresh.replace(compiled)  # at once: another process may be reading it


def compile_alone(source: Path) -> None:
    """Write a catalog for the repository; the same messages give the same file."""
    found = read_catalog(source)
    found.creation_date = found.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    with source.with_suffix(".mo").open("wb") as file:
        write_mo(file, found)


def catalogs(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*/LC_MESSAGES/*.po"))


def read_catalog(source: Path) -> Catalog:
    """Return one catalog. Raise babel.messages.pofile.PoFileError if it cannot be parsed."""
    with source.open("rb") as file:
        return read_po(file, locale=source.parent.parent.name, abort_invalid=True)


def faults(source: Path) -> list[str]:
    """Return the problems of a catalog: messages that are untranslated, fuzzy or have other placeholders."""
    return [
        f"{source}:{message.lineno}: {fault}: {message.id!r}"
        for message in read_catalog(source)
        if message.id and (fault := fault_of(message))
    ]


def fault_of(message: Message) -> str:
    """Return the problem of one message; "" if there is none."""
    forms, originals = texts(message.string), texts(message.id)
    if message.fuzzy:
        return "fuzzy"
    if not forms or not all(forms):
        return "not translated"
    expected = [placeholders(original) for original in originals]
    return "" if all(placeholders(form) in expected for form in forms) else "other placeholders"


def texts(value: str | Iterable[object] | None) -> list[str]:
    """Return the forms of a message: one string in Babel or, with a plural, several."""
    return [value] if isinstance(value, str) else [str(form) for form in value or ()]


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}", text))
