"""The versions of a template set that are newer than an environment's version, within its channel.

A channel consists of shell patterns of branches and tags: `main`, `v1.*`. A branch offers the version that it
points at. Tags offer the newest release by its version number, in the order of
https://semver.org/#spec-item-11; a prerelease only where prereleases are followed. In a set without branches
and tags, any channel means all versions. A version that was deprecated or withdrawn is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

TAGS, BRANCHES = "refs/tags/", "refs/heads/"
DEFAULT_OF_BUNDLED = "*"
"""The channel of environments that are created from the bundled set: every new version."""
_PARTS = re.compile(r"\d+|[a-z]+", re.I)
_VERSION = re.compile(r"^(?:\D*[-_/])?v?(?P<numbers>\d+(?:-\d+)+$|\d+(?:\.\d+)*)(?P<rest>.*)$", re.I)
_PRERELEASE = re.compile(r"^[-._]?(?:a|alpha|b|beta|c|rc|pre|preview|dev|snapshot|nightly)(?:[-._]?\d|$)|^-")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVersion:
    """A version of a set. `number` is its number in the order of fetching.

    `refs` are the branches and tags that point at it, with `refs/heads/` and `refs/tags/`.
    """

    pk: int
    number: int
    is_active: bool = True
    refs: tuple[str, ...] = ()


class UpdateStatus(StrEnum):
    """How an environment's version relates to its channel."""

    NO_CHANNEL = "no_channel"
    UNKNOWN_VERSION = "unknown_version"  # no version, or one of another set
    NOTHING_MATCHES = "nothing_matches"  # the channel has no active branch, tag or version
    UP_TO_DATE = "up_to_date"
    AVAILABLE = "available"
    PAUSED = "paused"  # available, but a person has rolled back from it
    MOVED_BACK = "moved_back"  # the branch points at a version that was fetched before the environment's


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """The offer of a channel.

    `target` is the version to update to. `newer` are all newer versions of the channel: the target first,
    then releases and branches from the newest on, then prereleases.
    """

    situation: UpdateStatus
    target: SetVersion | None = None
    newer: tuple[SetVersion, ...] = ()

    @property
    def is_available(self) -> bool:
        """Return whether there is an update that nobody has paused."""
        return self.situation is UpdateStatus.AVAILABLE


TagOrder = tuple[tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]
"""The sort key of a tag: its numbers, whether it is a release, and the suffix."""


def tag_order(tag: str) -> TagOrder:
    """Return the sort key of a tag without `refs/tags/`: v1.10 after v1.9, v2.0-rc1 before v2.0."""
    found = _VERSION.match(tag)
    if not found:
        return (), False, _natural(tag)  # before all tags with a number
    numbers = [int(number[:18]) for number in re.split("[.-]", found["numbers"])]
    while numbers and not numbers[-1]:  # 1.0 and 1.0.0 are the same version
        numbers.pop()
    rest = found["rest"].partition("+")[0].lower()  # build metadata after a plus sign does not count
    return (0, *numbers), not _PRERELEASE.match(rest), _natural(rest)


def is_prerelease(tag: str) -> bool:
    """Return whether a tag names a prerelease: v2.0-rc1, 1.3b2. A tag without a version number does not."""
    found = _VERSION.match(tag)
    return found is not None and bool(_PRERELEASE.match(found["rest"].lower()))


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a text in parts; numbers compare by value and come before letters."""
    return tuple(
        (0, int(part[:18]), "") if part.isdigit() else (1, 0, part.lower())
        for part in _PARTS.findall(text[:255])
    )


def is_earlier(one: SetVersion, other: SetVersion) -> bool:
    """Return whether a version is earlier than another: by tags if both have any, else by fetch order."""
    first, second = (max((tag_order(tag) for tag in _tags(row)), default=None) for row in (one, other))
    if first and second and first != second:
        return first < second
    return one.number < other.number


def _tags(version: SetVersion) -> list[str]:
    return [ref.removeprefix(TAGS) for ref in version.refs if ref.startswith(TAGS)]


def matches(channel: str, ref: str) -> bool:
    """Return whether a branch or tag, with its prefix, belongs to a channel."""
    names = (ref, ref.removeprefix(TAGS).removeprefix(BRANCHES))
    return any(fnmatchcase(name, pattern) for pattern in channel.split() for name in names)


def updates(
    versions: Iterable[SetVersion],
    *,
    pinned: int | None,
    channel: str,
    went_back_from: SetVersion | None = None,
    unconfirmed: Collection[str] = (),
) -> Updates:
    """Return the offer of a channel to an environment with the version `pinned` (a key).

    Versions no newer than the one that somebody `went_back_from` are not offered, nor versions of the tags in
    `unconfirmed`, which have moved.
    """
    known = sorted(versions, key=lambda one: -one.number)
    if not channel.strip():
        return Updates(situation=UpdateStatus.NO_CHANNEL)
    own = next((one for one in known if one.pk == pinned), None)
    if own is None:
        return Updates(situation=UpdateStatus.UNKNOWN_VERSION)
    if not any(one.refs for one in known):
        offered = _active(known)
        newer = [one for one in offered if one.number > own.number]
        return _situation(own, offered, newer, went_back_from)
    return _in_channel(own, known, channel, went_back_from, unconfirmed)


def _in_channel(
    own: SetVersion,
    known: Sequence[SetVersion],
    channel: str,
    went_back_from: SetVersion | None,
    unconfirmed: Collection[str],
) -> Updates:
    branches = _pointed_at(known, channel, BRANCHES, unconfirmed)
    tags = _pointed_at(known, channel, TAGS, unconfirmed)
    newer = _newer_tags(own, tags, channel)
    newer += [one for one, _ in branches if one.number > own.number and one not in newer]
    offered = [one for one, _ in (*tags, *branches)]
    return _situation(own, offered, newer, went_back_from, moves=bool(branches) and not tags)


def _active(versions: Iterable[SetVersion]) -> list[SetVersion]:
    return [one for one in versions if one.is_active]


def _pointed_at(
    known: Iterable[SetVersion], channel: str, kind: str, unconfirmed: Collection[str]
) -> list[tuple[SetVersion, str]]:
    """Return the active versions that a channel's branches or tags point at, with the name of the ref."""
    return [
        (one, ref.removeprefix(kind))
        for one in _active(known)
        for ref in one.refs
        if ref.startswith(kind) and matches(channel, ref) and ref not in unconfirmed
    ]


def _newer_tags(own: SetVersion, tags: Iterable[tuple[SetVersion, str]], channel: str) -> list[SetVersion]:
    """Return the versions with newer tags: releases first, prereleases only if they are followed.

    They are followed if the environment has one, or if the channel names them. A version without a tag is
    compared by fetch order.
    """
    own_tags = _tags(own)
    follows = any(is_prerelease(tag) for tag in own_tags) or any(
        is_prerelease(pattern.replace("*", "0")) for pattern in channel.split()
    )
    here = max(map(tag_order, own_tags), default=None)
    newer = [
        (not is_prerelease(tag), tag_order(tag), one)
        for one, tag in tags
        if (tag_order(tag) > here if here else one.number > own.number)
        and one.pk != own.pk
        and (follows or not is_prerelease(tag))
    ]
    newer.sort(key=lambda row: row[:2], reverse=True)
    return list(dict.fromkeys(one for _, _, one in newer))


def _situation(
    own: SetVersion,
    offered: Sequence[SetVersion],
    newer: Sequence[SetVersion],
    went_back_from: SetVersion | None,
    *,
    moves: bool = False,
) -> Updates:
    """Return the updates. `moves`: the channel has only branches, which can be reset."""
    if newer:
        target = newer[0]
        is_paused = went_back_from is not None and not is_earlier(went_back_from, target)
        return Updates(
            situation=UpdateStatus.PAUSED if is_paused else UpdateStatus.AVAILABLE,
            target=target,
            newer=tuple(newer),
        )
    if not offered:
        return Updates(situation=UpdateStatus.NOTHING_MATCHES)
    if moves and all(one.number < own.number for one in offered):
        return Updates(situation=UpdateStatus.MOVED_BACK, target=offered[0])
    return Updates(situation=UpdateStatus.UP_TO_DATE)


def between(versions: Iterable[SetVersion], one: SetVersion, other: SetVersion, channel: str) -> list[int]:
    """Return the keys of the versions after the earlier of two up to the later one, newest first.

    Versions of branches and tags outside of the channel are left out; versions that no ref points at are
    included, since they may have been in the channel.
    """
    low, high = sorted((one.number, other.number))
    found = [
        row
        for row in versions
        if low < row.number <= high
        and (not row.refs or row in (one, other) or any(matches(channel, ref) for ref in row.refs))
    ]
    return [row.pk for row in sorted(found, key=lambda row: -row.number)]
