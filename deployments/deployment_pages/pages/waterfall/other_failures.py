"""The other resources that a failure affected, for its banner, counted like the filters above the rows.

Nested stacks do not count unless they failed by themselves; their content does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from deployments.cloudformation.schedule import PHASE
from deployments.cloudformation.status import DisplayStatus
from deployments.common.rules.plain_reason import unwrapped
from deployments.deployment_pages.display.waterfall.rows import PROBLEMS
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.environments.display.badges import LABELS
from deployments.stacks.display.paths import name_of, parent_of
from deployments.stacks.rules.row_results import RowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedResource:
    """A resource at its path. `message` is AWS's reason for the failure, or else its status."""

    path: str
    message: str = ""

    @property
    def name(self) -> str:
        """Return its logical id."""
        return name_of(self.path)

    @property
    def within(self) -> str:
        """Return the path of its stack, "" for the root stack."""
        return parent_of(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFailures:
    """The resources that failed besides the first ones, and those that were canceled as a result."""

    failed: tuple[AffectedResource, ...] = ()
    canceled: tuple[AffectedResource, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.failed or self.canceled)


def other_failures(builder: RowBuilder, first: Collection[str]) -> OtherFailures:
    """Return the other failures; `first` are the paths of the first failures, which may be simultaneous.

    The timeline is used for resources that are not in the builder's tree.
    """
    failed, canceled = [], []
    for path in dict.fromkeys([*builder.lines, *builder.tree.nodes]):
        if path.startswith(PHASE) or path in first or (builder.inside or {}).get(path):
            continue
        result, is_stack = builder.result(path), builder.is_stack(path)
        message = unwrapped(result.reason or result.back_reason)
        if result.status is DisplayStatus.CANCELLED and not is_stack:
            canceled.append(AffectedResource(path=path))
        elif result.status in PROBLEMS and (message or not is_stack):
            failed.append(AffectedResource(path=path, message=message or _label(result)))
    return OtherFailures(failed=tuple(failed), canceled=tuple(canceled))


def _label(result: RowResult) -> str:
    return str(LABELS[result.status])
