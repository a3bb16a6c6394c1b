"""Requests about environments that create no deployment: locks, site checks, runs, rules."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from deployments.access.api.environment_router import environment_of, router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_ONE, Nothing, ReasonBody
from deployments.api.bodies import ApprovalRuleBody, ChannelBody, LabelsBody, LockBody, RunBody, SnapshotBody
from deployments.changes.commands import approve, labels
from deployments.changes.models.approvals import ApprovalRule
from deployments.changes.rules.approvals import Policy
from deployments.environment_pages.api.operations import detail_of
from deployments.environment_pages.api.schemas import EnvironmentDetail
from deployments.health.commands import operate
from deployments.locks.commands import locks
from deployments.recovery.commands import delete
from deployments.stacks.display.action_schemas import ActionOut
from deployments.stacks.models.action_requests import ActionRequest
from deployments.template_sets.commands import versions

ACCEPTED = 202


@requests(router, "/environments/{environment_id}/lock", EnvironmentDetail, name="lock_environment")
def lock_environment(request: ApiRequest, environment_id: Key, body: LockBody) -> EnvironmentDetail:
    """Lock an environment against every request that changes it."""
    environment = environment_of(request, environment_id)
    locks.lock_environment(user=request.user, environment=environment, **body.model_dump())
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/unlock", EnvironmentDetail, name="unlock_environment")
def unlock_environment(request: ApiRequest, environment_id: Key, body: Nothing) -> EnvironmentDetail:
    """Unlock an environment that the user has locked."""
    locks.unlock_environment(user=request.user, environment=environment_of(request, environment_id))
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/break-lock", EnvironmentDetail, name="break_lock")
def break_lock(request: ApiRequest, environment_id: Key, body: ReasonBody) -> EnvironmentDetail:
    """Break the lock of another user, with a reason."""
    environment = environment_of(request, environment_id)
    locks.break_lock(user=request.user, environment=environment, reason=body.reason)
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/labels", EnvironmentDetail, name="set_labels")
def set_labels(request: ApiRequest, environment_id: Key, body: LabelsBody) -> EnvironmentDetail:
    """Replace the labels of an environment."""
    environment = environment_of(request, environment_id)
    labels.set_labels(user=request.user, environment=environment, labels=body.labels)
    return detail_of(request, environment_id)


@requests(
    router, "/environments/{environment_id}/require-approval", EnvironmentDetail, name="require_approval"
)
def require_approval(request: ApiRequest, environment_id: Key, body: ApprovalRuleBody) -> EnvironmentDetail:
    """Decide whether changes and the deletion of an environment need approvals, how many, of which role."""
    environment = environment_of(request, environment_id)
    rule = ApprovalRule.objects.of(environment)
    approve.set_approval_required(
        user=request.user,
        environment=environment,
        required=body.required,
        reason=body.reason,
        policy=body.policy(rule.policy if rule else Policy()),
    )
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/channel", EnvironmentDetail, name="set_channel")
def set_channel(request: ApiRequest, environment_id: Key, body: ChannelBody) -> EnvironmentDetail:
    """Set the branches and tags that an environment follows; nothing is deployed."""
    environment = environment_of(request, environment_id)
    versions.set_channel(user=request.user, environment=environment, channel=body.channel)
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/resume-updates", EnvironmentDetail, name="resume_updates")
def resume_updates(request: ApiRequest, environment_id: Key, body: Nothing) -> EnvironmentDetail:
    """Let the channel offer the version from which somebody went back again."""
    versions.resume_updates(user=request.user, environment=environment_of(request, environment_id))
    return detail_of(request, environment_id)


@requests(router, "/environments/{environment_id}/close", EnvironmentDetail, name="close_environment")
def close_environment(request: ApiRequest, environment_id: Key, body: Nothing) -> EnvironmentDetail:
    """Remove an environment whose stack no longer exists from Sanso."""
    delete.close_environment(user=request.user, environment=environment_of(request, environment_id))
    return detail_of(request, environment_id)


@requests(
    router, "/environments/{environment_id}/site-check", ActionOut, status=ACCEPTED, name="run_site_check"
)
def run_site_check(request: ApiRequest, environment_id: Key, body: Nothing) -> ActionOut:
    """Request a site check: a time is saved through the site, and read back."""
    environment = environment_of(request, environment_id)
    return ActionOut.of(operate.request_site_check(user=request.user, environment=environment))


@requests(router, "/environments/{environment_id}/runs", ActionOut, status=ACCEPTED, name="run_association")
def run_association(request: ApiRequest, environment_id: Key, body: RunBody) -> ActionOut:
    """Request a run of an association, on all its instances or on those where it failed."""
    environment = environment_of(request, environment_id)
    found = operate.request_association_run(
        user=request.user,
        environment=environment,
        association_id=body.association,
        only_failed=body.only_failed,
    )
    return ActionOut.of(found)


@requests(
    router, "/environments/{environment_id}/snapshots", ActionOut, status=ACCEPTED, name="take_snapshot"
)
def take_snapshot(request: ApiRequest, environment_id: Key, body: SnapshotBody) -> ActionOut:
    """Request a snapshot of a database cluster, which stays until somebody deletes it."""
    environment = environment_of(request, environment_id)
    found = operate.request_snapshot(user=request.user, environment=environment, cluster_id=body.cluster)
    return ActionOut.of(found)


@router.get(
    "/environments/{environment_id}/actions/{action_id}",
    response={200: ActionOut, **FOR_ONE},
    operation_id="get_action",
)
def get_action(request: ApiRequest, environment_id: Key, action_id: Key) -> ActionOut:
    """Return a requested action of an environment: whether it has ended, and its result."""
    rows = ActionRequest.objects.newest_of(environment_of(request, environment_id))
    return ActionOut.of(get_object_or_404(rows, pk=action_id))


@requests(router, "/environments/{environment_id}/protection", ActionOut, status=ACCEPTED, name="protect")
def protect(request: ApiRequest, environment_id: Key, body: Nothing) -> ActionOut:
    """Request that deletion protection is switched on, after that had failed."""
    environment = environment_of(request, environment_id)
    return ActionOut.of(operate.request_protection(user=request.user, environment=environment))
