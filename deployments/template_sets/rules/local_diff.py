"""The differences known before CloudFormation responds: parameters, template texts, artifacts."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deployments.cloudformation.changes import LinkKind


class FileChange(StrEnum):
    """What happens to a file of the template set."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """A changed parameter of the root stack; a value is None if its side does not have the parameter.

    `is_secret`: a NoEcho parameter; its values are not known. `cause` is the kind of its cause.
    """

    name: str
    before: str | None = None
    after: str | None = None
    is_secret: bool = False
    cause: LinkKind = LinkKind.PARAMETER


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A changed template or artifact, with the numbers of added and removed lines of a template."""

    name: str
    change: FileChange
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDiff:
    """All differences. With `set_unknown`, the previous set is not stored, so files are not compared."""

    parameters: tuple[ParameterChange, ...] = ()
    templates: tuple[ChangedFile, ...] = ()
    artifacts: tuple[ChangedFile, ...] = ()
    set_unknown: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether nothing differs."""
        return not (self.parameters or self.templates or self.artifacts or self.set_unknown)


def parameter_changes(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    secrets: Collection[str] = (),
    changed_secrets: Collection[str] = (),
    old_defaults: Mapping[str, str] | None = None,
    new_defaults: Mapping[str, str] | None = None,
    undone: Collection[str] = (),
) -> tuple[ParameterChange, ...]:
    """Return the parameters that differ, by name.

    `secrets` are the NoEcho ones, whose values are ignored; `changed_secrets` have a new value. A parameter
    that had the previous default and gets the new default was changed by the template set. The values of
    `undone` were set outside of Sanso, and return to what Sanso deployed last.
    """
    found = []
    for name in sorted(before.keys() | after.keys() | set(changed_secrets)):
        if name in secrets or name in changed_secrets:
            if name in changed_secrets:
                found.append(ParameterChange(name=name, is_secret=True))
            continue
        one, other = before.get(name), after.get(name)
        if one != other:
            old, new = (old_defaults or {}).get(name), (new_defaults or {}).get(name)
            by_default = one == old and other == new
            cause = LinkKind.DEFAULT if by_default else LinkKind.PARAMETER
            cause = LinkKind.OUTSIDE if name in undone else cause
            found.append(ParameterChange(name=name, before=one, after=other, cause=cause))
    return tuple(found)


MAX_COMPARED, MAX_PAIRS = 5000, 100_000
"""Lines to compare in their order; in larger files, lines that only moved are not counted."""


def file_changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[ChangedFile, ...]:
    """Return the files that differ, by name; lines are counted in text files."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        change = (
            FileChange.ADDED if one is None else FileChange.REMOVED if other is None else FileChange.CHANGED
        )
        added, removed = _lines(one or b"", other or b"")
        found.append(ChangedFile(name=name, change=change, added=added, removed=removed))
    return tuple(found)


def _lines(before: bytes, after: bytes) -> tuple[int, int]:
    try:
        old, new = before.decode().splitlines(), after.decode().splitlines()
    except UnicodeDecodeError:
        return 0, 0
    start = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
    start = min(len(old), len(new)) if start is None else start
    old, new = old[start:], new[start:]
    if max(len(old), len(new)) > MAX_COMPARED or _pairs(old, new) > MAX_PAIRS:
        return (Counter(new) - Counter(old)).total(), (Counter(old) - Counter(new)).total()
    added = removed = 0
    for tag, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if tag != "equal":
            removed += old_to - old_from
            added += new_to - new_from
    return added, removed


def _pairs(old: list[str], new: list[str]) -> int:
    """Return the number of equal lines to compare: matching blocks takes as many steps, again and again."""
    counts = Counter(new)
    return sum(number * counts[line] for line, number in Counter(old).items())
