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


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCause:
    """What failed first, and what went with it.

    `ties` failed by themselves in the same instant; `later` failed by themselves afterwards; `collateral`
    was cancelled; `chain` are the logical ids of the nested stacks from the root down to the leaf's.
    """

    leaf: Failure
    ties: tuple[Failure, ...] = ()
    later: tuple[Failure, ...] = ()
    collateral: tuple[Failure, ...] = ()

    @property
    def chain(self) -> tuple[str, ...]:
        """Return the logical ids of the nested stacks around the leaf, the outermost first."""
        return tuple(part for part in self.leaf.path.split("/") if part)


# A stack only repeats what failed inside it.
_ECHO = re.compile(
    r"Embedded stack \S+ was not successfully|The following resource\(s\) failed to"
    r"|Rollback requested by user"
)


def root_cause(failures: Iterable[Failure]) -> RootCause | None:
    """Return the earliest failure that is neither collateral nor an echo, with the others sorted by what
    they are; None when nothing failed.

    The order in which failures are given and doubles among them change nothing. When every failure is an
    echo (events of the leaf are missing), the deepest and earliest echo is the leaf, since it is nearest to
    the cause. Failures of the rollback (a DELETE_FAILED after a CREATE_FAILED) are later ones by their time.
    """
    failed = {(f.path, f.logical_id, f.status, f.at): f for f in failures if is_failed(f.status)}.values()
    collateral = [f for f in failed if is_cancelled(f.status, f.reason)]
    own = [f for f in failed if not is_cancelled(f.status, f.reason)]
    leaves = [f for f in own if not _ECHO.search(f.reason)]
    if not leaves:
        return _of_echoes(own or failed, collateral)
    ordered = sorted(leaves, key=lambda f: (f.at, -f.path.count("/"), f.path, f.logical_id, f.status))
    leaf, rest = ordered[0], ordered[1:]
    return RootCause(
        leaf=leaf,
        ties=tuple(f for f in rest if f.at == leaf.at),
        later=tuple(f for f in rest if f.at > leaf.at),
        collateral=_sorted(collateral, leaf),
    )


def _of_echoes(echoes: Iterable[Failure], collateral: Iterable[Failure]) -> RootCause | None:
    """Return the deepest and earliest echo as the cause, None when there is none."""
    leaf = min(echoes, key=lambda f: (-f.path.count("/"), f.at, f.path, f.logical_id), default=None)
    return RootCause(leaf=leaf, collateral=_sorted(collateral, leaf)) if leaf else None


def _sorted(failures: Iterable[Failure], leaf: Failure) -> tuple[Failure, ...]:
    others = (f for f in failures if f is not leaf)
    return tuple(sorted(others, key=lambda f: (f.at, f.path, f.logical_id, f.status)))


def first_failure(failures: Iterable[Failure]) -> Failure | None:
    """Return what failed first by itself; None when nothing failed. See `root_cause`."""
    found = root_cause(failures)
    return found.leaf if found else None
