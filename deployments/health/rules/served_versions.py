"""The versions that servers reported in reads of the site, compared with the configured one.

Responses name no server, so the versions are those of an environment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

POLLS = 5
"""Number of latest polls that count: with two servers, their 20 reads miss one once in 500,000 times."""
SETTLE = timedelta(seconds=90)
"""Time after a deployment in which servers may still answer in the previous version: uWSGI's workers end
requests that they have begun, for up to 90 s (`playbook/files/uwsgi.ini`)."""


class VersionMatch(StrEnum):
    """The comparison of the served versions with the configured one."""

    UNKNOWN = "unknown"  # it is not known what the servers were configured with
    CONFIGURED = "configured"
    CHANGING = "changing"  # a deployment is in progress or has just ended
    MIXED = "mixed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPoll:
    """The versions in the successful reads of one poll, with their number; "" is a response without one.

    `configured` is the version in the template set of the last good deployment, "" if it is not known.
    """

    at: datetime
    configured: str = ""
    versions: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        return {"at": self.at.isoformat(), "configured": self.configured, "versions": dict(self.versions)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`."""
        at = datetime.fromisoformat(stored["at"])
        return cls(at=at, configured=stored["configured"], versions=stored["versions"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersions:
    """The versions of the latest reads, the most frequent first, and the configured one.

    `reads` is the number of reads since `since`.
    """

    versions: tuple[tuple[str, int], ...]
    configured: str
    match: VersionMatch
    reads: int
    since: datetime


def with_poll(known: Iterable[VersionPoll], latest: VersionPoll) -> tuple[VersionPoll, ...]:
    """Return the polls to store after another one."""
    return (*known, latest)[-POLLS:]


def served_versions(
    polls: Iterable[VersionPoll], *, is_changing: bool, changed_at: datetime | None
) -> ServedVersions | None:
    """Return the versions that an environment serves; None if no response has reported one.

    `is_changing`: a deployment is in progress; `changed_at` is the end of the last one. Earlier reads do not
    count after it.
    """
    known = tuple(polls)
    settled = tuple(one for one in known if changed_at is None or one.at > changed_at + SETTLE)
    counted = known[-1:] if is_changing or not settled else settled
    counts: Counter[str] = Counter()
    for one in counted:
        counts.update(one.versions)
    if not any(counts):
        return None
    configured = counted[-1].configured
    return ServedVersions(
        versions=tuple(counts.most_common()),
        configured=configured,
        match=_match(set(counts), configured, is_settled=bool(settled) and not is_changing),
        reads=counts.total(),
        since=counted[0].at,
    )


def _match(found: set[str], configured: str, *, is_settled: bool) -> VersionMatch:
    if found == {configured}:
        return VersionMatch.CONFIGURED
    if not is_settled:
        return VersionMatch.CHANGING
    if len(found) > 1:
        return VersionMatch.MIXED
    return VersionMatch.OTHER if configured else VersionMatch.UNKNOWN
