"""The gateway to IAM: what the policies of a role or user allow, simulated and never called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deployments.aws.error_mapping import calling

ALLOWED = "allowed"
EXPLICIT = "explicitDeny"
AT_ONCE = 1000
"""Results of one response (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextKey:
    """A condition key of the simulated request, with its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDecision:
    """IAM's decision about an action on a resource ("*" for none).

    `is_explicit`: a statement denies it. `by_organization`, `by_boundary`: a service control policy, or the
    permissions boundary, does not allow it.
    """

    action: str
    resource: str
    is_allowed: bool
    is_explicit: bool = False
    by_organization: bool = False
    by_boundary: bool = False


class IAM(Protocol):
    """The call to IAM that the runner makes."""

    def simulate(
        self, arn: str, actions: Sequence[str], resources: Sequence[str], context: Sequence[ContextKey]
    ) -> list[SimulatedDecision]:
        """Return the decisions about each action on each resource, for the role or user `arn`.

        Raise AwsNotFound if it does not exist.
        """
        ...


class IAMGateway:
    """IAM through boto3; the protocol above documents the method."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def simulate(
        self, arn: str, actions: Sequence[str], resources: Sequence[str], context: Sequence[ContextKey]
    ) -> list[SimulatedDecision]:
        pages = self._client.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=arn,
            ActionNames=list(actions),
            ResourceArns=list(resources),
            ContextEntries=[
                {"ContextKeyName": one.name, "ContextKeyType": "string", "ContextKeyValues": [one.value]}
                for one in context
            ],
            PaginationConfig={"PageSize": AT_ONCE},
        )
        with calling("iam:SimulatePrincipalPolicy"):
            rows = [row for page in pages for row in page["EvaluationResults"]]
        return [decision for row in rows for decision in _decisions(row)]


def _decisions(row: Any) -> list[SimulatedDecision]:
    """Return the decision about each resource of an action.

    Of a result about several resources, the top level has the most restrictive decision and, in place of the
    resource, the format of its ARN.
    """
    specific = row.get("ResourceSpecificResults") or ()
    if not specific:
        return [_decision(row["EvalActionName"], "*", row["EvalDecision"], row, row)]
    return [
        _decision(row["EvalActionName"], one["EvalResourceName"], one["EvalResourceDecision"], row, one)
        for one in specific
    ]


def _decision(action: str, resource: str, decided: str, row: Any, one: Any) -> SimulatedDecision:
    organization = row.get("OrganizationsDecisionDetail") or {}
    boundary = one.get("PermissionsBoundaryDecisionDetail") or {}
    return SimulatedDecision(
        action=action,
        resource=resource,
        is_allowed=decided == ALLOWED,
        is_explicit=decided == EXPLICIT,
        by_organization=organization.get("AllowedByOrganizations") is False,
        by_boundary=boundary.get("AllowedByPermissionsBoundary") is False,
    )
