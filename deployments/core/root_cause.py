"""Why a deployment failed: the earliest failed leaf, not the siblings it took with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deployments.core.status import is_cancelled, is_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed resource: where it is (path of logical ids below the root), and what AWS says."""

    path: str
    logical_id: str
    type: str
    status: str
    reason: str
    at: datetime


# A stack only repeats what failed inside it.
_ECHO = re.compile(
    r"Embedded stack \S+ was not successfully|The following resource\(s\) failed to"
    r"|Rollback requested by user"
)


def first_failure(failures: Iterable[Failure]) -> Failure | None:
    """Return the earliest failure that is neither collateral nor an echo; None when nothing failed.

    When every failure is an echo (events of the leaf are missing), the deepest and earliest echo is
    returned, since it is nearest to the cause.
    """
    failed = [f for f in failures if is_failed(f.status)]
    own = [f for f in failed if not is_cancelled(f.status, f.reason)]
    leaves = [f for f in own if not _ECHO.search(f.reason)]
    if leaves:
        return min(leaves, key=lambda f: (f.at, -f.path.count("/"), f.path, f.logical_id))
    return min(own or failed, key=lambda f: (-f.path.count("/"), f.at, f.logical_id), default=None)
