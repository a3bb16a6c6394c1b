"""The stacks and resources of a deployment as a tree of plain values.

It is built from the rows of the database (`build_tree`, `load_branches`), or from any other source of nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deployments.cloudformation.dependencies import from_rows
from deployments.cloudformation.timeline import Changes, in_ms
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.paths import and_above, join, name_of, parent_of
from deployments.stacks.display.tree_counts import (
    NONE,
    Counted,
    LeftOut,
    course_of_stacks,
    is_undone,
    left_out_of,
)
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.rules.progress import ProgressCount, resource_state


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A stack or resource at its path of logical ids ("" is the root). Times are epoch milliseconds.

    `status` is relative to the deployment: resources that a delete has yet to delete are "" (pending). `key`
    is the stack's row, for links from other pages.
    """

    path: str
    type: str = ""
    name: str = ""
    status: str = ""
    reason: str = ""
    physical_id: str = ""
    started: int | None = None
    ended: int | None = None
    changes: Changes = ()
    needs: Sequence[str] = ()
    is_stack: bool = False
    key: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTree:
    """Nodes by path, the children of each stack in their order, and the resource counts of each stack.

    It may have only a part of the nodes; `counts` are always of the whole deployment.
    """

    nodes: Mapping[str, TreeNode] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)
    counts: Mapping[str, ProgressCount] = field(default_factory=dict)
    rolled_back: ProgressCount = NONE

    @property
    def count(self) -> ProgressCount:
        """Return the count of all known resources."""
        return self.counts.get("", NONE)

    @property
    def nested_statuses(self) -> list[str]:
        """Return the statuses of the nested stacks."""
        return [node.status for path, node in self.nodes.items() if path and node.is_stack]

    @property
    def root_status(self) -> str:
        """Return the root stack's status, "" before its first event."""
        return self.nodes[""].status if "" in self.nodes else ""


def build_tree(
    kind: Kind, stacks: Iterable[Stack], phase: str = "", left_out: LeftOut | None = None
) -> ResourceTree:
    """Return all nodes of a deployment's stacks, whose resources were prefetched. `phase`: its last one.

    A stack of which only the content is known is included as pending. `left_out` are resources that a change
    lists and does not change.
    """
    own = {stack.path: stack for stack in stacks}
    below = {path: sorted(stack.resources.all(), key=lambda r: r.pk) for path, stack in own.items()}
    statuses = Counter((path, r.status) for path, resources in below.items() for r in resources)
    tallied = [(*key, number) for key, number in statuses.items()]
    changes = ((path, r.changes) for path, resources in below.items() for r in resources)
    counted = Counted.of(kind, own, tallied, changes, phase, left_out)
    return _built(kind, own, below, counted)


def load_branches(deployment: Deployment, paths: Iterable[str]) -> ResourceTree:
    """Read the part of a deployment in and around these paths (three queries).

    The direct content of their parent stacks is included for the stacks' summaries.
    """
    kind = Kind(deployment.kind)
    own = {stack.path: stack for stack in Stack.objects.of(deployment)}
    wanted = {around for path in paths for around in and_above(path) if around in own}
    pks = {own[path].pk: path for path in wanted}
    below: dict[str, list[Resource]] = {path: [] for path in wanted}
    for resource in Resource.objects.in_stacks(pks):
        below[pks[resource.stack_id]].append(resource)
    tallied = Resource.objects.tallied(deployment)
    turned = is_undone(kind, own) or course_of_stacks(kind, own).has_turned
    changes = Resource.objects.changes_in(deployment) if turned else ()
    counted = Counted.of(kind, own, tallied, changes, deployment.last_phase, left_out_of(deployment))
    return _built(kind, own, below, counted)


def _built(
    kind: Kind,
    own: Mapping[str, Stack],
    below: Mapping[str, Sequence[Resource]],
    counted: Counted,
) -> ResourceTree:
    found: dict[str, TreeNode] = {}
    children: dict[str, list[str]] = {path: [] for path in below}
    for path, resources in below.items():
        for resource in resources:
            at = join(path, resource.logical_id)
            children[path].append(at)
            found[at] = node(kind, at, resource, own.get(at))
    for path in [around for at in own for around in reversed(and_above(at))]:
        children.setdefault(path, [])
        if path in found:
            continue
        if path in own:
            found[path] = node(kind, path, None, own[path])
        else:
            found[path] = TreeNode(path=path, type=STACK_TYPE, name=name_of(path), is_stack=True)
        if path:  # its events arrived before its parent's
            children[parent_of(path)].append(path)
    return ResourceTree(
        nodes=found,
        children={path: in_order(below, found) for path, below in children.items()},
        counts=counted.by_stack,
        rolled_back=counted.rolled_back,
    )


def in_order(siblings: Sequence[str], nodes: Mapping[str, TreeNode]) -> list[str]:
    """Return the content of one stack, each after its dependencies, otherwise in the order of discovery.

    The order follows from the templates alone, so that rows never move.
    """
    among = set(siblings)
    needs = {
        path: {need if need in among else _sibling(need, path) for need in nodes[path].needs} & among - {path}
        for path in siblings
    }
    blocked: dict[str, list[str]] = {path: [] for path in siblings}
    for path, own in needs.items():
        for need in own:
            blocked[need].append(path)
    left = {path: len(own) for path, own in needs.items()}
    rank = dict.fromkeys((path for path in siblings if not left[path]), 0)
    ready = list(rank)
    for path in ready:  # grows
        for other in blocked[path]:
            left[other] -= 1
            if not left[other]:
                rank[other] = rank[path] + 1
                ready.append(other)
    return sorted(siblings, key=lambda path: rank.get(path, len(siblings)))  # members of a cycle last


def _sibling(path: str, of: str) -> str:
    """Return the sibling of `of` that is at the path or contains it."""
    depth = of.count("/") + 1
    return "/".join(path.split("/")[:depth])


def node(kind: Kind, path: str, resource: Resource | None, stack: Stack | None) -> TreeNode:
    """Return the node at a path. For a nested stack, its own events have more detail than its parent's.

    One of the two rows must exist.
    """
    model: Any = stack if stack is not None and (stack.status or resource is None) else resource
    status = resource_state(kind, model.status)
    common: dict[str, Any] = {
        "path": path,
        "name": name_of(path) or str(model),
        "type": resource.type if resource else STACK_TYPE,
        "physical_id": (stack.stack_id if stack else "") or (resource.physical_id if resource else ""),
        "needs": tuple(edge.path for edge in from_rows(resource.depends_on)) if resource else (),
        "is_stack": stack is not None,
        "key": stack.pk if stack else 0,
    }
    if not status:
        return TreeNode(**common)
    return TreeNode(
        status=status,
        reason=model.reason,
        started=_ms(model.started_at),
        ended=_ms(model.ended_at),
        changes=model.changes if isinstance(model.changes, list) else (),
        **common,
    )


def _ms(at: datetime | None) -> int | None:
    return in_ms(at) if at else None
