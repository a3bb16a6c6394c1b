"""All known causes in the order in which they are tried: specific ones before general ones."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.failures.rules import (
    checks,
    connections,
    database,
    deleting,
    functions,
    network,
    permissions,
    quotas,
    servers,
    templates,
)
from deployments.failures.rules.cause import Cause, RecognizedCause
from deployments.failures.rules.stopped_stack import FindingKind, StackFinding

_GENERAL = (
    "GroupNotStable",
    "Quota",
    "DeniedUnnamed",
    "NameExists",
    "NotStabilized",
    "Throttled",
    "AwsFault",
)


def _in_order() -> tuple[Cause, ...]:
    groups = (
        *(checks, functions, servers, database, quotas, permissions, deleting, network, templates),
        connections,
    )
    causes = [cause for group in groups for cause in group.CAUSES]
    return tuple(sorted(causes, key=lambda cause: cause.code in _GENERAL))


CATALOGUE = _in_order()
"""Codes are unique and stable: docs/causes.md lists them."""


def recognize(type_: str, reason: str) -> RecognizedCause | None:
    """Return the first cause whose signature matches AWS's reason for a resource of this type.

    Return None if there is none: the page then shows only AWS's reason.
    """
    for cause in CATALOGUE:
        if cause.types and not type_.startswith(cause.types):
            continue
        if match := cause.reason.search(reason):
            found = match.groupdict()
            if "api" in found:  # the older form of a denial begins with the action
                found["action"] = found.pop("api") or found["action"]
            values = {name: _clean(value) for name, value in found.items()}
            return RecognizedCause(cause=cause, values=values)
    return None


def cause_of(
    type_: str, reason: str, blocked: str, found: Sequence[StackFinding] = ()
) -> RecognizedCause | None:
    """Return the cause of a failure: what the evidence has before what AWS says.

    Args:
        blocked: the sentences of the evidence about connections, "" without any.
        found: what stopped the stack beyond its events, the one that explains the failure first.
    """
    of_finding = _of_finding(found[0]) if found else None
    return of_finding or recognize(connections.TYPE, blocked) or recognize(type_, reason)


def _of_finding(found: StackFinding) -> RecognizedCause | None:
    """Return the cause of a finding. What a hook reports is in the words of its author, and not looked up."""
    if found.kind is FindingKind.HOOK:
        return RecognizedCause(cause=checks.HOOK_FAILED, values={"hook": _clean(found.check)})
    known = recognize(found.type, found.reason)
    if known or found.kind is FindingKind.ERROR:
        return known
    return RecognizedCause(cause=checks.VALIDATION_FAILED, values={})


def _clean(value: str | None) -> str:
    """Return a value of the cause's text, "…" if the reason does not contain it."""
    return (value or "…").strip().rstrip(".") or "…"


def by_code(code: str) -> Cause | None:
    """Return the cause with this code."""
    return next((cause for cause in CATALOGUE if cause.code == code), None)
