"""Every route of the portal, read from the URL configuration, so that new pages are fuzzed as well."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import strategies as st

from tests.fuzz.hostile import NUMBERS, numbers, texts

_PLACE = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>|\(\?P<(?P<group>\w+)>[^)]*\)")
_READ = re.compile(r"""(?:GET|POST|given|headers)(?:\.get\(|\.getlist\(|\[)\s*["']([\w-]+)["']""")
_DECLARED = re.compile(r'Narrowing\(\s*name="(\w+)"')
_IN = re.compile(r"""["']([\w-]+)["'] (?:not )?in (?:request\.(?:GET|POST)|given)\b""")


@dataclass(frozen=True, slots=True)
class Route:
    """The text of a route with its placeholders, and its view."""

    text: str
    view: Callable[..., Any]

    def __str__(self) -> str:
        return self.text

    @property
    def is_async(self) -> bool:
        """Return whether the view is asynchronous; its response may be a stream."""
        return iscoroutinefunction(inspect.unwrap(self.view)) or iscoroutinefunction(self.view)

    def paths(self, known: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[str]:
        """Return paths of this route. `known` has values for placeholders by name; others are tried too."""
        parts: list[st.SearchStrategy[str]] = []
        end = 0
        for place in _PLACE.finditer(self.text):
            parts.append(st.just(_plain(self.text[end : place.start()])))
            end = place.end()
            name = place["name"] or place["group"]
            kind = place["kind"] or ("path" if place["group"] else "str")
            values = known.get(name, st.nothing()).map(str) | _values(kind)
            parts.append(values.map(lambda value: quote(value, safe="/")))
        parts.append(st.just(_plain(self.text[end:])))
        return st.tuples(*parts).map(lambda found: "/" + "".join(found))


def _plain(text: str) -> str:
    return text.replace("\\Z", "").strip("^$")


def _values(kind: str) -> st.SearchStrategy[str]:
    """Return values for a path converter: valid ones, and others that only look valid."""
    if kind == "int":
        digits = [number for number in NUMBERS if number.isascii() and number.isdigit()]
        return st.sampled_from(digits) | st.integers(0, 200).map(str)
    if kind == "slug":
        return st.from_regex(r"[-a-zA-Z0-9_]{1,40}", fullmatch=True)
    return texts.filter(bool).map(lambda text: text[:2000])


def routes() -> list[Route]:
    """Return all routes, including those of the admin."""
    return list(_below(get_resolver().url_patterns, ""))


def _below(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern):
            yield Route(text, pattern.callback)


def names() -> list[str]:
    """Return the names of query and form fields that the code reads, found in its source, and the admin's."""
    found = {"q", "o", "p", "e", "all", "_popup", "_to_field", "_changelist_filters", "action", "index"}
    for folder in ("deployments", "portal"):
        for source in Path(settings.BASE_DIR, folder).rglob("*.py"):
            if "migrations" not in source.parts and "sandbox" not in source.parts:
                text = source.read_text()
                found.update(_READ.findall(text), _IN.findall(text), _DECLARED.findall(text))
    return sorted(found)


# Bytes that browsers never send in an address, but other clients do.
_BROKEN = (
    "%",
    "%zz",
    "%ff",
    "%c3%28",
    "%ed%a0%80",
    "%00",
    "%u0041",
    "+",
    "%2B",
    ";",
    "&&",
    "=",
    "==",
    "[]",
    "%5B%5D",
)


def queries(known: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return query strings: mostly with known names, some repeated or malformed."""
    name = st.sampled_from(names()) | texts.map(lambda text: text[:200])
    value = known | numbers | texts
    pair = st.tuples(name.map(quote), value.map(lambda text: quote(text[:4000])) | st.sampled_from(_BROKEN))
    fields = st.lists(pair.map("=".join) | st.sampled_from(_BROKEN), max_size=4)
    return fields.map("&".join)
