"""Builds the rows of stacks and resources in their fixed order, with bars and whether each is folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.root_cause import Failure, is_echo
from deployments.cloudformation.status import DisplayStatus, display_status
from deployments.cloudformation.timeline import OperationRun
from deployments.common.rules.plain_reason import unwrapped
from deployments.deployment_pages.display.waterfall.bars import FORWARD, Bar, bars_of, runs_of, summary
from deployments.deployment_pages.display.waterfall.rows import (
    NAMED,
    NO_SUMMARY,
    NOTHING_INSIDE,
    PROBLEMS,
    RUNNING,
    Inside,
    Row,
    StackSummary,
    is_slow,
    remark,
    row_id,
    still_expected,
    with_hidden,
)
from deployments.stacks.display.paths import name_of
from deployments.stacks.display.tree import ResourceTree, TreeNode
from deployments.stacks.display.tree_counts import NONE
from deployments.stacks.models.timeline import TimelineRow
from deployments.stacks.rules.course import Course
from deployments.stacks.rules.row_results import RowResult, result_of

OPEN = frozenset(
    {
        DisplayStatus.PROGRESS,
        DisplayStatus.SETTLING,
        DisplayStatus.ROLLING_BACK,
        DisplayStatus.FAILED,
        DisplayStatus.ROLLBACK_FAILED,
    }
)
"""Stacks with visible activity are open at first; waiting and finished ones are not."""
LARGE = 200
"""Number of resources from which on a page does not begin with all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBuilder:
    """Builds rows from nodes. `lines` has the timeline of each path, `inside` the other rows below a path.

    `focus` is a path that must be visible: its parent stacks are open. `failures` are those in the events, by
    the path of their row. `summaries` are cached, and reused if nothing in the tree can change.
    """

    tree: ResourceTree
    lines: Mapping[str, TimelineRow]
    now: int
    course: Course = FORWARD
    failures: Mapping[str, Sequence[Failure]] = field(default_factory=dict)
    focus: str | None = None
    inside: Mapping[str, Sequence[Row]] | None = None
    summaries: dict[str, StackSummary] | None = None

    def all(self) -> tuple[Row, ...]:
        """Return all rows from the root down; none before the first stack is known."""
        return tuple(self.below("", hidden=False)) if "" in self.tree.nodes else ()

    @property
    def is_large(self) -> bool:
        """Return whether a page does not begin with all rows."""
        return self.tree.count.total > LARGE

    def is_stack(self, path: str) -> bool:
        """Return whether a stack is at a path, also if it was not read."""
        node = self.tree.nodes.get(path)
        return self.lines[path].is_stack if node is None else node.is_stack or node.type == STACK

    def some(self, paths: Iterable[str]) -> tuple[Row, ...]:
        """Return the rows at these paths, stacks before their content."""
        there = (path for path in paths if path in self.tree.nodes)
        return tuple(self.row(path) for path in sorted(there, key=lambda p: (p.count("/"), p)))

    def below(self, path: str, *, hidden: bool) -> Iterator[Row]:
        """Yield the row at a path, and all rows in it."""
        row = self.row(path, hidden=hidden)
        yield row
        shut = hidden or not row.open
        for child in self.tree.children.get(path, ()):
            yield from self.below(child, hidden=shut)
        closed = {row.id} if shut else set()
        for other in (self.inside or {}).get(path, ()):
            yield with_hidden(other, shut or other.parent in closed)
            if not other.open:
                closed.add(other.id)

    def row(self, path: str, *, hidden: bool = False) -> Row:
        """Return the row at a path."""
        node, line = self.tree.nodes[path], self.lines.get(path)
        others = (self.inside or {}).get(path, ())
        own = self._bars(node)
        result = self._result(node)
        forward = result.forward
        is_stack = node.is_stack or node.type == STACK
        ahead = self._ahead(node, line, own[0].start if own else None) if line else _NOTHING_AHEAD
        summarized = self._summarized(path, own) if is_stack else NO_SUMMARY
        return Row(
            path=path,
            name=node.name or name_of(path),
            level=path.count("/") + 2 if path else 1,
            kind="stack" if is_stack else "group" if others else "resource",
            type=node.type,
            status=node.status,
            display_status=result.status,
            reason=_reason(node, result),
            back_reason=unwrapped(result.back_reason),
            tier=path.partition("/")[0] if self._is_in_tier(path) else "",
            started=forward.start if forward else None,
            ended=forward.end if forward else None,
            back=result.back,
            bars=own,
            inner=summarized.bars,
            ghost=ahead.ghost,
            rest=ahead.rest,
            usual=ahead.usual,
            is_slow=ahead.is_slow,
            is_critical=ahead.is_critical,
            is_cause=path == self.focus,
            waits=ahead.waits,
            more_waits=ahead.more_waits,
            children=self._children(path, others),
            count=self.tree.counts.get(path, NONE) if is_stack else NONE,
            open=self._is_open(path, result.status, is_stack=is_stack),
            hidden=hidden,
            inside=summarized.inside,
            anchor=f"s-{node.key}" if node.key else "",
        )

    def result(self, path: str) -> RowResult:
        """Return the result of the resource or stack at a path, even if it was not read."""
        node = self.tree.nodes.get(path)
        if node is not None:
            return self._result(node)
        line, failures = self.lines[path], self.failures.get(path, ())
        return result_of(line.runs, self.course.of(path), failures, is_stack=line.is_stack, is_root=not path)

    def _summarized(self, path: str, own: Sequence[Bar]) -> StackSummary:
        """Return the summary of the stack at a path, whose own bars are these."""
        known = self.summaries.get(path) if self.summaries is not None else None
        if known is None:
            known = StackSummary(self._summary(path, own), self._inside(path))
            if self.summaries is not None:
                self.summaries[path] = known
        return known

    def _inside(self, path: str) -> Inside:
        if not self.is_large:
            return NOTHING_INSIDE
        statuses = list(self._counted_in(path))
        return Inside(
            number=len(statuses),
            problems=sum(status in PROBLEMS or is_cause for status, is_cause in statuses),
            running=sum(status in RUNNING for status, _ in statuses),
            canceled=sum(status is DisplayStatus.CANCELLED for status, _ in statuses),
            not_run=sum(status is DisplayStatus.NOT_RUN for status, _ in statuses),
        )

    def _counted_in(self, path: str) -> Iterator[tuple[DisplayStatus, bool]]:
        """Yield the status of each row in a stack that filters count, and whether it is the cause."""
        for child in self.tree.children.get(path, ()):
            if self.is_stack(child):
                continue
            others = (self.inside or {}).get(child, ())
            if not others or child == self.focus:
                yield self._result(self.tree.nodes[child]).status, child == self.focus
            for other in others:
                if other.is_counted:
                    yield other.display_status, other.is_cause

    def _children(self, path: str, others: Sequence[Row]) -> tuple[str, ...]:
        own = [row_id(child) for child in self.tree.children.get(path, ())]
        return tuple(own + [other.id for other in others if other.parent == row_id(path)])

    def _ahead(self, node: TreeNode, line: TimelineRow, first: int | None) -> _Ahead:
        """Return the timeline's data of a row whose first bar begins at `first`."""
        usual = line.usual.seconds if line.usual and line.usual.runs else None
        waits = () if node.status else line.waiting_for
        return _Ahead(
            usual=usual,
            ghost=None if usual is None or first is None else (first, first + 1000 * usual),
            rest=self._rest(node, line),
            is_slow=is_slow(line),
            is_critical=line.is_critical and bool(node.path),
            waits=tuple(name_of(waiting.path) for waiting in waits[:NAMED]),
            more_waits=max(0, len(waits) - NAMED),
        )

    def _is_in_tier(self, path: str) -> bool:
        top = self.tree.nodes.get(path.partition("/")[0])
        return bool(path) and top is not None and (top.is_stack or top.type == STACK)

    def _is_open(self, path: str, status: DisplayStatus, *, is_stack: bool) -> bool:
        if not path:
            return True
        if not is_stack:
            others = (self.inside or {}).get(path, ())
            return not others or any(other.display_status is not DisplayStatus.DONE for other in others)
        if self.focus is not None and f"{self.focus}/".startswith(f"{path}/"):
            return True
        return status in OPEN

    def _summary(self, path: str, own: Sequence[Bar]) -> tuple[Bar, ...]:
        below = []
        for child in self.tree.children.get(path, ()):
            node = self.tree.nodes.get(child)
            if node is not None:
                below.append(self._bars(node))
        return summary(own, below)

    def _runs(self, node: TreeNode) -> Sequence[OperationRun]:
        """Return the runs of a node: from its timeline, unless that is older than the node."""
        line = self.lines.get(node.path)
        return line.runs if line is not None and line.runs and line.status == node.status else runs_of(node)

    def _bars(self, node: TreeNode) -> tuple[Bar, ...]:
        return bars_of(node, self._runs(node), self.course.of(node.path), self.failures.get(node.path, ()))

    def _result(self, node: TreeNode) -> RowResult:
        found = self._runs(node)
        if not found and node.status:  # a row with a status but without times
            return RowResult(status=display_status(node.status, node.reason), reason=remark(node.reason))
        is_stack = node.is_stack or node.type == STACK
        failures = self.failures.get(node.path, ())
        course = self.course.of(node.path)
        return result_of(found, course, failures, is_stack=is_stack, is_root=not node.path)

    def _rest(self, node: TreeNode, line: TimelineRow) -> tuple[float, float] | None:
        """Return the expected remainder; None if it has ended."""
        if node.status and node.ended is not None:
            return None
        return still_expected(line, self.now, has_begun=bool(node.status))


class _Ahead(NamedTuple):
    """The timeline's data of a row: its usual duration, the expected remainder, and its open dependencies."""

    usual: float | None = None
    ghost: tuple[float, float] | None = None
    rest: tuple[float, float] | None = None
    is_slow: bool = False
    is_critical: bool = False
    waits: tuple[str, ...] = ()
    more_waits: int = 0


_NOTHING_AHEAD = _Ahead()
_TELLING = frozenset(
    {DisplayStatus.PROGRESS, DisplayStatus.SETTLING, DisplayStatus.DONE, DisplayStatus.FAILED}
)
"""Statuses that are displayed with AWS's latest reason; others have their own reason, or need none."""


def _reason(node: TreeNode, result: RowResult) -> str:
    """Return why a row has its status. A stack that only repeats a failure inside it has no own reason."""
    if result.reason:
        return unwrapped(result.reason)
    if result.back or result.status not in _TELLING or is_echo(node.reason):
        return ""
    return remark(node.reason)
