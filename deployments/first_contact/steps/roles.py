"""The roles: what account.yaml grants is simulated, and its policies are validated by Access Analyzer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from deployments.accounts.rules.account_roles import PORTAL, ExpectedRole
from deployments.accounts.rules.facts import ConnectionAnswers, RoleFacts
from deployments.accounts.rules.simulations import Simulation
from deployments.accounts.shared import reads, simulating
from deployments.aws import session
from deployments.aws.access_analyzer import PolicyFinding
from deployments.aws.session import Clients
from deployments.common.errors import AwsAccessError
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps.contact import Contact, StepStopped

ALLOW_VALIDATION = (
    "The policies are not validated. Sanso works without this permission: to validate them, allow the "
    "portal's role access-analyzer:ValidatePolicy on *, and run the step again."
)


def take(contact: Contact) -> None:
    """Simulate everything, note the statements that are missing, and what is found in the policies."""
    basics = contact.need(
        "the roles",
        lambda aws: reads.basics(contact.account, lambda _ref: aws, session.identify_anew),
    )
    roles = simulating.roles_of(basics, contact.account)
    for kind, role in roles:
        facts = basics.portal if kind == PORTAL else basics.service
        for simulation in role.simulations:
            facts = _simulated(contact, facts, simulation)
        basics = replace(basics, portal=facts) if kind == PORTAL else replace(basics, service=facts)
    policies = simulating.policies(dict(roles), basics)
    for kind, _role in roles:
        _report(contact, kind, basics, policies.get(kind, ""))
    _validate(contact, dict(roles))


def _simulated(contact: Contact, facts: RoleFacts, simulation: Simulation) -> RoleFacts:
    """Return what is known after one simulation. Raise StepStopped if AWS does not answer."""
    if facts.error is not None:
        return facts
    found, error = contact.quietly(lambda aws: simulating.called(facts, simulation, aws))
    if found is None:
        contact.note("iam.simulate", str(error), Match.NO_ANSWER)
        raise StepStopped
    return found


def _report(contact: Contact, kind: str, found: ConnectionAnswers, policy: str) -> None:
    facts = found.portal if kind == PORTAL else found.service
    title = f"permissions of role {kind}"
    if facts.error is not None:
        contact.note(title, f"{facts.error.operation}: {facts.error.code}", Match.DENIED)
        return
    missing = sorted({action for actions in facts.missing.values() for action in actions})
    if not missing and not facts.refused:
        contact.note(title, f"{facts.tested} simulated, all allowed", Match.EXPECTED)
        return
    lacks = f"{facts.tested} simulated, not allowed: {', '.join((*missing, *facts.refused))}"
    contact.note(title, f"{lacks}\n{policy}".strip(), Match.DENIED)


def _validate(contact: Contact, roles: dict[str, ExpectedRole]) -> None:
    """Note what Access Analyzer finds in the policies of account.yaml; no role needs to allow that."""
    for kind, role in roles.items():
        for name, policy in {**role.granted.inline, **role.granted.managed}.items():
            title = f"policy {name} of role {kind}, validated by Access Analyzer"
            found, error = contact.quietly(partial(_findings, policy))
            if isinstance(error, AwsAccessError):
                contact.note(title, f"{error} {ALLOW_VALIDATION}")
                return
            if error is not None:
                contact.note(title, str(error), Match.NO_ANSWER)
                return
            outcome = Match.DIFFERENT if any(one.is_error for one in found or ()) else Match.EXPECTED
            lines = [
                f"{len(found or ())} findings",
                *(f"{one.kind} {one.code}: {one.text}" for one in found or ()),
            ]
            contact.note(title, "\n".join(lines), outcome)


def _findings(policy: str, aws: Clients) -> list[PolicyFinding]:
    return aws.access_analyzer.policy_findings(policy)
