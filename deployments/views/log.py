"""Events of a deployment as the lines of its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.core.status import is_cancelled, is_failed
from deployments.models import Deployment, Event
from deployments.views import wording

LINES = 500
"""Lines on one page of the log, and events in one frame."""
_MARKED = {"attention": "attention", "ended": "ended", "phase": "phase"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event. `sentence` is set for the portal's own, the fields of a resource for CloudFormation's."""

    seq: int
    at: datetime
    within: str
    logical_id: str
    type: str
    status: str
    reason: str
    sentence: str
    mark: str

    @property
    def is_problem(self) -> bool:
        """Tell whether the line is a failure that is not collateral, or asks for attention."""
        failed = is_failed(self.status) and not is_cancelled(self.status, self.reason)
        return failed or self.mark in ("attention", "failed", "rolled_back")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A page of the log, oldest line first. `earlier` is where the page before begins to read, 0 for none."""

    lines: Sequence[Line]
    earlier: int
    is_past: bool


def line(event: Event) -> Line:
    """Return an event as a line, in the current language."""
    own = event.source == "portal"
    mark = _MARKED.get(event.code, "") if own else ""
    path, logical_id = event.stack.path if event.stack else "", event.logical_id
    if event.stack and path and event.physical_id == event.stack.stack_id:
        path, _, logical_id = path.rpartition("/")  # it tells of itself: call it as its parent does
    return Line(
        seq=event.seq,
        at=event.at,
        within=path.replace("/", " ▸ "),
        logical_id=logical_id,
        type=event.type.removeprefix("AWS::"),
        status=event.status,
        reason=event.reason,
        sentence=wording.event(event) if own else "",
        mark=str(event.values.get("state", "")) if mark == "ended" else mark,
    )


def page(deployment: Deployment, *, up_to: int) -> Log:
    """Read the newest page of lines numbered up to and including `up_to`."""
    newest_first = Event.objects.of(deployment).up_to(up_to).reverse()[:LINES]
    lines = [line(event) for event in newest_first][::-1]
    return Log(lines=lines, earlier=lines[0].seq - 1 if lines else 0, is_past=up_to < deployment.last_seq)
