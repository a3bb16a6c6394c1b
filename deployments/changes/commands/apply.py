"""A change that has a preview: apply, discard or preview it again, with the confirmations that it needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, DELETE, RELEASE, CommandRequest, requesting
from deployments.access.models.permissions import can
from deployments.changes.commands import schedule
from deployments.changes.models import snapshot_choices
from deployments.changes.models.approvals import policy_of
from deployments.changes.shared import approvals
from deployments.changes.steps import queue
from deployments.cloudformation.change_summary import keep_refusal, may_lose_data, surely_changed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.stuck_resources import unreconciled
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import SNAPSHOT_FIRST, Deployment
from deployments.environments.rules.phases import WAITS, Kind, State
from deployments.releases.shared import GO_BACK
from deployments.stacks.commands.change_base import parameters_of
from deployments.stacks.shared import event_log
from deployments.stacks.shared.skipped import IN_LINE
from deployments.template_sets.shared import versions


def apply_change(
    *,
    user: User,
    deployment: Deployment,
    digest: str,
    typed_name: str = "",
    scheduled_for: datetime | None = None,
    in_line: bool = False,
    keep_on_failure: bool = False,
    go_back: bool = False,
    snapshot_first: bool = False,
) -> Deployment:
    """Apply the preview with this digest: at once if the environment is free, else when it has its turn.

    First it waits for a second person's approval if the environment requires one, then for `scheduled_for` if
    given. `typed_name` must be the environment's name if data may be lost; `in_line` confirms that resources
    which a rollback skipped and this change does not update match the templates.
    With `keep_on_failure`, and in a retry, failed resources are kept. With `go_back`, servers get the earlier
    version if their release fails. With `snapshot_first`, nothing changes before snapshots of the databases
    whose data may be lost are available. A second call returns the same deployment.
    Raise UserFixable if the preview has changed since, a confirmation is missing, the time cannot be chosen,
    or CloudFormation would reject a replacement.
    """
    environment = deployment.environment
    request = CommandRequest(user=user, action="apply", permission=CHANGE, environment=environment)
    request.begins_later = scheduled_for is not None or policy_of(environment) is not None
    if deployment.releases_to_servers and not can(user, RELEASE, environment):
        request.deployment, request.permission = deployment, RELEASE
    with requesting(request):
        row = locked(deployment)
        request.deployment, request.reason = row, row.reason
        if _is_repeated(request, row, digest):
            return row
        if row.state != State.PREVIEW:
            raise UserFixable("PreviewNotReady", Code.PREVIEW_NOT_READY)
        if row.preview_digest != digest:
            raise UserFixable("PreviewOutOfDate", Code.PREVIEW_OUT_OF_DATE)
        if row.rolls_back_to_id is None:
            versions.refuse_withdrawn(row.template_version, row.base.template_digest if row.base else "")
        changes = Changes.from_json(row.changes)
        keep = keep_on_failure or row.is_retry
        if keep:
            refuse("NotKept", keep_refusal(changes, is_retry=row.is_retry, is_express=row.is_express))
        if may_lose_data(changes) and typed_name.strip() != row.environment.name:
            raise UserFixable(
                "NameNotConfirmed", Code.DATA_LOSS_NOT_CONFIRMED, environment=row.environment.name
            )
        confirm(request, row, in_line=in_line)
        _choose_rollback(request, row, go_back=go_back)
        if clusters := snapshot_choices.choose(row, is_chosen=snapshot_first):
            request.details[SNAPSHOT_FIRST] = clusters
        request.details["keep_on_failure"] = keep
        request.changes(*parameters_of(row))
        schedule.check(request, row.environment.account, scheduled_for)
        if policy_of(row.environment) is not None:
            request.action = "request_approval"
            # After a new version, a step that had already begun writes nothing more.
            row.scheduled_for, row.keep_on_failure = scheduled_for, keep
            approvals.request(
                row, user, version=row.version + 1, scheduled_for=scheduled_for, keep_on_failure=keep
            )
            return row
        begin_waiting(row, scheduled_for, user, applied_by=user, keep_on_failure=keep)
        return row


def begin_waiting(row: Deployment, scheduled_for: datetime | None, who: User, **values: Any) -> None:
    """Make a change that is applied, and approved if required, wait for its time or its turn.

    `row` is locked; `values` are additional values of it.
    """
    now = timezone.now()
    values |= {"version": row.version + 1, "scheduled_for": scheduled_for}
    event_log.add(
        row,
        "change.applied",
        key=f"{row.revision}-{row.version}",
        user=who.get_username(),
        at=scheduled_for.isoformat() if scheduled_for else "",
        keep=values.get("keep_on_failure", row.keep_on_failure),
    )
    if scheduled_for is not None and scheduled_for > now:
        row.move_to(State.SCHEDULED, due_at=scheduled_for, **values)
        return
    row.move_to(State.QUEUED, applied_at=now, due_at=now, **values)
    queue.take_place(row)


def _is_repeated(request: CommandRequest, row: Deployment, digest: str) -> bool:
    """Return whether the user has applied this preview before. Raise UserFixable if another one has."""
    if State(row.state) not in WAITS or row.preview_digest != digest:
        return False
    if row.applied_by is not None and row.applied_by_id != request.user.pk:
        raise already_applied(row)
    request.repeats = True
    return True


def discard_change(*, user: User, deployment: Deployment) -> Deployment:
    """Request to discard a change that has not begun, or a deletion that waits for approval."""
    permission = DELETE if deployment.kind == Kind.DELETE else CHANGE
    request = CommandRequest(
        user=user, action="discard", permission=permission, environment=deployment.environment
    )
    with requesting(request):
        row = locked(deployment, kind=Kind(deployment.kind))
        request.deployment = row
        request.before, request.after = {"state": row.state}, {"cancel": "discarded"}
        cancel_open_change(row, "discarded", user)
        return row


def preview_again(*, user: User, deployment: Deployment) -> Deployment:
    """Request a new preview of a change to replace the current one; its approval is void."""
    request = CommandRequest(
        user=user, action="preview", permission=CHANGE, environment=deployment.environment
    )
    with requesting(request):
        row = locked(deployment)
        request.deployment = row
        if row.state not in (State.PREVIEW, State.APPROVAL, State.SCHEDULED):
            raise UserFixable("PreviewNotReady", Code.PREVIEW_NOT_READY)
        request.before, request.after = {"state": row.state}, {"state": str(State.PREFLIGHT)}
        queue.restart_preview(row, version=row.version + 1, due_at=timezone.now())
        return row


def cancel_open_change(row: Deployment, code: str, user: User | None) -> None:
    """Mark an open change as canceled; its next step deletes the change set and ends it."""
    now = timezone.now()
    values: dict[str, Any] = {
        "cancel_code": code,
        "canceled_by": user,
        "cancel_requested_at": now,
        "cancel_refusal": {},
    }
    values |= {"due_at": now, "version": row.version + 1}
    Deployment.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
    approvals.close(row, "withdrawn")


def locked(deployment: Deployment, kind: Kind = Kind.UPDATE) -> Deployment:
    """Return the locked row of a change, or a deletion, that has not begun.

    Raise UserFixable if it has, or has ended.
    """
    row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
    if row.kind != kind or kind is Kind.CREATE or not row.is_active:
        raise UserFixable("ChangeEnded", Code.CHANGE_ENDED)
    if not row.is_open_change or row.cancel_code:
        raise already_applied(row)
    return row


def already_applied(row: Deployment) -> UserFixable:
    """Return the error for a change that was applied (with the user) or is being canceled."""
    if row.applied_by is None or row.cancel_code:
        return UserFixable("AlreadyApplied", Code.CHANGE_ALREADY_APPLIED)
    return UserFixable("AlreadyApplied", Code.CHANGE_APPLIED_BY, user=row.applied_by.get_username())


def confirm(request: CommandRequest, row: Deployment, *, in_line: bool) -> None:
    """Store with a change the confirmation that skipped resources match the templates. Raise UserFixable
    without the confirmation. It takes effect when the change begins: a change that is denied, discarded or
    previewed again confirms nothing. Resources that the change updates, replaces or removes need no
    confirmation: they match after its success.
    """
    changed = surely_changed(Changes.from_json(row.changes))
    left = unreconciled(row.environment.skipped_resources, changed)
    if not left:
        return
    names = [one.key for one in left]
    if not in_line:
        raise UserFixable("SkippedNotConfirmed", Code.SKIPPED_NOT_CONFIRMED, resources=", ".join(names))
    request.details["in_line"] = names
    row.record(options=row.options | {IN_LINE: names})


def _choose_rollback(request: CommandRequest, row: Deployment, *, go_back: bool) -> None:
    """Store the choice with a change and in its audit record; it has no effect without a release."""
    chosen = go_back and row.is_release_by_server
    if chosen or GO_BACK in row.options:
        rest = {name: value for name, value in row.options.items() if name != GO_BACK}
        row.record(options=rest | ({GO_BACK: True} if chosen else {}))
    if chosen:
        request.details[GO_BACK] = True
