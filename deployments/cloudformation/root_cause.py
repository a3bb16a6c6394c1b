"""Why a deployment failed: the resource that failed first, not those canceled as a result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deployments.cloudformation.status import OperationKind, is_cancelled, is_failed, operation_of
from deployments.common.rules.plain_reason import unwrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed resource: the path of its stack (logical ids below the root), and AWS's reason."""

    path: str
    logical_id: str
    type: str
    status: str
    reason: str
    at: datetime

    @property
    def message(self) -> str:
        """Return AWS's own reason, or the status without one."""
        return unwrapped(self.reason) or self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCause:
    """The resource that failed first (`leaf`), and the other failures.

    `ties` failed independently at the same time, `later` independently afterwards; a resource that failed in
    several attempts of a rollback is included once. `collateral` was canceled as a result. `chain` has the
    logical ids of the nested stacks from the root down to the leaf's stack.
    """

    leaf: Failure
    ties: tuple[Failure, ...] = ()
    later: tuple[Failure, ...] = ()
    collateral: tuple[Failure, ...] = ()

    @property
    def chain(self) -> tuple[str, ...]:
        """Return the logical ids of the leaf's nested stacks, the outermost first."""
        return tuple(part for part in self.leaf.path.split("/") if part)


# The failure of a stack only repeats one inside it.
_ECHO = re.compile(
    r"Embedded stack \S+ was not successfully|The following resource\(s\) failed to"
    r"|Rollback requested by user"
)


def root_cause(failures: Iterable[Failure]) -> RootCause | None:
    """Return the earliest failure that is neither collateral nor an echo, and the others by their kind.

    Return None if nothing failed. The order of failures, and duplicates among them, do not matter. If every
    failure is an echo (the events of the leaf are missing), the deepest and earliest echo is the leaf, since
    it is nearest to the cause. Failures of the rollback (a DELETE_FAILED after a CREATE_FAILED) are later
    ones.
    """
    failed = {(f.path, f.logical_id, f.status, f.at): f for f in failures if is_failed(f.status)}.values()
    collateral = [f for f in failed if is_cancelled(f.status, f.reason)]
    own = [f for f in failed if not is_cancelled(f.status, f.reason)]
    leaves = [f for f in own if not is_echo(f.reason)]
    if not leaves:
        return _of_echoes(own or failed, collateral)
    ordered = sorted(
        leaves, key=lambda f: (f.at, _is_back(f), -f.path.count("/"), f.path, f.logical_id, f.status)
    )
    leaf, rest = ordered[0], ordered[1:]
    ties = _ties(leaf, rest)
    return RootCause(
        leaf=leaf,
        ties=ties,
        later=_once(f for f in rest if f not in ties),
        collateral=_sorted(collateral, leaf),
    )


def _ties(leaf: Failure, others: Iterable[Failure]) -> tuple[Failure, ...]:
    return tuple(f for f in others if f.at == leaf.at and _is_back(f) == _is_back(leaf))


def _is_back(failure: Failure) -> bool:
    """Return whether it can only result from another failure, even in the same millisecond."""
    return operation_of(failure.status) in (OperationKind.DELETE, OperationKind.ROLLBACK)


def _once(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Return the first failure of each operation of each resource."""
    found: dict[tuple[str, str, str], Failure] = {}
    for one in failures:
        found.setdefault((one.path, one.logical_id, one.status), one)
    return tuple(found.values())


def _of_echoes(echoes: Iterable[Failure], collateral: Iterable[Failure]) -> RootCause | None:
    """Return the deepest and earliest echo as the cause; None if there is none."""
    leaf = min(echoes, key=lambda f: (-f.path.count("/"), f.at, f.path, f.logical_id), default=None)
    return RootCause(leaf=leaf, collateral=_sorted(collateral, leaf)) if leaf else None


def is_echo(reason: str) -> bool:
    """Return whether a stack's reason only reports that something in it failed."""
    return bool(_ECHO.search(reason))


def _sorted(failures: Iterable[Failure], leaf: Failure) -> tuple[Failure, ...]:
    others = (f for f in failures if f is not leaf)
    return tuple(sorted(others, key=lambda f: (f.at, f.path, f.logical_id, f.status)))


def first_failure(failures: Iterable[Failure]) -> Failure | None:
    """Return the leaf of `root_cause`; None if nothing failed."""
    found = root_cause(failures)
    return found.leaf if found else None
