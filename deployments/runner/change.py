"""The steps of a change before its stacks: the change set, the preview, the queue, the execution, the end."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments.access import can
from deployments.aws.cloudformation import ChangeSet, ChangeSetRequest, StackView
from deployments.aws.session import Clients
from deployments.core.changes import Changes
from deployments.core.operations import Operation, refusal
from deployments.core.phases import BEFORE_STACKS, Kind, State
from deployments.core.release_kind import PHASED, Release
from deployments.core.status import is_final
from deployments.errors import AwsAlreadyDone, AwsFailure, AwsNotFound, Message, UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment, ServerRelease, holds
from deployments.models.sealed import unseal
from deployments.runner import (
    approvals,
    change_sets,
    data_facts,
    endpoint_run,
    event_log,
    expectations,
    finalize,
    launch,
    preflight,
    previews,
    queue,
    releases,
    root_only,
    skipped,
    stack_rows,
    template_sets,
    versions,
)
from deployments.runner.rejected_change_set import rejection

AT_ONCE, SOON = 0.0, 1.0
BUSY = 5.0
"""Seconds between two checks of a stack that something else changes, or of the position in the queue."""
HELD = 30.0
"""Seconds between two checks of a lock or a freeze. Breaking a lock makes the queue due by itself."""
KEPT_FOR = timedelta(days=7)
"""How long a preview can be applied; then it is discarded with its change set."""
CHANGE = "deployments.change_environment"
"""The permission that a change needs, at its request and at its beginning."""
RELEASE = "deployments.release_environment"
"""The additional permission for applying a change that gives running servers another version."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")


def check(deployment: Deployment, clients: Clients) -> float:
    """Run the preflight and begin the phase of artifacts. Return the seconds until the next step."""
    if deployment.environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
    identity = preflight.check_identity(deployment, clients)
    template_set = preflight.check_templates(deployment)
    if template_set is None:
        return SOON
    preflight.find_images(deployment, clients, template_set)
    return launch.begin_artifacts(deployment, clients, identity, template_set)


def create_change_set(deployment: Deployment, clients: Clients) -> float | None:
    """Create the change set, wait for it, and store its changes.

    Return the seconds until the next step, None at the end: a change set without changes is a success.
    """
    if not deployment.change_set_id:
        stack = clients.cloudformation.describe_stack(deployment.environment.stack_id)
        why = refusal(stack.status, Operation.RETRY if deployment.is_retry else Operation.CHANGE)
        if why and not is_final(stack.status):
            return BUSY
        if why:
            raise UserFixable("NotChangeable", why.code, **why.params)
        seen = {"status": stack.status, "updated": stack.updated}
        found = _create_or_adopt(deployment, clients, stack)
        base = _current_base(deployment)
        deployment.record(change_set_id=found, preview_stack=seen, stack_id=stack.stack_id, base=base)
        return AT_ONCE
    change_set = clients.cloudformation.describe_change_set(deployment.change_set_id)
    if change_set.is_pending:
        return SOON
    if not change_set.is_created:
        if any(text in change_set.reason for text in _NOTHING):
            return _without_changes(deployment, clients)
        if root_only.fall_back(deployment, change_set, clients.cloudformation):
            return AT_ONCE
        raise rejection(deployment, change_set, clients.cloudformation)
    changes = previews.preview_of(deployment, change_sets.read(change_set, clients.cloudformation))
    facts = data_facts.gather(changes, clients, timezone.now())
    _show(deployment, changes, releases.of_change(deployment, changes), facts=facts)
    return AT_ONCE


def _current_base(deployment: Deployment) -> Deployment | None:
    """Return the deployment that a change set of now is based on: others may have ended since the request."""
    if deployment.is_retry:
        return deployment.base
    return Deployment.objects.good_of(deployment.environment_id).first() or deployment.base


def _show(deployment: Deployment, changes: Changes, release: Release | None, **more: object) -> None:
    with transaction.atomic():
        deployment.move_to(
            State.PREVIEW,
            changes=changes.to_json() | more | {"release": release.to_json() if release else {}},
            preview_digest=previews.digest(deployment, changes),
        )
        event_log.add(deployment, "phase", key=f"preview{deployment.revision or ''}", phase="preview")
        expectations.of_preview(deployment, changes)


def _without_changes(deployment: Deployment, clients: Clients) -> float | None:
    """End a change that changes nothing in the stacks, unless servers still run another version."""
    if ServerRelease.objects.unfinished_of(deployment.environment) is not None:
        changes = Changes(template_digest=deployment.template_digest)
        release = releases.of_change(deployment, changes)
        if release is not None and release.kind in PHASED:
            _show(deployment, changes, release, only_servers=True)
            return AT_ONCE
    _end_without_changes(deployment, clients)
    return None


def _create_or_adopt(deployment: Deployment, clients: Clients, stack: StackView) -> str:
    environment = deployment.environment
    template_set = template_sets.uploaded(deployment)
    values = {**deployment.parameters, **unseal(deployment.sealed_parameters)}
    values |= launch.filled(deployment, template_set)
    kept = {*template_set.parameters, template_set.boundary_parameter} - set(values)
    protection = deployment.protection_parameter
    is_same = values.get(protection) == environment.parameters.get(protection, values.get(protection))
    if is_same or deployment.creates:
        kept.add(protection)  # keep the current value until the environment is ready: see docs/adr/0016
    kept &= set(stack.parameters)
    request = ChangeSetRequest(
        stack_name=stack.stack_id,
        change_set_name=deployment.change_set_name,
        token=f"{deployment.token}-{deployment.revision}{'-root' if deployment.is_root_only else ''}",
        template_url=launch.url_of(deployment, template_set.root.name),
        parameters={name: value for name, value in values.items() if name not in kept},
        kept=tuple(sorted(kept)),
        tags=launch.tags_of(environment),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=environment.account.stack_role_arn,
        is_update=True,
        is_nested=not deployment.is_root_only,
    )
    deployment.confirm_claim()
    root_only.delete_refused(deployment, stack.stack_id, clients.cloudformation)
    if deployment.revision:
        with suppress(AwsNotFound):
            before = deployment.change_set_name_of(deployment.revision - 1)
            clients.cloudformation.delete_change_set(before, stack.stack_id)
            clients.cloudformation.delete_change_set(f"{before}-root", stack.stack_id)
    try:
        return clients.cloudformation.create_change_set(request)
    except AwsAlreadyDone:
        # Created by a step whose response was lost: the name contains this deployment's token.
        adopted = clients.cloudformation.describe_change_set(deployment.change_set_name, stack.stack_id)
        return adopted.change_set_id
    except AwsFailure as exc:
        raise launch.without_capabilities(exc) from exc


def _end_without_changes(deployment: Deployment, clients: Clients) -> None:
    delete_change_set(deployment, clients)
    with transaction.atomic():
        deployment.move_to(State.SUCCEEDED)
        # The files may also be a version of another set: the stack then has that version.
        pinned = versions.pinned(deployment, State.SUCCEEDED)
        Environment.objects.filter(pk=deployment.environment_id).update(**pinned)
        event_log.add(deployment, "change.nothing")
        event_log.add(deployment, "ended", state="succeeded", code="", message={})


def wait(deployment: Deployment, now: datetime) -> float:
    """Wait for the operator. Return the seconds until the preview expires."""
    left = (deployment.phase_at + KEPT_FOR - now).total_seconds()
    if left > 0:
        return min(left, 3600.0)
    deployment.record(cancel_code="expired")
    return AT_ONCE


def is_canceled(deployment: Deployment) -> bool:
    """Return whether the change must end before it begins: it was canceled, or its environment deleted."""
    if not deployment.is_open_change:
        return False
    if deployment.environment.deleted_at and not deployment.cancel_code:
        deployment.record(cancel_code="environment_deleted")
    return bool(deployment.cancel_code)


def end_canceled(deployment: Deployment, clients: Clients) -> None:
    """Delete the change set, with the nested ones, and end the change."""
    delete_change_set(deployment, clients)
    with transaction.atomic():
        deployment.move_to(State.CANCELED, cancel_accepted_at=timezone.now())
        approvals.close(deployment, "withdrawn")
        user = deployment.canceled_by
        event_log.add(
            deployment,
            "change.canceled",
            code=deployment.cancel_code,
            user=user.get_username() if user else "",
        )
    queue.wake(deployment.environment_id)


def clean_up_unexecuted(deployment: Deployment, clients: Clients) -> None:
    """Delete the change set of a change that failed before it began; errors are ignored."""
    with suppress(AwsFailure):
        delete_change_set(deployment, clients)


def delete_change_set(deployment: Deployment, clients: Clients) -> None:
    """Delete the change set of a change whose execution has not begun. A second call has no effect."""
    stack_id = deployment.environment.stack_id
    if (
        deployment.kind != Kind.UPDATE
        or deployment.state in (State.PREFLIGHT, State.ARTIFACTS)
        or not stack_id
    ):
        return
    deployment.confirm_claim()
    root_only.delete_refused(deployment, stack_id, clients.cloudformation)
    with suppress(AwsNotFound):  # the stack is gone, and its change sets with it
        # By name: a step may have created it and died before it stored the id.
        clients.cloudformation.delete_change_set(deployment.change_set_name, stack_id)


def begin(deployment: Deployment, clients: Clients) -> float | None:
    """Execute the applied change set when it is the change's turn, and begin the phase of the stacks.

    If the stack has changed since its preview was computed, compute a new preview instead. If the change
    needs an approval and has none, wait for one. End a canceled change, unless its execution has begun.
    Return the seconds until the next step, None at the end.
    """
    hold = holds.hold_of(deployment.environment)
    if (hold and deployment.active_key is None) or not queue.take_place(deployment):
        return wait_for(hold)
    change_set = _change_set(deployment, clients)
    is_begun = _is_begun(change_set)
    if deployment.is_cancel_pending and not is_begun:
        end_canceled(deployment, clients)
        return None
    if change_set is None:
        return _out_of_date(deployment)
    if not is_begun:
        delay = _give_back(deployment, hold) if hold else _execute(deployment, clients, change_set)
        if delay is not None:
            return delay
    endpoint_run.remember(deployment.environment)
    with transaction.atomic():
        deployment.move_to(State.STACKS, progress=0)  # releases before counted the wait of a preview
        Environment.objects.filter(pk=deployment.environment_id).update(latest=deployment)
        skipped.begin(deployment)
        event_log.add(deployment, "phase", key="stacks", phase="stacks")
        event_log.add(
            deployment, "stacks.started", stack_name=deployment.environment.stack_name, kind="update"
        )
    return AT_ONCE


def _give_back(deployment: Deployment, hold: holds.Hold) -> float:
    """Give the environment's place back during a hold that began after Apply. Return the seconds to wait."""
    queue.give_back(deployment)
    return wait_for(hold)


def _execute(deployment: Deployment, clients: Clients, change_set: ChangeSet) -> float | None:
    """Execute the change set if it is still the one that was previewed, permitted and approved.

    Return None once it is executed, else the seconds until the next step.
    """
    stack = clients.cloudformation.describe_stack(deployment.stack_id)
    if not is_final(stack.status):
        return BUSY
    if not _is_current(deployment, stack, change_set):
        return _out_of_date(deployment)
    if not _is_permitted(deployment) or _is_withdrawn(deployment):
        return AT_ONCE
    if approvals.is_missing(deployment):
        delay = approvals.request_again(deployment)
        queue.wake(deployment.environment_id)
        return delay
    if not deployment.is_only_servers:
        stack_rows.seed_from_update(deployment, change_set, clients.cloudformation)
    if releases.begin(deployment, clients):
        return _begin_servers(deployment)
    return None if _executed(deployment, clients, change_set) else SOON


def _begin_servers(deployment: Deployment) -> float:
    endpoint_run.remember(deployment.environment)
    with transaction.atomic():
        deployment.move_to(State.SERVERS, progress=0)
        Environment.objects.filter(pk=deployment.environment_id).update(latest=deployment)
        event_log.add(deployment, "phase", key="servers", phase="servers")
    return AT_ONCE


def _executed(deployment: Deployment, clients: Clients, change_set: ChangeSet) -> bool:
    """Execute a change set. Return False if its status must be read again.

    Then a step whose response was lost has executed it, or it is out of date.
    """
    deployment.confirm_claim()
    try:
        clients.cloudformation.execute_change_set(
            change_set.change_set_id, str(deployment.token), keep_on_failure=deployment.keep_on_failure
        )
    except AwsAlreadyDone:
        return False
    return True


def execute_after_servers(deployment: Deployment, clients: Clients) -> float | None:
    """Execute the change set once every server has the new version, and begin the phase of the stacks.

    Return the seconds until the next step, None at the end.
    """
    environment = Environment.objects.get(pk=deployment.environment_id)
    status, outputs = environment.stack_status, dict(environment.outputs)
    if deployment.is_only_servers:
        delete_change_set(deployment, clients)
        finalize.finalize(deployment, State.SUCCEEDED, status, outputs, ready_at=timezone.now())
        return None
    change_set = _change_set(deployment, clients)
    execution = change_set.execution_status if change_set else ""
    if change_set is None or not execution.startswith(("AVAILABLE", "EXECUTE_")):
        message = Message(Code.RELEASE_STACK_CHANGED)
        finalize.finalize(deployment, State.FAILED, status, outputs, "ReleaseStackChanged", message)
        return None
    if execution == "AVAILABLE" and not _executed(deployment, clients, change_set):
        return SOON
    with transaction.atomic():
        deployment.move_to(State.STACKS)
        event_log.add(deployment, "phase", key="stacks", phase="stacks")
        event_log.add(deployment, "stacks.started", stack_name=environment.stack_name, kind="update")
    return AT_ONCE


def has_begun(deployment: Deployment, clients: Clients) -> bool:
    """Return whether the change set is being executed, or was: the step that did it may have died."""
    return _is_begun(_change_set(deployment, clients))


def _is_begun(change_set: ChangeSet | None) -> bool:
    return change_set is not None and change_set.execution_status.startswith("EXECUTE_")


def _change_set(deployment: Deployment, clients: Clients) -> ChangeSet | None:
    """Return the change set; None if it is gone: CloudFormation deletes it when it executes another one."""
    try:
        return clients.cloudformation.describe_change_set(deployment.change_set_id)
    except AwsNotFound:
        return None


def _is_permitted(deployment: Deployment) -> bool:
    """Return whether the user who applied the change still may; if not, cancel it and give its place back."""
    user = deployment.applied_by
    needed = (CHANGE, RELEASE) if deployment.releases_to_servers else (CHANGE,)
    if user is None or all(can(user, right, deployment.environment) for right in needed):
        return True
    deployment.record(cancel_code="permission_lost", active_key=None)
    return False


def _is_withdrawn(deployment: Deployment) -> bool:
    """Return whether the version was withdrawn after Apply; then cancel the change and give its place back.

    A rollback to a withdrawn version is allowed, and so is a change of an environment that already has it.
    """
    version, base = deployment.template_version, deployment.base
    if version is None or deployment.rolls_back_to_id:
        return False
    if not version.is_withdrawn_for(base.template_digest if base else ""):
        return False
    deployment.record(cancel_code="version_withdrawn", active_key=None)
    return True


def wait_for(hold: holds.Hold | None) -> float:
    """Return the seconds until the next check of a hold or, without one, of the position in the queue.

    A hold may end before its planned end.
    """
    if hold is None:
        return BUSY
    left = (hold.until - timezone.now()).total_seconds() if hold.until else HELD
    return min(max(left, SOON), HELD)


def _is_current(deployment: Deployment, stack: StackView, change_set: ChangeSet) -> bool:
    seen = {"status": stack.status, "updated": stack.updated}
    is_usable = deployment.is_only_servers or change_set.execution_status == "AVAILABLE"
    return is_usable and seen == deployment.preview_stack


def _out_of_date(deployment: Deployment) -> float:
    with transaction.atomic():
        event_log.add(deployment, "change.out_of_date", key=str(deployment.revision))
        queue.restart_preview(deployment)
        event_log.add(deployment, "phase", key=f"change_set{deployment.revision}", phase="change_set")
    return AT_ONCE


def is_before_stacks(deployment: Deployment) -> bool:
    """Return whether this is a change that has not begun its stacks."""
    return deployment.kind == Kind.UPDATE and State(deployment.state) in BEFORE_STACKS
