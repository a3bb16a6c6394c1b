"""Verify the audit records: each record, their order, their end, the anchors and the removals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from deployments.access.models.audit_records import AuditAnchor, AuditChain, AuditCut, AuditRecord
from deployments.access.rules.audit_chain import (
    FIRST,
    ChainFinding,
    ChainProblem,
    ChainRecord,
    Point,
    Walk,
    beyond,
)
from deployments.audit.steps.retention import REMOVED

BATCH = 2000


@dataclass(slots=True, kw_only=True)
class Verification:
    """The result: the number of verified records and of unchained ones, the end, and the findings."""

    checked: int
    waiting: int
    end: Point
    findings: list[ChainFinding] = field(default_factory=list)


def verify(file_anchors: Iterable[Point] = ()) -> Verification:
    """Verify all records, with the anchors of the database and those of a file."""
    cut = AuditCut.objects.order_by("-seq").first()
    start = Point(seq=cut.seq, hash=cut.hash) if cut else Point(seq=0, hash=FIRST)
    waiting = AuditRecord.objects.unchained().count()
    head = AuditChain.objects.filter(pk=AuditChain.ONLY).first()
    ends = [Point(seq=head.seq, hash=head.hash)] if head else []
    stored = [Point(seq=one.seq, hash=one.hash, day=one.day.isoformat()) for one in AuditAnchor.objects.all()]
    anchors = list(dict.fromkeys([*stored, *file_anchors]))
    points: dict[int, list[Point]] = defaultdict(list)
    for point in anchors:
        points[point.seq].append(point)
    walk = Walk(start=start, points=points)
    findings = list(walk.over(_links(start.seq)))
    findings += _at_the_end(walk.last, ends, anchors)
    if cut and not _is_recorded(cut):
        findings.append(ChainFinding(problem=ChainProblem.CUT, first=1, last=cut.seq))
    return Verification(checked=walk.checked, waiting=waiting, end=walk.last, findings=findings)


def _links(after: int) -> Iterator[ChainRecord]:
    """Yield the chained records after a number, read in batches."""
    while True:
        batch = list(AuditRecord.objects.chained().filter(seq__gt=after)[:BATCH])
        yield from (record.as_link() for record in batch)
        if len(batch) < BATCH:
            return
        after = batch[-1].seq or after


def _at_the_end(last: Point, ends: list[Point], anchors: list[Point]) -> Iterator[ChainFinding]:
    """Yield the findings about the end; records that were chained meanwhile are not a problem."""
    yield from beyond(last, [*ends, *anchors], ChainProblem.END_MISSING)
    for end in ends:
        if end.seq == last.seq and end.hash != last.hash:
            yield ChainFinding(problem=ChainProblem.HEAD, first=last.seq, last=last.seq)


def _is_recorded(cut: AuditCut) -> bool:
    """Return whether a removal has its audit record."""
    rows = AuditRecord.objects.filter(action=REMOVED).order_by("-pk")
    return any(
        (row.details.get("last"), row.details.get("hash")) == (cut.seq, cut.hash) for row in rows[:100]
    )
