"""What simulations say of a role, added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from deployments.accounts.rules.facts import RoleFacts
from deployments.accounts.rules.simulations import Simulation
from deployments.aws.iam import SimulatedDecision


def with_decisions(role: RoleFacts, call: Simulation, decisions: Iterable[SimulatedDecision]) -> RoleFacts:
    """Return what is known of a role after one more call."""
    about = [one for one in decisions if (one.action, one.resource) in call.pairs]
    denied = [one for one in about if not one.is_allowed]
    refused = {one.action for one in denied if _is_refused(one)}
    missing = {one.action for one in denied} - refused
    known = set(role.missing.get(call.statement, ())) | missing
    return replace(
        role,
        tested=role.tested + len(about),
        missing={**role.missing, **({call.statement: tuple(sorted(known))} if known else {})},
        refused=tuple(sorted({*role.refused, *refused})),
    )


def _is_refused(one: SimulatedDecision) -> bool:
    """Return whether a further statement would not help."""
    return one.is_explicit or one.by_organization or one.by_boundary
