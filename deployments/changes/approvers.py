"""Which approvals of a request count: those of people with the role, never those of the requester or a
program."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from django.contrib.auth.models import User
from django.db.models import Q

from deployments.access.commands.requesting import CHANGE, DELETE
from deployments.access.models.grants import Grant, ServiceAccount
from deployments.access.models.permissions import Person, can
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.roles import ROLES, Right, Role
from deployments.changes.models.approvals import Approval, ApprovalQuerySet
from deployments.changes.rules.approvals import Decider, Policy, Voter, counted
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind


def approvers(approval: Approval, policy: Policy, environment: Environment) -> list[User]:
    """Return who has approved a request and may still approve it, the first to approve first.

    Requests of earlier versions of Sanso have no votes, but who decided.
    """
    people = [vote.user for vote in approval.votes.select_related("user")]
    if approval.decision == "approved" and approval.decided_by is not None:
        people.append(approval.decided_by)
    return list(_counted(people, policy, environment, requesters_of(approval)))


def possible_approvers(
    policy: Policy, environment: Environment, approval: Approval | None = None
) -> list[User]:
    """Return people who could approve changes of an environment, or one request: as many as are needed.

    The grants are read in one query, and one more for each of the people who are looked at.
    """
    grants = [row.pk for row in Grant.objects.about(environment) if Right.APPROVE in row.granted.rights]
    given = Q(grants__in=grants) | Q(teams__grants__in=grants) | Q(is_superuser=True)
    people = User.objects.filter(given, is_active=True).distinct().order_by("username")
    requesters = requesters_of(approval) if approval else frozenset()
    return list(islice(_counted(people, policy, environment, requesters), policy.approvals))


def requesters_of(approval: Approval) -> frozenset[int]:
    """Return who requested a change or its approval, like `requesters_in`."""
    return _with_token_creators({approval.requested_by_id, approval.deployment.requested_by_id})


def requesters_in(approvals: ApprovalQuerySet) -> frozenset[int]:
    """Return who requested these changes or their approval.

    For a service account, these are all people who have created a token of it, since they know its value.
    """
    return _with_token_creators(approvals.requesters())


def requesters_by(deployments: DeploymentQuerySet) -> frozenset[int]:
    """Return who requested these deployments, like `requesters_in`."""
    return _with_token_creators(set(deployments.order_by().values_list("requested_by", flat=True)))


def _with_token_creators(users: Collection[int]) -> frozenset[int]:
    tokens = ApiToken.objects.filter(owner__in=users, owner__service_account__isnull=False)
    return frozenset([*users, *tokens.order_by().values_list("created_by", flat=True)])


def is_service_account(user: Person) -> bool:
    """Return whether a user is a program that calls the API."""
    return ServiceAccount.objects.filter(user=user.pk).exists()


def missing_role(user: Person, policy: Policy, environment: Environment) -> str:
    """Return a role that approvers need and a person does not have, "" if there is none."""
    return next((role for role in sorted(policy.roles) if not _has(user, role, environment)), "")


def _counted(
    people: Iterable[User], policy: Policy, environment: Environment, requesters: frozenset[int]
) -> Iterator[User]:
    by_key = {user.pk: user for user in people}
    programs = set(ServiceAccount.objects.filter(user__in=by_key).values_list("user", flat=True))
    voters = (
        Voter(
            user=pk,
            may_approve=can(user, Right.APPROVE, environment),
            missing_role=missing_role(user, policy, environment),
            is_service_account=pk in programs,
        )
        for pk, user in by_key.items()
    )
    return (by_key[pk] for pk in counted(voters, requesters))


def decider_of(
    user: Person, deployment: Deployment, approval: Approval, policy: Policy, *, given: int
) -> Decider:
    """Return a person who may want to approve a request that has been `given` so many approvals."""
    environment = deployment.environment
    takes = CHANGE if deployment.kind == Kind.UPDATE else DELETE
    return Decider(
        user=user.pk or 0,
        requesters=requesters_of(approval),
        is_requester_permitted=can(approval.requested_by, takes, environment),
        missing_role=missing_role(user, policy, environment),
        has_approved=given < policy.approvals and approval.votes.filter(user=user.pk or 0).exists(),
        is_service_account=is_service_account(user),
    )


def _has(user: Person, role: str, environment: Environment) -> bool:
    """Return whether a person has a role. Anybody who may approve, by any grant, is an approver."""
    if role == Role.APPROVER:
        return can(user, Right.APPROVE, environment)
    return role in ROLES and all(can(user, right, environment) for right in ROLES[Role(role)])
