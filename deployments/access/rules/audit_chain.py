"""The hash chain of audit records, and its verification. docs/audit.md describes it for auditors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FIRST = "0" * 64
"""The hash before the first record."""
EXAMINED = 200
"""Maximum number of mismatching records that are compared with each other, to distinguish moved ones from
changed ones."""


class ChainProblem(StrEnum):
    """The kinds of changes to stored records."""

    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    END_MISSING = "end_missing"
    HEAD = "head"
    ANCHOR = "anchor"
    CUT = "cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """One problem of the records `first` to `last`, by their numbers; `pk` is the key of the row."""

    problem: ChainProblem
    first: int
    last: int
    pk: int | None = None
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRecord:
    """A stored chained record: its number, its hash, and its values."""

    seq: int
    hash: str
    pk: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A number in the chain with its hash: the end of the chain, a daily anchor, or where a removal ended."""

    seq: int
    hash: str
    day: str = ""


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk through the chain from `start`, record by record."""

    start: Point
    points: Mapping[int, list[Point]] = field(default_factory=dict)
    checked: int = 0
    last: Point = field(init=False)
    _unmatched: list[tuple[str, ChainRecord]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last = self.start

    def over(self, links: Iterable[ChainRecord]) -> Iterator[ChainFinding]:
        """Yield the findings in order; mismatching records come at the end."""
        yield from self._points_at(self.start)
        for link in links:
            self.checked += 1
            if link.seq != self.last.seq + 1:
                yield ChainFinding(problem=ChainProblem.MISSING, first=self.last.seq + 1, last=link.seq - 1)
            elif link_hash(self.last.hash, link.seq, link.values) != link.hash:
                self._unmatched.append((self.last.hash, link))
            self.last = Point(seq=link.seq, hash=link.hash)
            yield from self._points_at(self.last)
        yield from self._explained()

    def _points_at(self, here: Point) -> Iterator[ChainFinding]:
        for point in self.points.get(here.seq, ()):
            if point.hash != here.hash:
                yield ChainFinding(
                    problem=ChainProblem.ANCHOR, first=point.seq, last=point.seq, day=point.day
                )

    def _explained(self) -> Iterator[ChainFinding]:
        """Yield findings for mismatching records: moved if another position has their hash, else changed."""
        some = self._unmatched[:EXAMINED]
        for before, link in self._unmatched:
            moved = any(
                link_hash(before, link.seq, other.values) == link.hash for _, other in some if other != link
            )
            problem = ChainProblem.MOVED if moved else ChainProblem.CHANGED
            yield ChainFinding(problem=problem, first=link.seq, last=link.seq, pk=link.pk)


BESIDE = ("seq", "hash", "previous_hash", "account")
"""What an exported record has besides the values that its hash covers; the number is covered as well."""


@dataclass(slots=True, kw_only=True)
class ExportCheck:
    """The result for an exported file: verified records, those between them that are not in it, and findings.

    `waiting` are records without a number: the file was exported before they were chained.
    """

    checked: int = 0
    absent: int = 0
    waiting: int = 0
    first: int = 0
    last: int = 0
    findings: list[ChainFinding] = field(default_factory=list)


def check_export(rows: Iterable[Mapping[str, Any]], anchors: Iterable[Point] = ()) -> ExportCheck:
    """Verify the records of an exported file, in any order, by themselves.

    Each has the hash before it, so that a file with filters can be verified, too: what it leaves out is only
    counted. Raise ValueError if the rows are not those of an export.
    """
    found = ExportCheck()
    points = {point.seq: point for point in anchors}
    before: Mapping[str, Any] | None = None
    for row in _in_order(rows, found):
        seq = int(row["seq"])
        is_next = before is not None and seq == int(before["seq"]) + 1
        follows = not is_next or before is None or row["previous_hash"] == before["hash"]
        if not (_has_its_hash(row) and follows):
            problem = ChainFinding(problem=ChainProblem.CHANGED, first=seq, last=seq, pk=row["id"])
            found.findings.append(problem)
        if (point := points.get(seq)) and point.hash != row["hash"]:
            problem = ChainFinding(problem=ChainProblem.ANCHOR, first=seq, last=seq, day=point.day)
            found.findings.append(problem)
        found.absent += 0 if before is None else seq - int(before["seq"]) - 1
        found.checked += 1
        found.first, found.last = found.first or seq, seq
        before = row
    return found


def _in_order(rows: Iterable[Mapping[str, Any]], found: ExportCheck) -> list[Mapping[str, Any]]:
    """Return the chained rows by their numbers, and count the others. Raise ValueError for other rows."""
    chained = []
    for row in rows:
        if not {"id", "seq", "hash", "previous_hash"} <= row.keys():
            raise ValueError("a record has no seq, hash or previous_hash")
        if row["seq"] is None:
            found.waiting += 1
        else:
            chained.append(row)
    return sorted(chained, key=lambda one: int(one["seq"]))


def _has_its_hash(row: Mapping[str, Any]) -> bool:
    values = {name: value for name, value in row.items() if name not in BESIDE}
    return link_hash(str(row["previous_hash"]), int(row["seq"]), values) == str(row["hash"])


def beyond(end: Point, points: Iterable[Point], problem: ChainProblem) -> Iterator[ChainFinding]:
    """Yield a finding for stored points after the present end of the chain."""
    later = [point for point in points if point.seq > end.seq]
    if later:
        newest = max(later, key=lambda point: point.seq)
        yield ChainFinding(problem=problem, first=end.seq + 1, last=newest.seq, day=newest.day)


def link_hash(previous: str, seq: int, values: Mapping[str, Any]) -> str:
    """Return SHA-256(previous hash ‖ canonical record). Both hashes are hexadecimal strings."""
    return hashlib.sha256(previous.encode() + canonical({**values, "seq": seq})).hexdigest()


def canonical(values: Mapping[str, Any]) -> bytes:
    """Return a record as JSON with sorted names, without spaces, in UTF-8."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        errors="surrogatepass"
    )
