"""Request an action in an environment: an association run, a site check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import ActionRequest, Association, Deployment, Environment
from deployments.runner.action_requests import failed_instances

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_association_run(
    *, user: User, environment: Environment, association_id: str, only_failed: bool
) -> ActionRequest:
    """Request a run of an association, on all its instances or on those where it failed.

    While the same request is active, it is returned. Raise UserFixable if there is nothing to run.
    """
    _require_live(environment)
    association = Association.objects.of(environment).filter(association_id=association_id).first()
    if association is None:
        raise UserFixable("NoSuchAssociation", Code.ASSOCIATION_NOT_FOUND)
    arguments: dict[str, Any] = {"association_id": association_id, "only_failed": only_failed}
    if only_failed:
        arguments["instance_ids"] = failed_instances(association.pk)
        if not arguments["instance_ids"]:
            raise UserFixable("NothingFailed", Code.NO_FAILED_INSTANCES)
    return request_action(user, environment, "run_association", arguments, association_id)


def request_site_check(*, user: User, environment: Environment) -> ActionRequest:
    """Request a site check of the environment."""
    _require_live(environment)
    if not environment.load_balancers.filter(tier="alb").exists():
        raise UserFixable("NoSite", Code.LOAD_BALANCER_UNKNOWN)
    return request_action(user, environment, "save_time", {}, "")


def request_protection(*, user: User, environment: Environment) -> ActionRequest:
    """Request that deletion protection is switched on, after that had failed at the end of the creation."""
    _require_live(environment)
    creation = Deployment.objects.of(environment).not_protected().first()
    if creation is None or environment.active_deployment:
        raise UserFixable("NothingToProtect", Code.NOTHING_TO_PROTECT)
    return request_action(user, environment, "protect", {"deployment": creation.pk}, str(creation.pk))


def _require_live(environment: Environment) -> None:
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)


def request_action(
    user: User, environment: Environment, kind: str, arguments: dict[str, Any], what: str
) -> ActionRequest:
    """Make an action due and return it; while one of the kind for `what` is under way, that one."""
    key = f"{environment.pk}:{kind}:{what}"
    try:
        with transaction.atomic():
            return ActionRequest.objects.create(
                environment=environment,
                kind=kind,
                asked_by=user,
                arguments=arguments,
                active_key=key,
                due_at=timezone.now(),
            )
    except IntegrityError:
        found = ActionRequest.objects.filter(active_key=key).first()
        if found is None:  # it has just ended
            return request_action(user, environment, kind, arguments, what)
        return found
