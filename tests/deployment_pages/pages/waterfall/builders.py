"""Nodes, rows and their builder for the tests of the waterfall's modules."""

from __future__ import annotations

from typing import Any

from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.stacks.display.tree import ResourceTree, TreeNode
from deployments.stacks.models.stacks import STACK_TYPE
from deployments.stacks.models.timeline import TimelineRow
from deployments.stacks.rules.time_axis import TimeAxis

T0 = 1_800_000_000_000
"""A time in epoch milliseconds."""
AXIS = TimeAxis(T0, T0 + 100_000)


def row_builder(*nodes: TreeNode, lines: dict[str, TimelineRow] | None = None, **values: Any) -> RowBuilder:
    """Return the builder of the rows of these nodes and of a root stack."""
    found = {node.path: node for node in (TreeNode(path="", type=STACK_TYPE, is_stack=True), *nodes)}
    children: dict[str, list[str]] = {}
    for path in found:
        if path:
            children.setdefault(path.rpartition("/")[0], []).append(path)
    return RowBuilder(tree=ResourceTree(nodes=found, children=children), lines=lines or {}, now=T0, **values)


def row_of(path: str, builder: RowBuilder) -> Row:
    """Return the row at a path."""
    return next(row for row in builder.all() if row.path == path)


def stack(path: str, status: str) -> TreeNode:
    """Return the node of a nested stack."""
    return TreeNode(path=path, type=STACK_TYPE, is_stack=True, status=status)
