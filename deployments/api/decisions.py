"""Requests about deployments: apply, discard, cancel, approve, clean up, dismiss and others; and previews."""

from __future__ import annotations

from deployments.access.api.deployment_router import deployment_of, router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_ONE, Nothing, OnFailure, ReasonBody
from deployments.api.bodies import (
    ApplyBody,
    ApproveBody,
    BypassBody,
    CancelBody,
    DenyBody,
    ScheduleBody,
)
from deployments.changes.api.schemas.previews import PreviewOut
from deployments.changes.commands import apply, preview, schedule
from deployments.changes.commands import approve as approve_commands
from deployments.changes.models.approvals import Approval
from deployments.common.errors import Message
from deployments.deployment_pages.api.schemas.deployments import DeploymentDetail
from deployments.environments.models.deployments import Deployment
from deployments.recovery.commands import recovering
from deployments.recovery.commands.cancel import effect_of, request_cancel
from deployments.recovery.commands.delete import request_clean_up


@router.get(
    "/deployments/{deployment_id}/preview", response={200: PreviewOut, **FOR_ONE}, operation_id="get_preview"
)
def get_preview(request: ApiRequest, deployment_id: Key) -> PreviewOut:
    """Return the preview of a change, what it waits for, and what canceling does now."""
    row = deployment_of(request, deployment_id)
    return PreviewOut.of(row, _waiting(row), effect_of(row))


@requests(router, "/deployments/{deployment_id}/apply", DeploymentDetail, name="apply_preview")
def apply_preview(request: ApiRequest, deployment_id: Key, body: ApplyBody) -> DeploymentDetail:
    """Apply the preview with this digest: at once, at a time, or when it is approved."""
    values = body.model_dump(exclude={"on_failure"})
    keep = body.on_failure is OnFailure.KEEP
    row = deployment_of(request, deployment_id)
    apply.apply_change(user=request.user, deployment=row, keep_on_failure=keep, **values)
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/discard", DeploymentDetail, name="discard_preview")
def discard_preview(request: ApiRequest, deployment_id: Key, body: Nothing) -> DeploymentDetail:
    """Discard a change that has not begun, or a deletion that waits for approval."""
    apply.discard_change(user=request.user, deployment=deployment_of(request, deployment_id))
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/preview-again", DeploymentDetail, name="preview_again")
def preview_again(request: ApiRequest, deployment_id: Key, body: Nothing) -> DeploymentDetail:
    """Compute the preview of a change again; its approval is void."""
    apply.preview_again(user=request.user, deployment=deployment_of(request, deployment_id))
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/cancel", DeploymentDetail, name="cancel_deployment")
def cancel_deployment(request: ApiRequest, deployment_id: Key, body: CancelBody) -> DeploymentDetail:
    """Request that a deployment is canceled: what that does depends on its phase."""
    row = deployment_of(request, deployment_id)
    found = effect_of(row)
    effect = body.effect or ("" if isinstance(found, Message) else found.value)
    request_cancel(user=request.user, deployment=row, effect=effect)
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/schedule", DeploymentDetail, name="schedule_deployment")
def schedule_deployment(request: ApiRequest, deployment_id: Key, body: ScheduleBody) -> DeploymentDetail:
    """Give a creation that waits for its time another one; without one, it begins now."""
    row = deployment_of(request, deployment_id)
    schedule.reschedule(user=request.user, deployment=row, scheduled_for=body.scheduled_for)
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/approve", DeploymentDetail, name="approve")
def approve(request: ApiRequest, deployment_id: Key, body: ApproveBody) -> DeploymentDetail:
    """Approve the request of somebody else, for exactly the preview with this digest; it may need others."""
    row = deployment_of(request, deployment_id)
    key = _key_of_waiting(row)
    approve_commands.approve(user=request.user, deployment=row, approval_pk=key, digest=body.digest)
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/bypass", DeploymentDetail, name="bypass_approval")
def bypass_approval(request: ApiRequest, deployment_id: Key, body: BypassBody) -> DeploymentDetail:
    """Apply the preview with this digest in an emergency, without its approvals and with a reason."""
    row = deployment_of(request, deployment_id)
    key = _key_of_waiting(row)
    approve_commands.bypass(
        user=request.user, deployment=row, approval_pk=key, digest=body.digest, reason=body.reason
    )
    return _out(request, deployment_id)


@requests(router, "/deployments/{deployment_id}/deny", DeploymentDetail, name="deny")
def deny(request: ApiRequest, deployment_id: Key, body: DenyBody) -> DeploymentDetail:
    """Deny the request of somebody else, with a reason."""
    row = deployment_of(request, deployment_id)
    key = _key_of_waiting(row)
    approve_commands.deny(user=request.user, deployment=row, approval_pk=key, reason=body.reason)
    return _out(request, deployment_id)


@requests(
    router,
    "/deployments/{deployment_id}/rollback",
    DeploymentDetail,
    status=201,
    name="create_rollback_to_deployment",
)
def create_rollback_to_deployment(
    request: ApiRequest, deployment_id: Key, body: ReasonBody
) -> DeploymentDetail:
    """Request the preview of a change back to an earlier deployment."""
    row = deployment_of(request, deployment_id)
    found = preview.request_rollback(
        user=request.user, deployment=row, reason=body.reason, request_key=request.request_key
    )
    return _out(request, found.pk)


@requests(router, "/deployments/{deployment_id}/clean-up", DeploymentDetail, status=201, name="clean_up")
def delete_remains(request: ApiRequest, deployment_id: Key, body: Nothing) -> DeploymentDetail:
    """Delete what a failed creation left, so that it can be requested again."""
    row = deployment_of(request, deployment_id)
    return _out(request, request_clean_up(user=request.user, deployment=row).pk)


@requests(router, "/deployments/{deployment_id}/dismiss-failure", DeploymentDetail, name="dismiss_failure")
def dismiss_failure(request: ApiRequest, deployment_id: Key, body: Nothing) -> DeploymentDetail:
    """Dismiss the failure of an environment's last change, for everybody; a newer one is shown again."""
    recovering.dismiss_failure(user=request.user, deployment=deployment_of(request, deployment_id))
    return _out(request, deployment_id)


def _waiting(row: Deployment) -> Approval | None:
    return Approval.objects.of(row.pk).waiting().with_people().first()


def _key_of_waiting(row: Deployment) -> int:
    """Return the key of the request that waits, else of the latest one, which the action refuses; 0 for none.

    The action checks the right first, and refuses what it cannot find.
    """
    found = _waiting(row) or Approval.objects.of(row.pk).first()
    return found.pk if found else 0


def _out(request: ApiRequest, pk: int) -> DeploymentDetail:
    return DeploymentDetail.of_page(deployment_of(request, pk))
