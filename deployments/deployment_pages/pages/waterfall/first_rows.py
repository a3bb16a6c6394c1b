"""The rows that a page begins with: all of a small deployment, the initially visible ones of a large one.

Rows of closed stacks are sent when their stack is expanded or searched. Those of open stacks that do not fit
in the window follow right after the page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.stacks.display.paths import and_above

FILLED = 40
"""Number of resources that fill the window."""


def first_rows(builder: RowBuilder, wanted: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows that a page begins with, including those around the paths `wanted`."""
    if not builder.is_large:
        return iter(builder.all())
    focus = () if builder.focus is None else (builder.focus,)
    always = {around for path in (*focus, *wanted) for around in and_above(path)} | {""}
    return _Walk(builder, always).below("", hidden=False) if "" in builder.tree.nodes else iter(())


def rows_in(builder: RowBuilder, stacks: Iterable[str]) -> Iterator[Row]:
    """Yield the direct content of some stacks in order; a nested stack only marks its position."""
    for path in stacks:
        for child in builder.tree.children.get(path, ()):
            if builder.is_stack(child):
                yield builder.row(child)
            else:
                yield from builder.below(child, hidden=False)


@dataclass(slots=True)
class _Walk:
    """A walk through the stacks from the root down; `used` counts the visible resources so far."""

    builder: RowBuilder
    always: Collection[str]
    used: int = field(default=0)

    def below(self, path: str, *, hidden: bool) -> Iterator[Row]:
        """Yield a stack, its nested stacks, and its resources if the page begins with them."""
        row = self.builder.row(path, hidden=hidden)
        children = self.builder.tree.children.get(path, ())
        resources = [child for child in children if not self.builder.is_stack(child)]
        first = set(resources[: self._number(row, resources)])
        yield replace(row, is_later=len(first) < len(resources), is_partial=0 < len(first) < len(resources))
        shut = hidden or not row.open
        for child in children:
            if self.builder.is_stack(child):
                yield from self.below(child, hidden=shut)
            elif child in first:
                yield from self.builder.below(child, hidden=shut)

    def _number(self, row: Row, resources: Sequence[str]) -> int:
        """Return how many of a stack's resources the page begins with; none after a group of servers."""
        if row.path in self.always:
            return len(resources)
        if row.hidden or not row.open:
            return 0
        number = min(len(resources), FILLED - self.used)
        self.used += number
        if number < len(resources):
            groups = self.builder.inside or {}
            number = next((n for n, path in enumerate(resources[:number]) if path in groups), number)
        return number
