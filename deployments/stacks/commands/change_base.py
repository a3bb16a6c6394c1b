"""The base of a change: the last good deployment of an environment, its template set and its values."""

from __future__ import annotations

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets


def base_of(environment: Environment) -> Deployment | None:
    """Return the last good deployment of an environment; the latest one if none has become ready."""
    good = Deployment.objects.good_of(environment.pk).first()
    return good or (environment.latest if environment.latest and environment.stack_id else None)


def set_of(deployment: Deployment) -> template_files.TemplateSet:
    """Return the template set that a deployment was created from.

    Raise UserFixable if it is neither stored nor the current one: earlier versions of Sanso stored none.
    """
    found = stored_sets.find(deployment.template_digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_SET_NOT_STORED, deployment=deployment.pk)
    return found


def current_digest() -> str:
    """Return the digest of the current bundled set; "" if it cannot be read."""
    try:
        return stored_sets.current().digest
    except UserFixable:
        return ""


def retried(environment: Environment) -> Deployment | None:
    """Return the deployment that a change of the environment retries; None if no failure was kept."""
    if environment.active_deployment or not is_allowed(environment.stack_status, Operation.RETRY):
        return None
    return Deployment.objects.attempts_of(environment).first()


def parameters_of(deployment: Deployment) -> tuple[dict[str, str], dict[str, str]]:
    """Return the parameters before and after a change, without secrets, and the template sets."""
    before, base = dict(deployment.environment.parameters), deployment.base
    before["template set"] = base.template_digest[:12] if base else ""
    return before, {**deployment.parameters, "template set": deployment.template_digest[:12]}
