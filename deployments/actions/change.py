"""Request a change of an environment, apply its preview, or discard it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from deployments import catalog
from deployments.access import can
from deployments.actions import schedule, skipped
from deployments.actions.parameters import checked
from deployments.actions.request import CHANGE, DELETE, RELEASE, Request, busy, requesting
from deployments.actions.versions import refuse_withdrawn
from deployments.core.change_summary import keep_refusal, may_lose_data
from deployments.core.changes import Changes
from deployments.core.operations import Operation, is_allowed, refusal
from deployments.core.phases import WAITS, Kind, State
from deployments.core.status import is_final
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment, TemplateVersion
from deployments.models.approval import policy_of
from deployments.models.sealed import seal
from deployments.runner import approvals, event_log, queue, template_sets, versions

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def base_of(environment: Environment) -> Deployment | None:
    """Return the last good deployment of an environment: the latest one if none has become ready."""
    good = Deployment.objects.good_of(environment.pk).first()
    return good or (environment.latest if environment.latest and environment.stack_id else None)


def set_of(deployment: Deployment) -> catalog.TemplateSet:
    """Return the template set that a deployment was made from.

    Raise UserFixable if it is neither stored nor the current one: releases before stored none.
    """
    found = template_sets.find(deployment.template_digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_SET_NOT_STORED, deployment=deployment.pk)
    return found


def set_of_version(version: TemplateVersion) -> catalog.TemplateSet:
    """Return the files of a version, which are kept also when its source is gone.

    Raise UserFixable if they are not stored, or this release cannot read them.
    """
    found = template_sets.find(version.digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_VERSION_NOT_STORED, version=version.label)
    return found


def request_change(
    *,
    user: User,
    environment: Environment,
    parameters: Mapping[str, str],
    reason: str,
    request_key: UUID,
    current_set: bool = True,
    version: TemplateVersion | None = None,
    rolls_back_to: Deployment | None = None,
    is_retry: bool = False,
) -> Deployment:
    """Request the preview of a change, and return its deployment; it changes nothing until it is applied.

    `parameters` has the values of all parameters; a secret without a value keeps the one in AWS.
    `version` is the version of a template set that the environment gets. Without one, `current_set` takes the
    bundled set as it is now, otherwise the version of the last good deployment stays.
    With `rolls_back_to`, the set is that deployment's. A second call with the same `request_key` returns the
    deployment of the first. After a failure that was kept, only a retry is possible (`is_retry`): its set is
    that of the deployment that failed, or the current one. Raise UserFixable with the field that the user
    must change, or if the stack has left the status in which the request is possible.
    """
    before = Deployment.objects.filter(request_key=request_key).first()
    if before:
        return before
    request = Request(user=user, action="change", permission=CHANGE, reason=reason, environment=environment)
    try:
        with requesting(request):
            base = _changeable(environment, is_retry=is_retry)
            is_current = current_set and rolls_back_to is None
            chosen = _chosen(rolls_back_to or base, version, is_current=is_current)
            request.details = _details(*chosen)
            request.deployment = _created(
                request,
                base,
                chosen,
                parameters,
                rolls_back_to,
                request_key=request_key,
                is_retry=is_retry,
            )
            request.changes(*parameters_of(request.deployment))
            return request.deployment
    except IntegrityError:  # the other click of a double click
        return Deployment.objects.get(request_key=request_key)


def request_version(
    *, user: User, environment: Environment, version: TemplateVersion, reason: str, request_key: UUID
) -> Deployment:
    """Request the preview of a change to a version of a template set, with the parameters as they are.

    What the version adds gets its default. Raise UserFixable as `request_change` does: also with the field of
    a parameter that it adds without a default.
    """
    declared = set_of_version(version).parameters
    # CloudFormation gives a stack the default of a parameter that it does not have yet.
    present: dict[str, str] = environment.parameters
    values = {name: present.get(name, one.default or "") for name, one in declared.items() if not one.no_echo}
    return request_change(
        user=user,
        environment=environment,
        parameters=values,
        reason=reason,
        request_key=request_key,
        version=version,
    )


def request_rollback(*, user: User, deployment: Deployment, reason: str, request_key: UUID) -> Deployment:
    """Request the preview of a change back to an earlier deployment: its template set and its parameters.

    Secrets keep the values that AWS has.
    """
    return request_change(
        user=user,
        environment=deployment.environment,
        parameters=deployment.parameters,
        reason=reason,
        request_key=request_key,
        rolls_back_to=deployment,
    )


def parameters_of(deployment: Deployment) -> tuple[dict[str, str], dict[str, str]]:
    """Return the parameters before and after a change, without secrets, and the template sets."""
    before, base = dict(deployment.environment.parameters), deployment.base
    before["template set"] = base.template_digest[:12] if base else ""
    return before, {**deployment.parameters, "template set": deployment.template_digest[:12]}


Chosen = tuple[catalog.TemplateSet, TemplateVersion | None]
"""A template set, and the version that it is, if it is one of a set that Sanso knows."""


def _chosen(source: Deployment, version: TemplateVersion | None, *, is_current: bool) -> Chosen:
    """Return the files of a version, the bundled set as it is now, or the version of a deployment."""
    if version is None and not is_current:
        return set_of(source), versions.kept(source)
    version = version or versions.bundled(catalog.load(settings.SANSO_TEMPLATE_SET))
    return _usable(version, source), version


def _details(template_set: catalog.TemplateSet, version: TemplateVersion | None) -> dict[str, str]:
    """Return what the audit record says of the version."""
    return {"set": template_set.digest[:12]} | ({"version": version.label} if version else {})


def _usable(version: TemplateVersion, base: Deployment) -> catalog.TemplateSet:
    """Return the files of a version. Raise UserFixable if it was withdrawn, unless the environment has it."""
    refuse_withdrawn(version, base.template_digest)
    return set_of_version(version)


def retried(environment: Environment) -> Deployment | None:
    """Return the deployment that a change of the environment retries, None if no failure was kept."""
    if environment.active_deployment or not is_allowed(environment.stack_status, Operation.RETRY):
        return None
    return Deployment.objects.attempts_of(environment).first()


def _changeable(environment: Environment, *, is_retry: bool) -> Deployment:
    """Return the deployment whose values are changed: in a retry, the one that failed.

    Raise UserFixable if the stack cannot be changed, or nothing can be retried.
    """
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
    base = base_of(environment)
    if base is None or environment.missing_since:
        raise UserFixable("NothingToChange", Code.NOTHING_TO_CHANGE)
    if is_retry and environment.active_deployment:
        raise busy(environment)
    why = refusal(environment.stack_status, Operation.RETRY if is_retry else Operation.CHANGE)
    if why and (is_retry or is_final(environment.stack_status)):  # a change set waits until it is
        raise UserFixable("NotChangeable", why.code, **why.params)
    return (retried(environment) if is_retry else None) or base


def _created(
    request: Request,
    base: Deployment,
    chosen: Chosen,
    parameters: Mapping[str, str],
    rolls_back_to: Deployment | None,
    *,
    request_key: UUID,
    is_retry: bool,
) -> Deployment:
    template_set, version = chosen
    environment = base.environment
    creates = is_retry and not Deployment.objects.complete_in(environment).exists()
    declared = template_set.parameters
    if rolls_back_to:
        given = {name: value for name, value in parameters.items() if name in declared}
    else:
        known = {} if creates else {**environment.parameters, **base.parameters}
        given = _with_fixed(template_set, parameters, known)
    secrets = _kept_secrets(template_set, base)
    plain, secret = checked(template_set, given, kept=secrets)
    source = rolls_back_to or base
    deployment = Deployment.objects.create(
        environment=environment,
        kind=Kind.UPDATE.value,
        requested_by=request.user,
        reason=request.reason,
        request_key=request_key,
        parameters=plain,
        sealed_parameters=seal(secret),
        template_digest=template_set.digest,
        template_version=version,
        protection=_protection(template_set, plain) if creates else "",
        protection_parameter=template_set.protection_parameter,
        keep_on_failure=is_retry,
        is_retry=is_retry,
        images=_images(source, template_set, plain),
        base=base,
        rolls_back_to=rolls_back_to,
        due_at=timezone.now(),
    )
    template_sets.keep(template_set)
    event_log.add(
        deployment,
        "requested",
        kind="update",
        user=request.user.get_username(),
        reason=request.reason,
        back_to=rolls_back_to.pk if rolls_back_to else 0,
        retry_of=base.pk if is_retry else 0,
    )
    return deployment


def _with_fixed(
    template_set: catalog.TemplateSet, parameters: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """Return the values with the known ones of parameters that are chosen once.

    Raise UserFixable if one of these is to change.
    """
    given = dict(parameters)
    for name, parameter in template_set.parameters.items():
        if parameter.choose_once and name in known and given.setdefault(name, known[name]) != known[name]:
            raise UserFixable("ChosenOnce", Code.PARAMETER_CHOSEN_ONCE, f"parameter_{name}")
    return given


def _kept_secrets(template_set: catalog.TemplateSet, base: Deployment) -> set[str]:
    """Return the secrets that the stack has: those of the set that is deployed, if it is stored."""
    secrets = {name for name, parameter in template_set.parameters.items() if parameter.no_echo}
    before = template_sets.find(base.template_digest)
    return secrets & before.parameters.keys() if before else secrets


def _protection(template_set: catalog.TemplateSet, parameters: Mapping[str, str]) -> str:
    return "wanted" if template_set.wants_protection(parameters) else "unwanted"


def _images(
    source: Deployment, template_set: catalog.TemplateSet, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the machine images that stay: those whose parameter in Systems Manager is still the same one."""
    names = template_set.image_names(parameters)
    before = template_sets.find(source.template_digest)
    then = before.image_names(source.parameters) if before else names
    kept: dict[str, str] = source.images
    return {
        parameter: kept[parameter]
        for parameter, name in names.items()
        if parameter in kept and then.get(parameter) == name
    }


def apply_change(
    *,
    user: User,
    deployment: Deployment,
    digest: str,
    typed_name: str = "",
    scheduled_for: datetime | None = None,
    in_line: bool = False,
    keep_on_failure: bool = False,
) -> Deployment:
    """Apply the preview with this digest: at once if the environment is free, else when it has its turn.

    It waits for `scheduled_for` before, if a time is given, and before that for a second person's approval if
    the environment requires one. `typed_name` must be the environment's name if data may be lost; `in_line`
    confirms that what a rollback has skipped, and this change does not touch, is in line with the templates.
    With `keep_on_failure`, and in a retry, what fails is kept. A second call returns the same deployment.
    Raise UserFixable if the preview is another one by now, a confirmation is missing, the time cannot be
    chosen, or CloudFormation would refuse to replace something.
    """
    environment = deployment.environment
    request = Request(user=user, action="apply", permission=CHANGE, environment=environment)
    request.begins_later = scheduled_for is not None or policy_of(environment) is not None
    if deployment.releases_to_servers and not can(user, RELEASE, environment):
        request.deployment, request.permission = deployment, RELEASE
    with requesting(request):
        row = _open(deployment)
        request.deployment, request.reason = row, row.reason
        if _is_repeated(request, row, digest):
            return row
        if row.state != State.PREVIEW:
            raise UserFixable("PreviewNotReady", Code.PREVIEW_NOT_READY)
        if row.preview_digest != digest:
            raise UserFixable("PreviewOutOfDate", Code.PREVIEW_OUT_OF_DATE)
        if row.rolls_back_to_id is None:
            refuse_withdrawn(row.template_version, row.base.template_digest if row.base else "")
        changes = Changes.from_json(row.changes)
        keep = keep_on_failure or row.is_retry
        if why := keep_refusal(changes, is_retry=row.is_retry) if keep else None:
            raise UserFixable("ReplacementNotKept", why.code, **why.params)
        if may_lose_data(changes) and typed_name.strip() != row.environment.name:
            raise UserFixable(
                "NameNotConfirmed", Code.DATA_LOSS_NOT_CONFIRMED, environment=row.environment.name
            )
        skipped.confirm(request, row, in_line=in_line)
        request.details["keep_on_failure"] = keep
        request.changes(*parameters_of(row))
        schedule.check(request, row.environment, scheduled_for)
        if policy_of(row.environment) is not None:
            request.action = "request_approval"
            # With a new version, a step that has begun before writes nothing more.
            row.scheduled_for, row.keep_on_failure = scheduled_for, keep
            approvals.request(
                row, user, version=row.version + 1, scheduled_for=scheduled_for, keep_on_failure=keep
            )
            return row
        begin_waiting(row, scheduled_for, user, applied_by=user, keep_on_failure=keep)
        return row


def begin_waiting(row: Deployment, scheduled_for: datetime | None, who: User, **values: Any) -> None:
    """Let a change that is applied, and approved if it has to be, wait for its time or for its turn.

    `row` is locked; `values` are further values of it.
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


def discard_change(*, user: User, deployment: Deployment) -> Deployment:
    """Request that a change that has not begun, or a deletion that waits for approval, is discarded."""
    permission = DELETE if deployment.kind == Kind.DELETE else CHANGE
    request = Request(user=user, action="discard", permission=permission, environment=deployment.environment)
    with requesting(request):
        row = _open(deployment, kind=Kind(deployment.kind))
        request.deployment = row
        request.before, request.after = {"state": row.state}, {"cancel": "discarded"}
        cancel(row, "discarded", user)
        return row


def preview_again(*, user: User, deployment: Deployment) -> Deployment:
    """Request a new preview of a change in the place of the one that is shown; its approval is void."""
    request = Request(user=user, action="preview", permission=CHANGE, environment=deployment.environment)
    with requesting(request):
        row = _open(deployment)
        request.deployment = row
        if row.state not in (State.PREVIEW, State.APPROVAL, State.SCHEDULED):
            raise UserFixable("PreviewNotReady", Code.PREVIEW_NOT_READY)
        request.before, request.after = {"state": row.state}, {"state": str(State.PREFLIGHT)}
        queue.restart_preview(row, version=row.version + 1, due_at=timezone.now())
        return row


def cancel(row: Deployment, code: str, user: User | None) -> None:
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


def _open(deployment: Deployment, kind: Kind = Kind.UPDATE) -> Deployment:
    """Return the locked row of a change, or a deletion, that has not begun.

    Raise UserFixable if it has, or has ended.
    """
    row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
    if row.kind != kind or kind is Kind.CREATE or not row.is_active:
        raise UserFixable("ChangeEnded", Code.CHANGE_ENDED)
    if not row.is_open_change or row.cancel_code:
        raise _applied(row)
    return row


def _is_repeated(request: Request, row: Deployment, digest: str) -> bool:
    """Return whether the user has applied this preview before. Raise UserFixable if another one has."""
    if State(row.state) not in WAITS or row.preview_digest != digest:
        return False
    if row.applied_by is not None and row.applied_by_id != request.user.pk:
        raise _applied(row)
    request.repeats = True
    return True


def _applied(row: Deployment) -> UserFixable:
    """Return the error of a change that was applied, with who applied it, or that is being canceled."""
    if row.applied_by is None or row.cancel_code:
        return UserFixable("AlreadyApplied", Code.CHANGE_ALREADY_APPLIED)
    return UserFixable("AlreadyApplied", Code.CHANGE_APPLIED_BY, user=row.applied_by.get_username())
