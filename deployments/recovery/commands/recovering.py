"""What requests that lead out of a failure have in common: a free environment, a deployment that begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from deployments.access.commands.requesting import busy
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.stacks.commands.sent_again import SentAgain
from deployments.stacks.shared import event_log

if TYPE_CHECKING:
    from deployments.cloudformation.stuck_resources import StuckResource


def held(environment: Environment) -> Environment:
    """Return the locked row of an environment. Raise UserFixable if it is deleted or being changed."""
    rows = Environment.objects.select_for_update().select_related("latest")
    row = rows.get(pk=environment.pk)
    if row.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
    if row.missing_since:
        raise UserFixable("StackMissing", Code.STACK_GONE)
    if row.active_deployment or Deployment.objects.filter(active_key=row.pk).exists():
        raise busy(row)
    return row


def chosen_of(environment: Environment, paths: Collection[str]) -> list[StuckResource]:
    """Return the chosen ones of the stuck resources. Raise UserFixable for any other."""
    known = {one.key: one for one in environment.stuck_resources or ()}
    if set(paths) - known.keys():
        raise UserFixable("NotStuck", Code.NOT_STUCK, "resources")
    return [known[path] for path in sorted(set(paths))]


def begin(
    sent: SentAgain,
    environment: Environment,
    kind: Kind,
    *,
    is_latest: bool = True,
    event: Mapping[str, Any] | None = None,
    **values: Any,
) -> Deployment:
    """Create the deployment that is active in the environment from now on, and is due.

    `event` has additional values of its first event, `values` those of its row.
    """
    request = sent.request
    deployment = Deployment.objects.create(
        environment=environment,
        kind=kind.value,
        requested_by=request.user,
        reason=request.reason,
        **sent.columns,
        active_key=environment.pk,
        parameters=environment.parameters,
        due_at=timezone.now(),
        **values,
    )
    request.deployment = deployment
    if is_latest:
        Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    event_log.add(
        deployment,
        "requested",
        kind=deployment.operation or deployment.kind,
        user=request.user.get_username(),
        reason=request.reason,
        **(event or {}),
    )
    return deployment
