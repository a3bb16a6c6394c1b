"""Whether an event repeats an earlier one of the same resource; the event log stores the result."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.cloudformation.status import is_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEvent:
    """The last event of a resource. `first` is the number of the event that it repeats, else its own.

    `stack` is the path of the stack whose events include it.
    """

    first: int
    status: str
    reason: str
    stack: str


def is_duplicate(before: LastEvent | None, now: LastEvent) -> bool:
    """Return whether an event repeats the last one of the same resource.

    CloudFormation reports one step several times: with "Resource creation Initiated" as the reason, or both
    in a nested stack and in its parent. Two failures are different unless they have the same reason, or one
    of them is the parent's event.
    """
    if before is None or not now.status or before.status != now.status:
        return False
    return not is_failed(now.status) or before.reason == now.reason or before.stack != now.stack
