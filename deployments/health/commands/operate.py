"""Request an action in an environment: an association run, a site check, a snapshot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.access.commands.requesting import OPERATE, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import Association
from deployments.health.models.failed_instances import failed_instances
from deployments.health.models.reads import databases_in_use
from deployments.health.rules.backups import snapshot_name
from deployments.stacks.models.action_requests import ActionRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_association_run(
    *, user: User, environment: Environment, association_id: str, only_failed: bool
) -> ActionRequest:
    """Request a run of an association, on all its instances or on those where it failed.

    While the same request is active, it is returned. Raise UserFixable if there is nothing to run.
    """
    what = {"association": association_id, "only_failed": only_failed}
    with _operating(user, environment, "run_association", what) as request:
        association = Association.objects.of(environment).filter(association_id=association_id).first()
        if association is None:
            raise UserFixable("NoSuchAssociation", Code.ASSOCIATION_NOT_FOUND)
        arguments: dict[str, Any] = {"association_id": association_id, "only_failed": only_failed}
        if only_failed:
            arguments["instance_ids"] = failed_instances(environment, association.pk)
            if not arguments["instance_ids"]:
                raise UserFixable("NothingFailed", Code.NO_FAILED_INSTANCES)
        return add_action(request, environment, "run_association", arguments, association_id)


def request_site_check(*, user: User, environment: Environment) -> ActionRequest:
    """Request a site check of the environment."""
    with _operating(user, environment, "site_check") as request:
        if not environment.load_balancers.filter(tier="alb").exists():
            raise UserFixable("NoSite", Code.LOAD_BALANCER_UNKNOWN)
        return add_action(request, environment, "save_time", {}, "")


def request_protection(*, user: User, environment: Environment) -> ActionRequest:
    """Request to switch deletion protection on, after this failed at the end of the creation."""
    with _operating(user, environment, "protect") as request:
        creation = Deployment.objects.of(environment).not_protected().first()
        if creation is None or environment.active_deployment:
            raise UserFixable("NothingToProtect", Code.NOTHING_TO_PROTECT)
        return add_action(request, environment, "protect", {"deployment": creation.pk}, str(creation.pk))


def request_snapshot(*, user: User, environment: Environment, cluster_id: str = "") -> ActionRequest:
    """Request a snapshot of a database cluster; without an id, of the one in use.

    While one of the cluster is being taken, its request is returned.
    """
    with _operating(user, environment, "take_snapshot", {"cluster": cluster_id}) as request:
        chosen = database_of(environment, cluster_id)
        name = snapshot_name(environment.stack_name, timezone.now(), uuid.uuid4().hex[:8])
        request.details = {"cluster": chosen, "snapshot": name}
        arguments = {"cluster_id": chosen, "snapshot_id": name}
        return add_action(request, environment, "take_snapshot", arguments, chosen)


def database_of(environment: Environment, cluster_id: str) -> str:
    """Return a database cluster of the environment; without an id, the only one in use. Raise UserFixable."""
    if cluster_id and environment.clusters.filter(cluster_id=cluster_id).exists():
        return cluster_id
    used = databases_in_use(environment)
    if cluster_id or not used:
        raise UserFixable("NoSuchCluster", Code.DATABASE_NOT_FOUND)
    if len(used) > 1:
        raise UserFixable("ClusterNotNamed", Code.DATABASE_NOT_NAMED, names=", ".join(used))
    return used[0]


@contextmanager
def _operating(
    user: User, environment: Environment, action: str, details: dict[str, Any] | None = None
) -> Iterator[CommandRequest]:
    """Request an action in an environment that is not deleted."""
    request = CommandRequest(
        user=user, action=action, permission=OPERATE, environment=environment, details=details or {}
    )
    with requesting(request):
        if environment.deleted_at:
            raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
        yield request


def add_action(
    request: CommandRequest, environment: Environment, kind: str, arguments: dict[str, Any], what: str
) -> ActionRequest:
    """Make an action due, as a part of a request, and return it.

    While one of the kind for `what` is in progress, return it: the request repeats it.
    """
    key = f"{environment.pk}:{kind}:{what}"
    try:
        with transaction.atomic():
            return ActionRequest.objects.create(
                environment=environment,
                kind=kind,
                asked_by=request.user,
                arguments=arguments,
                active_key=key,
                due_at=timezone.now(),
            )
    except IntegrityError:
        found = ActionRequest.objects.filter(active_key=key).first()
        if found is None:  # it has just ended
            return add_action(request, environment, kind, arguments, what)
        request.repeats = True
        return found
