"""All known causes in the order in which they are tried: specific ones before general ones."""

from __future__ import annotations

from deployments.failures.rules import (
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
    groups = (functions, servers, database, quotas, permissions, deleting, network, templates, connections)
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


def cause_of(type_: str, reason: str, blocked: str) -> RecognizedCause | None:
    """Return the cause of a failure: a connection that is not possible before what AWS says.

    Args:
        blocked: the sentences of the evidence about connections, "" without any.
    """
    return recognize(connections.TYPE, blocked) or recognize(type_, reason)


def _clean(value: str | None) -> str:
    """Return a value of the cause's text, "…" if the reason does not contain it."""
    return (value or "…").strip().rstrip(".") or "…"


def by_code(code: str) -> Cause | None:
    """Return the cause with this code."""
    return next((cause for cause in CATALOGUE if cause.code == code), None)
