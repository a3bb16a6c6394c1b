"""The differences between two versions of a template set: files with their lines, parameters, artifacts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployments.cloudformation.parameters import Parameter
from deployments.template_sets.rules.local_diff import FileChange

CONTEXT = 3
"""Unchanged lines around each change, as in diff -u."""
MAX_COMPARED = 5_000
"""Maximum number of compared lines of a file, without common lines at both ends: the time is quadratic."""
MAX_COMPARED_IN_ALL = 50_000
"""Maximum number of such lines of all files: more are not compared during a request."""
MAX_LINES = 400
"""Maximum number of displayed lines of one file's diff …"""
MAX_TOTAL = 3_000
"""… and of all files together."""
MAX_WIDTH = 400
"""Maximum number of displayed characters of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContent:
    """A version of a template set for the comparison.

    `files` are the manifest and the templates by name, `artifacts` the sources of each zip by their name in
    it, `packages` the installed Python packages that it includes.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    artifacts: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


class LineKind(StrEnum):
    """What a line of a diff is. A gap stands for unchanged lines that are left out."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line, with its number in each file that has it."""

    kind: LineKind
    text: str = ""
    old: int | None = None
    new: int | None = None


class NotShown(StrEnum):
    """Why the lines of a file are not shown, or not all of them."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    CUT = "cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """A file that differs, with the numbers of added and removed lines; 0 if they are not compared."""

    name: str
    change: FileChange
    lines: tuple[DiffLine, ...] = ()
    added: int = 0
    removed: int = 0
    not_shown: NotShown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactDiff:
    """A zip whose content differs: its files, and the added and removed packages."""

    key: str
    change: FileChange
    files: tuple[FileDiff, ...] = ()
    packages_added: tuple[str, ...] = ()
    packages_removed: tuple[str, ...] = ()


class Aspect(StrEnum):
    """What of a parameter differs."""

    DEFAULT = "default"
    NEW_ENVIRONMENT = "new_environment"
    TYPE = "type"
    ALLOWED_VALUES = "allowed_values"
    PATTERN = "pattern"
    LENGTH = "length"
    RANGE = "range"
    NO_ECHO = "no_echo"
    CHOOSE_ONCE = "choose_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectDifference:
    """One aspect of a parameter in both versions; None if there is no such limit or default."""

    aspect: Aspect
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDiff:
    """A parameter that only one version has, or that differs.

    `default` is that of an added or removed one, None if it has none or is secret. `needs_value`: it is added
    without a default, so a change to this version must give it a value.
    """

    name: str
    change: FileChange
    default: str | None = None
    needs_value: bool = False
    differences: tuple[AspectDifference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDiff:
    """All differences between two versions."""

    files: tuple[FileDiff, ...] = ()
    artifacts: tuple[ArtifactDiff, ...] = ()
    parameters: tuple[ParameterDiff, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing differs."""
        return not (self.files or self.artifacts or self.parameters)

    @property
    def file_count(self) -> int:
        """Return the number of files that differ, including those in artifacts: that of `differing_files`."""
        return len(self.files) + sum(len(one.files) for one in self.artifacts)


def differing_files(before: SetContent, after: SetContent) -> tuple[str, ...]:
    """Return the names of the files that differ, including those in artifacts, without their lines."""
    found = list(_differing(before.files, after.files))
    for key in sorted(before.artifacts.keys() | after.artifacts.keys()):
        found += _differing(before.artifacts.get(key, {}), after.artifacts.get(key, {}))
    return tuple(found)


def set_diff(before: SetContent, after: SetContent) -> SetDiff:
    """Return the differences of `after` from `before`, each kind by name."""
    left = _Left(MAX_TOTAL, MAX_COMPARED_IN_ALL)
    return SetDiff(
        files=_file_diffs(before.files, after.files, left),
        artifacts=tuple(_artifact_diffs(before, after, left)),
        parameters=tuple(_parameter_diffs(before.parameters, after.parameters)),
    )


@dataclass(slots=True)
class _Left:
    """The numbers of lines of all files that may still be shown and compared."""

    lines: int
    compared: int


def _change(before: object | None, after: object | None) -> FileChange:
    if before is None:
        return FileChange.ADDED
    return FileChange.REMOVED if after is None else FileChange.CHANGED


def _file_diffs(before: Mapping[str, bytes], after: Mapping[str, bytes], left: _Left) -> tuple[FileDiff, ...]:
    return tuple(
        _file_diff(name, before.get(name), after.get(name), left) for name in _differing(before, after)
    )


def _differing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the names of the files that differ."""
    return (name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name))


def _file_diff(name: str, before: bytes | None, after: bytes | None, left: _Left) -> FileDiff:
    change = _change(before, after)
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return FileDiff(name=name, change=change, not_shown=NotShown.BINARY)
    start, end = _common(old, new)
    differing = max(len(old), len(new)) - start - end
    if differing > min(MAX_COMPARED, left.compared):
        return FileDiff(name=name, change=change, not_shown=NotShown.TOO_LARGE)
    left.compared -= differing
    lines = list(_lines(old, new, start, end))
    allowed = min(MAX_LINES, left.lines)
    shown = tuple(lines[:allowed])
    left.lines -= len(shown)
    return FileDiff(
        name=name,
        change=change,
        lines=shown,
        added=sum(line.kind is LineKind.ADDED for line in lines),
        removed=sum(line.kind is LineKind.REMOVED for line in lines),
        not_shown=NotShown.CUT if len(lines) > allowed else None,
    )


def _text(content: bytes | None) -> list[str] | None:
    """Return the lines of a file; None if it is binary: as in Git, if it has a zero byte."""
    if content is None:
        return []
    if b"\0" in content:
        return None
    try:
        return content.decode().removesuffix("\n").split("\n") if content else []
    except UnicodeDecodeError:
        return None


def _common(old: list[str], new: list[str]) -> tuple[int, int]:
    """Return the number of common lines at the beginning, and of further ones at the end."""
    least = min(len(old), len(new))
    start = next((n for n in range(least) if old[n] != new[n]), least)
    end = next((n for n in range(least - start) if old[-1 - n] != new[-1 - n]), least - start)
    return start, end


def _lines(old: list[str], new: list[str], start: int, end: int) -> Iterator[DiffLine]:
    """Yield the lines of a unified diff; `start` and `end` lines are known to be common."""
    matcher = difflib.SequenceMatcher(None, old[start : len(old) - end], new[start : len(new) - end])
    changes = [
        (tag, start + a, start + b, start + c, start + d)
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
    shown_to = 0  # lines of `old` that were yielded or left out
    for number, (_tag, old_from, old_to, new_from, new_to) in enumerate(changes):
        offset = new_from - old_from
        begin = max(shown_to, old_from - CONTEXT)
        if begin > shown_to:
            yield DiffLine(LineKind.GAP)
        yield from _same(old, begin, old_from, offset)
        for n in range(old_from, old_to):
            yield DiffLine(LineKind.REMOVED, old[n][:MAX_WIDTH], old=n + 1)
        for n in range(new_from, new_to):
            yield DiffLine(LineKind.ADDED, new[n][:MAX_WIDTH], new=n + 1)
        following = changes[number + 1][1] if number + 1 < len(changes) else len(old)
        shown_to = min(following, old_to + CONTEXT)
        yield from _same(old, old_to, shown_to, new_to - old_to)
    if changes and shown_to < len(old):
        yield DiffLine(LineKind.GAP)


def _same(old: list[str], begin: int, end: int, offset: int) -> Iterator[DiffLine]:
    for n in range(begin, end):
        yield DiffLine(LineKind.SAME, old[n][:MAX_WIDTH], old=n + 1, new=n + 1 + offset)


def _artifact_diffs(before: SetContent, after: SetContent, left: _Left) -> Iterator[ArtifactDiff]:
    for key in sorted(before.artifacts.keys() | after.artifacts.keys()):
        one, other = before.artifacts.get(key), after.artifacts.get(key)
        old, new = set(before.packages.get(key, ())), set(after.packages.get(key, ()))
        files = _file_diffs(one or {}, other or {}, left)
        if files or old != new or one is None or other is None:
            yield ArtifactDiff(
                key=key,
                change=_change(one, other),
                files=files,
                packages_added=tuple(sorted(new - old)),
                packages_removed=tuple(sorted(old - new)),
            )


def _parameter_diffs(
    before: Mapping[str, Parameter], after: Mapping[str, Parameter]
) -> Iterator[ParameterDiff]:
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        only = one or other
        if one is not None and other is not None:
            if found := tuple(_differences(one, other)):
                yield ParameterDiff(name=name, change=FileChange.CHANGED, differences=found)
        elif only is not None:
            yield ParameterDiff(
                name=name,
                change=_change(one, other),
                default=None if only.no_echo else only.default,
                needs_value=one is None and only.default is None,
            )


def _differences(one: Parameter, other: Parameter) -> Iterator[AspectDifference]:
    """Yield the differences of a parameter; defaults of secrets are compared but not shown."""
    is_secret = one.no_echo or other.no_echo
    for aspect, value_of in _ASPECTS.items():
        before, after = value_of(one), value_of(other)
        if before == after:
            continue
        if is_secret and aspect in (Aspect.DEFAULT, Aspect.NEW_ENVIRONMENT):
            before, after = (None if value is None else "****" for value in (before, after))
        yield AspectDifference(aspect=aspect, before=before, after=after)


def _limits(low: float | None, high: float | None) -> str | None:
    if low is None and high is None:
        return None
    return f"{'' if low is None else f'{low:.15g}'}–{'' if high is None else f'{high:.15g}'}"


_ASPECTS: dict[Aspect, Callable[[Parameter], str | None]] = {
    Aspect.DEFAULT: lambda one: one.default,
    Aspect.NEW_ENVIRONMENT: lambda one: one.new_environment,
    Aspect.TYPE: lambda one: one.type,
    Aspect.ALLOWED_VALUES: lambda one: ", ".join(one.allowed_values) if one.allowed_values else None,
    Aspect.PATTERN: lambda one: one.allowed_pattern or None,
    Aspect.LENGTH: lambda one: _limits(one.min_length, one.max_length),
    Aspect.RANGE: lambda one: _limits(one.min_value, one.max_value),
    Aspect.NO_ECHO: lambda one: "true" if one.no_echo else None,
    Aspect.CHOOSE_ONCE: lambda one: "true" if one.choose_once else None,
}
