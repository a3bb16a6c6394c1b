"""A page's style sheet or script with everything that it imports, as one file: each request costs time.

Fonts are at such addresses as well, which style sheets name by url("./…").
The files are standard CSS and JavaScript modules, which a browser could also load one by one. Only the forms
of `import` and `export` below are accepted. A module becomes a function that returns its exports. It runs
once, after those that it imports, as in a browser.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from gzip import compress
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

PREFIX = "bundles/"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2"}
_NAMED = re.compile(r"bundles/(?P<stem>[\w/]+)\.(?P<digest>[0-9a-f]{12})(?P<suffix>\.css|\.js|\.woff2)")
_STYLES = re.compile(r'^@import "(?P<path>[\w./]+)";$', re.MULTILINE)
_FONT = re.compile(r'url\("(?P<path>\./[\w./]+\.woff2)"\)')
_IMPORT = re.compile(
    r'^import (?:(?P<names>\{ \w+(?:, \w+)* \}|\* as \w+) from )?"(?P<path>\.[\w./]+)";$', re.MULTILINE
)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class) (?P<name>\w+))", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:@import|import\b|export\b).*$", re.MULTILINE)


class NoBundleError(ValueError):
    """There is no such file, or one with an import or export that bundles do not support."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file with all that it imports; `name` is a path among the static files, with the content's digest.

    `compressed` is None for fonts, which are compressed themselves.
    """

    name: str
    content_type: str
    content: bytes
    compressed: bytes | None


def bundle(entry: str) -> Bundle:
    """Return the bundle of a static file, by its path among the static files; with DEBUG its files now."""
    return _bundled(entry) if settings.DEBUG else kept_bundle(entry)


@lru_cache(maxsize=64)
def kept_bundle(entry: str) -> Bundle:
    """Return the bundle of a static file as it was when it was requested first."""
    return _bundled(entry)


def _bundled(entry: str) -> Bundle:
    stem, suffix = posixpath.splitext(entry)
    if suffix == ".woff2":
        content, compressed = _found(entry).read_bytes(), None
    else:
        files = _in_order(entry)
        text = "".join(_style(name, entry) for name in files) if suffix == ".css" else _script(files)
        content = text.encode()
        compressed = compress(content, mtime=0)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Bundle(f"{PREFIX}{stem}.{digest}{suffix}", TYPES[suffix], content, compressed)


def requested(name: str) -> Bundle | None:
    """Return the bundle at a path among the static files; None if there is none.

    A page of another version of Sanso may have another digest in its address: it gets the current content.
    """
    found = _NAMED.fullmatch(name)
    if found is None:
        return None
    try:
        return bundle(found["stem"] + found["suffix"])
    except NoBundleError:
        return None


def _in_order(entry: str) -> tuple[str, ...]:
    """Return a file and all that it imports, each once and after those that it imports itself."""
    done: dict[str, None] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise NoBundleError(f"{name} imports itself.")
        if name in done:
            return
        for path in _imports(name):
            add(path, (*above, name))
        done[name] = None

    add(entry, ())
    return tuple(done)


def _imports(name: str) -> Iterable[str]:
    pattern = _STYLES if name.endswith(".css") else _IMPORT
    return [_resolved(name, found["path"]) for found in pattern.finditer(_read(name))]


def _resolved(name: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _read(name: str) -> str:
    return _found(name).read_text(encoding="utf-8")


def _found(name: str) -> Path:
    found = finders.find(name)
    if found is None:
        raise NoBundleError(f"There is no static file {name}.")
    return Path(found)


def _style(name: str, entry: str) -> str:
    """Return a style sheet without its imports, with the addresses of its fonts as seen from the bundle."""

    def font(found: re.Match[str]) -> str:
        address = bundle(_resolved(name, found["path"])).name.removeprefix(PREFIX)
        return f'url("{posixpath.relpath(address, posixpath.dirname(entry))}")'

    return _without_more(name, _FONT.sub(font, _STYLES.sub("", _read(name))))


def _script(files: Iterable[str]) -> str:
    return "".join(_module(name) for name in files)


def _module(name: str) -> str:
    """Return a module as a constant with its exports."""
    text = _read(name)
    exported = [found["name"] for found in _EXPORT.finditer(text)]

    def local(found: re.Match[str]) -> str:
        if found["names"] is None:
            return ""
        return f"const {found['names'].removeprefix('* as ')} = {_variable(_resolved(name, found['path']))};"

    body = _without_more(name, _EXPORT.sub("", _IMPORT.sub(local, text)))
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name)


def _without_more(name: str, text: str) -> str:
    if left := _LEFT.search(text):
        raise NoBundleError(f"{name}: {left[0].strip()}")
    return text
