"""Requests to cancel, and what the events say of them."""

from __future__ import annotations

from django.contrib.auth.models import User

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.recovery.commands.cancel import effect_of, request_cancel
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from tests.fakes import FakeAws
from tests.stepping import run

DELETE, CANCEL = "cloudformation:DeleteStack", "cloudformation:CancelUpdateStack"


def in_stacks(deployment: Deployment, aws: FakeAws) -> Deployment:
    """Take steps until some of the stacks' resources exist."""
    created = Resource.objects.filter(status="CREATE_COMPLETE")
    return run(deployment, aws, until=lambda d: created.exists())


def cancel(deployment: Deployment, user: User, effect: CancelEffect | None = None) -> Deployment:
    fresh = Deployment.objects.for_page().get(pk=deployment.pk)
    return request_cancel(user=user, deployment=fresh, effect=str(effect or effect_of(fresh)))


def codes(deployment: Deployment) -> list[str]:
    rows = Event.objects.of(deployment).filter(source="portal", code__startswith="cancel")
    return list(rows.values_list("code", flat=True))


def accepted(deployment: Deployment) -> dict[str, str]:
    values: dict[str, str] = Event.objects.of(deployment).get(code="cancel.accepted").values
    return values
