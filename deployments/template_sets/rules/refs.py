"""Branches and tags of a source: matching by patterns, and the order of versions.

A ref is written in full, `refs/heads/main` or `refs/tags/v1.2`. Patterns are separated by spaces: `main v*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

HEADS = "refs/heads/"
TAGS = "refs/tags/"
_WILD = re.compile("[*?]")
_NUMBERS = re.compile(r"(.*?)(\d+(?:\.\d+)*)(.*)", re.DOTALL)
_BEFORE_RELEASE = re.compile(
    r"[-._~]?(?:a|b|c|alpha|beta|rc|pre|preview|dev|snapshot|m)(?![a-z])", re.IGNORECASE
)
"""The suffix of a prerelease version, as in `v1.2.0-rc1` and `1.2b3`."""
_LONG = 20
"""Maximum digits of a number in a version; longer ones are compared by length and text."""


def is_tag(ref: str) -> bool:
    """Return whether a full name is that of a tag."""
    return ref.startswith(TAGS)


def short_name(ref: str) -> str:
    """Return the short name of a branch or tag."""
    return ref.removeprefix(HEADS).removeprefix(TAGS)


def matches(ref: str, patterns: str) -> bool:
    """Return whether one of the patterns names a ref.

    `*` stands for any characters except `/`, `?` for one. A pattern that begins with `refs/` is compared with
    the full name, which distinguishes a branch from a tag of the same name.
    """
    return any(_matches(ref, pattern) for pattern in patterns.split())


def _matches(ref: str, pattern: str) -> bool:
    name = ref if pattern.startswith("refs/") else short_name(ref)
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want.replace("[", "[[]")) for part, want in zip(parts, wanted, strict=True)
    )


def without_match(refs: Iterable[str], patterns: str) -> tuple[str, ...]:
    """Return the names without wildcards that match no ref: mistyped, or the ref was deleted."""
    known = set(refs)
    exact = [pattern for pattern in patterns.split() if not _WILD.search(pattern)]
    return tuple(pattern for pattern in exact if not any(_matches(ref, pattern) for ref in known))


def newest_first(refs: Iterable[str]) -> list[str]:
    """Return refs by the versions in their names, the newest first: v1.10, v1.9, v1.9-rc2.

    Names without a number come last.
    """
    return sorted(refs, key=_version, reverse=True)


def _version(ref: str) -> tuple[object, ...]:
    found = _NUMBERS.fullmatch(short_name(ref))
    if found is None:
        return (), 0, (), ref
    prefix, numbers, rest = found.groups()
    released = 0 if _BEFORE_RELEASE.match(rest) else 1
    return tuple(_number(n) for n in numbers.split(".")), released, _natural(rest.lstrip("-._~")), prefix, ref


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key of a text that compares its numbers by value."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, 0, part) if at % 2 == 0 else (1, *_number(part)) for at, part in enumerate(parts))


def _number(digits: str) -> tuple[int, str]:
    stripped = digits.lstrip("0")
    return (int(stripped or 0), "") if len(stripped) <= _LONG else (10**_LONG + len(stripped), stripped)


def wanted(refs: Mapping[str, str], patterns: str, limit: int) -> dict[str, str]:
    """Return the refs of a source that match patterns: all branches, and the newest tags up to the limit.

    Branches count first; if they exceed the limit, they are cut too.
    """
    named = [ref for ref in refs if matches(ref, patterns)]
    branches = sorted(ref for ref in named if not is_tag(ref))
    tags = newest_first(ref for ref in named if is_tag(ref))
    return {ref: refs[ref] for ref in (branches + tags)[:limit]}


def new_commits(refs: Mapping[str, str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the unknown commits that refs point to, each once, in the order of the refs."""
    seen = set(known)
    return tuple(commit for commit in dict.fromkeys(refs.values()) if commit not in seen)
