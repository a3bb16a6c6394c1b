"""The nested stacks and resources of a deployment as the rows of one table, in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployments.core.phases import Kind
from deployments.core.progress import Count, count, standing
from deployments.core.status import Shown, is_cancelled, is_failed, shown
from deployments.models import Deployment, Resource, Stack
from deployments.models.stack import STACK_TYPE

NONE = Count()
MOVING = frozenset({Shown.PROGRESS, Shown.SETTLING, Shown.ROLLING_BACK, Shown.FAILED})
"""Stacks in which something can be seen are open at first; those that wait or have come to rest are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stack or resource as the table shows it.

    `id` is made from the path of logical ids, so it never changes; `after` is the id of the row above.
    `count` is of the resources in a stack, those of its nested stacks included. Links from other pages
    lead to `anchor`.
    """

    id: str
    parent: str
    after: str
    level: int
    logical_id: str
    type: str
    physical_id: str
    status: str
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    is_stack: bool
    children: tuple[str, ...] = ()
    count: Count = NONE
    open: bool = True
    hidden: bool = False
    anchor: str = ""

    @property
    def is_problem(self) -> bool:
        """Tell whether the row is a failure that is not collateral."""
        return is_failed(self.status) and not is_cancelled(self.status, self.reason)

    @property
    def remark(self) -> str:
        """Return the reason unless it only says that what was asked for has begun."""
        return "" if self.reason.lower().endswith("initiated") else self.reason

    @property
    def short_id(self) -> str:
        """Return the physical id without what all ARNs of its type begin with."""
        parts = self.physical_id.split(":", 5)
        return parts[5].partition("/")[2] or parts[5] if len(parts) == 6 else self.physical_id

    @property
    def is_moving(self) -> bool:
        """Tell whether the row's time goes on."""
        return self.started_at is not None and self.ended_at is None

    @property
    def short_type(self) -> str:
        """Return the type without what all of them begin with."""
        return self.type.removeprefix("AWS::")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All rows, from the root stack down; none before the first stack is known."""

    rows: tuple[Row, ...] = ()

    @property
    def count(self) -> Count:
        """Return the count of all resources that are known."""
        return self.rows[0].count if self.rows else NONE

    @property
    def root_status(self) -> str:
        """Return the root stack's status word, "" before its first event."""
        return self.rows[0].status if self.rows else ""


def row_id(path: str) -> str:
    """Return the id of the row at a path of logical ids; "" is the root stack."""
    return "t-" + path.replace("/", ".")


def and_above(path: str) -> list[str]:
    """Return a path and the paths of all stacks around it, the root's ("") last."""
    found = [path]
    while found[-1]:
        found.append(found[-1].rpartition("/")[0])
    return found


def load(deployment: Deployment) -> Tree:
    """Read the rows of a deployment's stacks and resources, in two queries."""
    stacks = {stack.path: stack for stack in Stack.objects.of(deployment).prefetch_related("resources")}
    return _Planter(Kind(deployment.kind), stacks).tree() if "" in stacks else Tree()


class _Planter:
    """Goes through the stacks from the root down and lines their rows up."""

    def __init__(self, kind: Kind, stacks: Mapping[str, Stack]) -> None:
        self.kind, self.stacks = kind, stacks
        self.resources = {
            path: {r.logical_id: r for r in sorted(stack.resources.all(), key=lambda r: r.pk)}
            for path, stack in stacks.items()
        }
        self.nested: dict[str, list[str]] = {path: [] for path in stacks}
        for path in stacks:
            if path:
                parent, _, logical_id = path.rpartition("/")
                self.nested.setdefault(parent, []).append(logical_id)
        self.rows: list[Row] = []

    def tree(self) -> Tree:
        self.add("", None, hidden=False)
        return Tree(rows=tuple(self.rows))

    def add(self, path: str, resource: Resource | None, *, hidden: bool) -> None:
        """Append the row at a path, then the rows below it.

        Of a nested stack, its own events tell more than its parent's do, once there are any.
        """
        stack = self.stacks.get(path)
        own: Stack | Resource | None = resource
        if stack is not None and (stack.status or resource is None):
            own = stack
        if own is None:
            return
        row = self.row(path, own, stack, resource, hidden=hidden)
        self.rows.append(row)
        if stack is not None:
            for below, child in self.below(path).items():
                self.add(below, child, hidden=hidden or not row.open)

    def below(self, path: str) -> dict[str, Resource | None]:
        """Return the paths of a stack's resources in the order they became known.

        A nested stack whose event arrived before its parent's is among them, without a resource.
        """
        prefix = f"{path}/" if path else ""
        found: dict[str, Resource | None] = {prefix + k: r for k, r in self.resources[path].items()}
        return found | {prefix + k: None for k in self.nested[path] if k not in self.resources[path]}

    def row(
        self,
        path: str,
        own: Stack | Resource,
        stack: Stack | None,
        resource: Resource | None,
        *,
        hidden: bool,
    ) -> Row:
        """Return the row at a path, told by `own`, which is one of the other two."""
        status = standing(self.kind, own.status)
        parent = path.rpartition("/")[0]
        return Row(
            id=row_id(path),
            parent=row_id(parent) if path else "",
            after=self.rows[-1].id if self.rows else "",
            level=path.count("/") + 2 if path else 1,
            logical_id=path.rpartition("/")[2] or str(own),
            type=resource.type if resource else STACK_TYPE,
            physical_id=(stack.stack_id if stack else "") or (resource.physical_id if resource else ""),
            status=status,
            reason=own.reason if status else "",
            started_at=own.started_at if status else None,
            ended_at=own.ended_at if status else None,
            is_stack=stack is not None,
            children=tuple(row_id(below) for below in self.below(path)) if stack else (),
            count=self.count(path) if stack else NONE,
            open=not path or shown(own.status, own.reason) in MOVING,
            hidden=hidden,
            anchor=f"s-{stack.pk}" if stack else "",
        )

    def count(self, path: str) -> Count:
        """Count the resources in a stack and below it, nested stacks among them."""
        total = count(self.kind, [r.status for r in self.resources[path].values()])
        prefix = f"{path}/" if path else ""
        for logical_id in self.nested[path]:
            total += self.count(prefix + logical_id)
        return total
