"""Requests for approval and their decisions, in an in-memory account."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib.auth.models import User

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.approve import approve
from deployments.changes.commands.preview import request_change
from deployments.changes.models.approvals import Approval
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from tests.builders import allow_only, disallow, make_user
from tests.fakes import FakeAws
from tests.stepping import run


def person(name: str, *codenames: str) -> User:
    user = make_user(name)
    allow_only(user, *codenames)
    return User.objects.get(pk=user.pk)


def preview(environment: Environment, user: User, aws: FakeAws, size: str = "3") -> Deployment:
    requested = request_change(
        user=user,
        environment=Environment.objects.for_page().get(pk=environment.pk),
        parameters={"Size": size},
        reason="more load",
        request_key=uuid.uuid4(),
    )
    return run(requested, aws, until=lambda d: d.state == State.PREVIEW)


def send_request(shown: Deployment, user: User, at: datetime | None = None) -> Approval:
    """Request approval of a preview, and return the request."""
    apply_change(user=user, deployment=shown, digest=shown.preview_digest, scheduled_for=at)
    return Approval.objects.waiting().get(deployment=shown)


def approving(user: User, approval: Approval) -> Deployment:
    return approve(user=user, deployment=approval.deployment, approval_pk=approval.pk, digest=approval.digest)


def row(deployment: Deployment) -> Deployment:
    return Deployment.objects.for_page().get(pk=deployment.pk)


def decision(approval: Approval) -> str:
    return Approval.objects.get(pk=approval.pk).decision


def codes(deployment: Deployment) -> list[str]:
    return list(Event.objects.of(deployment).filter(source="portal").values_list("code", flat=True))


def without(user: User, codename: str) -> User:
    disallow(user, codename)
    return User.objects.get(pk=user.pk)
