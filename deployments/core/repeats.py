"""Which event only says again what another said of the same resource. Pure; the journal keeps the answer."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.core.status import is_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEvent:
    """What an event says of its subject. `first` is the number of the first that said so."""

    first: int
    status: str
    reason: str
    teller: str


def repeats(before: LastEvent | None, now: LastEvent) -> bool:
    """Tell whether an event says what the last one about the same subject said already.

    CloudFormation tells of one step several times: with "Resource creation Initiated" as the reason, or
    once in a nested stack and once in its parent. Two failures are two unless they have one reason, or the
    one is how the parent tells of the other.
    """
    if before is None or not now.status or before.status != now.status:
        return False
    return not is_failed(now.status) or before.reason == now.reason or before.teller != now.teller
