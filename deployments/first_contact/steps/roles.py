"""The roles: each action that account.yaml grants is simulated, as by the test of the connection."""

from __future__ import annotations

from dataclasses import replace

from deployments.accounts.rules.account_roles import PORTAL
from deployments.accounts.rules.facts import ConnectionAnswers, RoleFacts
from deployments.accounts.rules.simulations import Simulation
from deployments.accounts.shared import reads, simulating
from deployments.aws import session
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps.contact import Contact, StepStopped


def take(contact: Contact) -> None:
    """Simulate everything, and note what is missing with the statement to add."""
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
