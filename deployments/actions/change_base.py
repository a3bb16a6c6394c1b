"""The base of a change: the last good deployment of an environment, its template set and its values."""

from __future__ import annotations

from deployments import catalog
from deployments.core.operations import Operation, is_allowed
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment, TemplateVersion
from deployments.runner import template_sets


def base_of(environment: Environment) -> Deployment | None:
    """Return the last good deployment of an environment; the latest one if none has become ready."""
    good = Deployment.objects.good_of(environment.pk).first()
    return good or (environment.latest if environment.latest and environment.stack_id else None)


def set_of(deployment: Deployment) -> catalog.TemplateSet:
    """Return the template set that a deployment was created from.

    Raise UserFixable if it is neither stored nor the current one: earlier releases stored none.
    """
    found = template_sets.find(deployment.template_digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_SET_NOT_STORED, deployment=deployment.pk)
    return found


def stored_set(digest: str) -> catalog.TemplateSet | None:
    """Return the template set with a digest; None if it is not stored."""
    return template_sets.find(digest)


def set_of_version(version: TemplateVersion) -> catalog.TemplateSet:
    """Return the files of a version, which are kept even if its source is gone.

    Raise UserFixable if they are not stored, or this release cannot read them.
    """
    found = template_sets.find(version.digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_VERSION_NOT_STORED, version=version.label)
    return found


def current_digest() -> str:
    """Return the digest of the current bundled set; "" if it cannot be read."""
    try:
        return template_sets.current().digest
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
