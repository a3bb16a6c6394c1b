"""Requests that create a deployment: new environments, changes, deletions, recovery of a failed stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.shortcuts import get_object_or_404

from deployments.access.api.deployment_router import deployment_of
from deployments.access.api.environment_router import environment_of, router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.problems import of_form
from deployments.access.api.requests import ApiRequest, require_about, require_somewhere
from deployments.access.api.schemas import ReasonBody
from deployments.access.models.permissions import known_accounts
from deployments.access.rules.roles import Right
from deployments.api.bodies import ChangeBody, ContinueBody, DeletionAgainBody, DeletionBody
from deployments.changes.api.schemas.creation import CreateBody
from deployments.changes.api.schemas.previews import CheckedCreation
from deployments.changes.commands.create import (
    caught_by_creation,
    check_deployment,
    request_deployment,
    set_to_deploy,
)
from deployments.changes.commands.databases import database_values
from deployments.changes.commands.preview import request_change
from deployments.changes.commands.restoring import prefill_again, restoring
from deployments.changes.pages.forms.change import ChangeForm, chosen_set
from deployments.changes.pages.forms.create import NewEnvironmentForm
from deployments.deployment_pages.api.schemas.deployments import DeploymentDetail
from deployments.environments.models import rollback_state
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.labels import checked_labels
from deployments.recovery.commands import delete
from deployments.recovery.commands.delete import request_deletion_again
from deployments.recovery.commands.recovering import (
    request_adoption,
    request_continue,
    request_stack_rollback,
)
from deployments.stacks.commands.change_base import base_of, retried
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.template_files.restored_data import RestoredData

CREATED = 201


@requests(router, "/environments", DeploymentDetail, status=CREATED, name="create_environment")
def create_environment(request: ApiRequest, body: CreateBody) -> DeploymentDetail:
    """Create an environment, and return the deployment that does."""
    values = _creation(request, body)
    return _out(request, request_deployment(user=request.user, request_key=request.request_key, **values))


@requests(router, "/environment-checks", CheckedCreation, name="check_environment", keeps=False)
def check_environment(request: ApiRequest, body: CreateBody) -> CheckedCreation:
    """Check everything that the creation of an environment would check, and return it; nothing is created."""
    values = _creation(request, body)
    deployment, labels = check_deployment(user=request.user, **values)
    template_set = set_to_deploy(values["version"])
    caught = caught_by_creation(request.user, values["account"], template_set, deployment.parameters)
    return CheckedCreation.of(deployment, labels, body, caught)


def _creation(request: ApiRequest, body: CreateBody) -> dict[str, Any]:
    """Return the values of the action. Raise Refused or UserFixable if some are not valid."""
    require_somewhere(request, Right.CREATE, "deploy")
    source = body.restore_from
    again: dict[str, Any] = {}
    data = RestoredData()
    if source is not None:
        environment = environment_of(request, source.environment)
        require_about(request, Right.CHANGE, "deploy", environment)
        data = source.of(environment)
        again = prefill_again(environment, data)
    version = _version(body.template_version or again.get("version"))
    template_set = set_to_deploy(version)
    given = {n: value for n, value in again.get("parameters", {}).items() if n in template_set.parameters}
    given |= body.parameters | restoring(template_set, data)
    accounts = Account.objects.usable().matching(known_accounts(request.user))
    form = NewEnvironmentForm(template_set, accounts=accounts)
    values = body.model_dump(include={"name", "account", "reason", "on_failure"})
    parameters = form.take(given, request_key=str(request.request_key), **values)
    if parameters is None:
        raise of_form(form)
    return {name: form.cleaned_data[name] for name in ("account", "name", "reason")} | {
        "parameters": parameters,
        "keep_on_failure": form.keeps,
        "requires_approval": body.requires_approval,
        "version": version,
        "labels": None if body.labels is None else checked_labels(body.labels),
        "scheduled_for": body.scheduled_for,
    }


@requests(
    router,
    "/environments/{environment_id}/previews",
    DeploymentDetail,
    status=CREATED,
    name="create_preview",
)
def create_preview(request: ApiRequest, environment_id: Key, body: ChangeBody) -> DeploymentDetail:
    """Request the preview of a change, and return its deployment; nothing changes until it is applied."""
    return _change(request, environment_id, body, is_retry=False)


@requests(
    router, "/environments/{environment_id}/retry", DeploymentDetail, status=CREATED, name="create_retry"
)
def create_retry(request: ApiRequest, environment_id: Key, body: ChangeBody) -> DeploymentDetail:
    """Request the preview of a retry after a failure that was kept."""
    return _change(request, environment_id, body, is_retry=True)


@requests(
    router,
    "/environments/{environment_id}/deletion",
    DeploymentDetail,
    status=CREATED,
    name="create_deletion",
)
def create_deletion(request: ApiRequest, environment_id: Key, body: DeletionBody) -> DeploymentDetail:
    """Request the deletion of an environment, and return its deployment."""
    return _requested(request, environment_id, delete.request_deletion, **body.model_dump())


@requests(
    router,
    "/environments/{environment_id}/deletion-again",
    DeploymentDetail,
    status=CREATED,
    name="create_deletion_again",
)
def create_deletion_again(
    request: ApiRequest, environment_id: Key, body: DeletionAgainBody
) -> DeploymentDetail:
    """Request the deletion of a stack whose deletion failed, without what is to stay in AWS."""
    return _requested(request, environment_id, request_deletion_again, **body.model_dump())


@requests(
    router,
    "/environments/{environment_id}/rollback",
    DeploymentDetail,
    status=CREATED,
    name="create_rollback",
)
def create_rollback(request: ApiRequest, environment_id: Key, body: ReasonBody) -> DeploymentDetail:
    """Request that what was kept after a failure is rolled back."""
    return _requested(request, environment_id, request_stack_rollback, reason=body.reason)


@requests(
    router,
    "/environments/{environment_id}/continue-rollback",
    DeploymentDetail,
    status=CREATED,
    name="continue_rollback",
)
def continue_rollback(request: ApiRequest, environment_id: Key, body: ContinueBody) -> DeploymentDetail:
    """Request that a failed rollback is continued, without the resources that are skipped."""
    action = request_continue
    return _requested(request, environment_id, action, skip=body.resources, reason=body.reason)


@requests(
    router, "/environments/{environment_id}/take-over", DeploymentDetail, status=CREATED, name="take_over"
)
def take_over(request: ApiRequest, environment_id: Key, body: ReasonBody) -> DeploymentDetail:
    """Request that changes start from the stack as it is, after it was changed outside of Sanso."""
    return _requested(request, environment_id, request_adoption, reason=body.reason)


def _requested(
    request: ApiRequest, environment_id: int, action: Callable[..., Deployment], **values: Any
) -> DeploymentDetail:
    """Run an action about an environment that creates a deployment, and return that."""
    environment = environment_of(request, environment_id)
    key = request.request_key
    return _out(request, action(user=request.user, environment=environment, request_key=key, **values))


def _change(
    request: ApiRequest, environment_id: int, body: ChangeBody, *, is_retry: bool
) -> DeploymentDetail:
    environment = environment_of(request, environment_id)
    require_about(request, Right.CHANGE, "change", environment)
    version = _version(body.template_version)
    failed = retried(environment) if is_retry else None
    base = failed or base_of(environment)
    template_set, is_current = chosen_set(base, version, wants_current=body.current_set)
    form = ChangeForm(
        template_set,
        failed.parameters if failed else environment.parameters,
        base.parameters if base else {},
        is_creation=failed is not None and not rollback_state.returns_to(environment),
    )
    parameters = form.take(body.parameters, reason=body.reason, request_key=str(request.request_key))
    if parameters is None:
        raise of_form(form)
    found = request_change(
        user=request.user,
        environment=environment,
        parameters=parameters,
        reason=form.cleaned_data["reason"],
        request_key=request.request_key,
        current_set=is_current,
        version=version,
        is_retry=is_retry,
        is_plan=body.plan,
        databases=database_values(environment, template_set, body.databases(environment)),
    )
    return _out(request, found)


def _version(pk: int | None) -> TemplateVersion | None:
    """Return a version of a template set, None without a key. Raise Http404 if there is none."""
    return get_object_or_404(TemplateVersion.objects.for_page(), pk=pk) if pk else None


def _out(request: ApiRequest, deployment: Deployment) -> DeploymentDetail:
    return DeploymentDetail.of_page(deployment_of(request, deployment.pk))
