"""A row of the waterfall: its content, its bars, and what it shows of the rows in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.utils.functional import Promise

from deployments.cloudformation.status import DisplayStatus
from deployments.common.rules.plain_reason import unwrapped
from deployments.deployment_pages.display.waterfall.bars import Bar
from deployments.stacks.display.paths import parent_of
from deployments.stacks.display.tree_counts import NONE
from deployments.stacks.models.timeline import TimelineRow
from deployments.stacks.rules.progress import ProgressCount
from deployments.stacks.rules.row_results import Segment

PROBLEMS = frozenset({DisplayStatus.FAILED, DisplayStatus.ROLLBACK_FAILED})
RUNNING = frozenset({DisplayStatus.PROGRESS, DisplayStatus.SETTLING, DisplayStatus.ROLLING_BACK})
NAMED = 3
"""Maximum number of named dependencies that a row waits for."""


class Inside(NamedTuple):
    """The number of rows directly in a stack, without nested stacks, and the number for each filter."""

    number: int = 0
    problems: int = 0
    running: int = 0
    canceled: int = 0
    not_run: int = 0


NOTHING_INSIDE = Inside()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. `id` is derived from the path, so it never changes; links from other pages lead to `anchor`.

    Times are epoch milliseconds of its own operation; `back` is its rollback, which has its own reason if it
    failed. `ghost` is the usual duration, `rest` the expected remainder; `tier` is its nested stack of the
    root. `facts` are (name, value) for the inspector only. `inside` is counted for stacks of large
    deployments; the content of a stack that `is_later` is not sent yet, or only
    its first rows (`is_partial`).
    """

    path: str
    name: str
    level: int
    kind: str = "resource"  # stack | resource | phase | group | instance | run | target
    type: str = ""
    status: str = ""
    display_status: DisplayStatus = DisplayStatus.PENDING
    label: str = ""
    reason: str = ""
    tier: str = ""
    back_reason: str = ""
    started: int | None = None
    ended: int | None = None
    back: Segment | None = None
    bars: tuple[Bar, ...] = ()
    inner: tuple[Bar, ...] = ()
    ghost: tuple[float, float] | None = None
    rest: tuple[float, float] | None = None
    usual: float | None = None
    is_slow: bool = False
    is_critical: bool = False
    is_cause: bool = False
    waits: tuple[str, ...] = ()
    more_waits: int = 0
    children: tuple[str, ...] = ()
    count: ProgressCount = NONE
    open: bool = True
    hidden: bool = False
    is_later: bool = False
    is_partial: bool = False
    inside: Inside = NOTHING_INSIDE
    anchor: str = ""
    facts: tuple[tuple[Promise, str], ...] = ()

    @property
    def id(self) -> str:
        """Return the element's id."""
        return row_id(self.path)

    @property
    def own_status(self) -> str:
        """Return AWS's status; "" beside a failure if it only reports that it was rolled back."""
        was_undone = self.back and self.display_status in (DisplayStatus.FAILED, DisplayStatus.CANCELLED)
        return "" if was_undone else self.status

    @property
    def parent(self) -> str:
        """Return the id of the parent row; "" for rows without one."""
        return "" if self.level == 1 else row_id(parent_of(self.path))

    @property
    def is_stack(self) -> bool:
        """Return whether it contains other rows."""
        return bool(self.children) or self.kind == "stack"

    @property
    def is_counted(self) -> bool:
        """Return whether filters count the row; for a stack or group, its content counts instead.

        A nested stack that failed by itself counts as a problem.
        """
        fails_itself = self.kind == "stack" and self.is_problem and bool(self.reason or self.back_reason)
        return not self.is_stack or fails_itself or self.is_cause

    @property
    def is_problem(self) -> bool:
        """Return whether the row is a failure that is not collateral, including one of the rollback."""
        return self.display_status in PROBLEMS or self.is_cause

    @property
    def is_moving(self) -> bool:
        """Return whether the row's time still advances."""
        return self.started is not None and self.ended is None

    @property
    def is_running(self) -> bool:
        """Return whether an operation is in progress in the row."""
        return self.display_status in RUNNING


def row_id(path: str) -> str:
    """Return the id of the row at a path of logical ids; "" is the root stack."""
    return "t-" + path.replace("/", ".")


def remark(reason: str) -> str:
    """Return AWS's own reason; "" if it only reports that a requested operation has begun."""
    return "" if reason.lower().endswith("initiated") else unwrapped(reason)


@dataclass(frozen=True, slots=True)
class StackSummary:
    """The summary of a stack's rows: their bars merged into one, and the count of each kind."""

    bars: tuple[Bar, ...]
    inside: Inside


NO_SUMMARY = StackSummary((), NOTHING_INSIDE)


def still_expected(line: TimelineRow, now: int, *, has_begun: bool) -> tuple[float, float] | None:
    """Return the start and end of the expected remainder; None if there is none."""
    expected = line.expected
    if expected is None or expected.end is None:
        return None
    begins: float = now if has_begun or expected.start is None else max(expected.start, now)
    return (begins, expected.end) if expected.end > begins else None


def is_slow(line: TimelineRow | None) -> bool:
    """Return whether an operation takes longer than usual. Rollbacks have no usual duration."""
    return line is not None and line.is_slow and len(line.runs) <= 1


def stopped(row: Row, at: int) -> Row:
    """Return a row of a deployment that ended at `at`: its clocks and bars do not go on."""
    is_open = row.is_moving or (row.back is not None and row.back.end is None)
    if not is_open and all(bar.end is not None for bar in (*row.bars, *row.inner)):
        return row
    back = row.back
    return replace(
        row,
        ended=max(row.started, at) if row.started is not None and row.ended is None else row.ended,
        back=Segment(back.start, max(back.start, at), back.status) if back and back.end is None else back,
        bars=tuple(_ended(bar, at) for bar in row.bars),
        inner=tuple(_ended(bar, at) for bar in row.inner),
    )


def _ended(bar: Bar, at: int) -> Bar:
    return Bar(bar.start, max(bar.start, at), bar.status) if bar.end is None else bar


def with_hidden(row: Row, hidden: bool) -> Row:
    """Return the row, hidden or not."""
    if row.hidden == hidden:
        return row
    return replace(row, hidden=hidden)


def phase_row(
    line: TimelineRow,
    name: str,
    *,
    status: DisplayStatus,
    now: int,
    is_cause: bool = False,
    reason: str = "",
    children: Sequence[Row] = (),
) -> Row:
    """Return the row of one of the portal's own phases: the cause of a failure outside of the stacks."""
    start, end = (line.intervals[0].start, line.intervals[0].end) if line.intervals else (None, None)
    return Row(
        path=line.path,
        name=name,
        level=1,
        kind="phase",
        display_status=status,
        is_cause=is_cause,
        reason=reason,
        started=start,
        ended=end,
        bars=(Bar(start, end, status),) if start is not None else (),
        rest=still_expected(line, now, has_begun=start is not None) if end is None else None,
        usual=line.usual.seconds if line.usual and line.usual.runs else None,
        is_slow=line.is_slow,
        is_critical=line.is_critical,
        children=tuple(one.id for one in children),
    )
