"""What the roles of an account may do, simulated: for the test of its connection and its first contact."""

from __future__ import annotations

from dataclasses import replace

from deployments.accounts.rules import roles_facts
from deployments.accounts.rules.account_roles import PORTAL, SERVICE, ExpectedRole, RolesOf, expected
from deployments.accounts.rules.facts import CallError, ConnectionAnswers, RoleFacts
from deployments.accounts.rules.simulations import Simulation, missing_policy
from deployments.aws.iam import ContextKey, SimulatedDecision
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsRetryable
from deployments.environments.models.accounts import Account
from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.service_role import ACCOUNT_TEMPLATE


def called(role: RoleFacts, call: Simulation, clients: Clients) -> RoleFacts:
    """Return what is known of a role after one simulation."""
    try:
        decisions: list[SimulatedDecision] = clients.iam.simulate(
            role.arn,
            call.actions,
            call.resources,
            [ContextKey(name=name, value=value) for name, value in call.context],
        )
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        return replace(role, error=CallError(operation=exc.operation, code=exc.code))
    return roles_facts.with_decisions(role, call, decisions)


def roles_of(facts: ConnectionAnswers, account: Account) -> list[tuple[str, ExpectedRole]]:
    """Return the roles to simulate, with what this version needs of them."""
    template = yaml_files.read(ACCOUNT_TEMPLATE)
    about = RolesOf(
        account=facts.account_id,
        region=facts.region,
        portal_role=facts.portal.arn,
        service_role=facts.service.arn,
        bucket=account.artifact_bucket,
        parameters=dict(facts.parameters),
    )
    kinds = [PORTAL, *([SERVICE] if facts.service.arn else [])]
    return [(kind, expected(template, kind, about)) for kind in kinds]


def policies(roles: dict[str, ExpectedRole], facts: ConnectionAnswers) -> dict[str, str]:
    """Return the statements to add, by role; "simulate" is what allows the simulation."""
    missing = {PORTAL: facts.portal.missing, SERVICE: facts.service.missing}
    found = {kind: missing_policy(role.granted, missing[kind]) for kind, role in roles.items()}
    portal = roles[PORTAL].granted
    numbers = {
        number: ["iam:SimulatePrincipalPolicy"]
        for number, one in enumerate(portal.statements)
        if one.effect == "Allow" and one.names("iam:SimulatePrincipalPolicy")
    }
    return {**found, "simulate": missing_policy(portal, numbers)}
