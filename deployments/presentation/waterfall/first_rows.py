"""The rows that a page begins with: all of a small deployment, the initially visible ones of a large one.

Rows of closed stacks are sent when their stack is expanded or searched. Those of open stacks follow right
after the page if the first ones already fill its window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from deployments.presentation.waterfall.row_builder import RowBuilder
from deployments.presentation.waterfall.rows import Row
from deployments.presentation.waterfall.tree import and_above

FILLED = 60
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
        begins = self._begins_with(row)
        yield row if begins else replace(row, is_later=bool(row.inside.number))
        shut = hidden or not row.open
        for child in self.builder.tree.children.get(path, ()):
            if self.builder.is_stack(child):
                yield from self.below(child, hidden=shut)
            elif begins:
                yield from self.builder.below(child, hidden=shut)

    def _begins_with(self, row: Row) -> bool:
        if row.path in self.always:
            return True
        if row.hidden or not row.open or self.used >= FILLED:
            return False
        self.used += row.inside.number
        return True
