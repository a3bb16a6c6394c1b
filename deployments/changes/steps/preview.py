"""The steps of a change until Apply: the change set, the preview, a new one, and the end without Apply."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import ChangeSetRequest, DeploymentConfig, StackView
from deployments.aws.session import Clients
from deployments.changes.shared import approvals
from deployments.changes.steps import creation, databases, failed_change_sets, predictions
from deployments.changes.steps.failed_change_sets import end_rejected
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.operations import EXPRESS, Operation, refusal
from deployments.cloudformation.release_kind import PHASED, Release
from deployments.cloudformation.status import is_final
from deployments.common.errors import AwsFailure, AwsNotFound, refuse
from deployments.common.models.encryption import decrypt_values
from deployments.environments.models import waiting
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State
from deployments.failures.shared import notices
from deployments.releases import shared as releases
from deployments.releases.models import ServerRelease
from deployments.stacks.shared import change_sets, drift, event_log, forecast
from deployments.stacks.shared.change_sets import filled, tags_of, url_of
from deployments.template_sets.models import stored_sets
from deployments.template_sets.shared import versions

AT_ONCE, SOON = 0.0, 1.0
BUSY = 5.0
"""Seconds between two checks of a stack that something else changes, or of the position in the queue."""
KEPT_FOR = timedelta(days=7)
"""How long a preview can be applied; then it is discarded with its change set."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")


def create_change_set(deployment: Deployment, clients: Clients) -> float | None:
    """Create the change set, wait for it, and store its changes.

    Return the seconds until the next step, None at the end: a change set without changes is a success.
    """
    if not deployment.change_set_id:
        stack = clients.cloudformation.describe_stack(deployment.environment.stack_id)
        why = refusal(stack.status, Operation.RETRY if deployment.is_retry else Operation.CHANGE)
        if why and not is_final(stack.status):
            return BUSY
        refuse("NotChangeable", why)
        seen = seen_of(stack)
        base = _current_base(deployment)
        databases.follow(deployment, base)
        found = _change_set(deployment, clients, stack)
        deployment.record(change_set_id=found, preview_stack=seen, stack_id=stack.stack_id, base=base)
        return AT_ONCE
    change_set = clients.cloudformation.describe_change_set(deployment.change_set_id)
    if change_set.is_pending:
        return SOON
    if not change_set.is_created:
        if any(text in change_set.reason for text in _NOTHING):
            return _without_changes(deployment, clients)
        if failed_change_sets.fall_back(deployment, change_set, clients.cloudformation):
            return AT_ONCE
        return end_rejected(deployment, change_set, clients.cloudformation)
    tree = change_sets.read(change_set, clients.cloudformation)
    failed_change_sets.report_warnings(deployment, tree, clients.cloudformation)
    now = drift.state_before(deployment, stored_sets.uploaded(deployment), clients.cloudformation)
    changes = predictions.preview_of(deployment, tree, now)
    more: dict[str, object] = {"facts": predictions.gather_facts(changes, clients, timezone.now())}
    more |= {"found": now.to_json()} if now else {}
    _show(deployment, changes, releases.of_change(deployment, changes), **more)
    return AT_ONCE


def seen_of(stack: StackView) -> dict[str, str]:
    """Return what a change set depends on, to compare it before the execution."""
    seen = {"status": stack.status, "updated": stack.updated}
    return seen | ({"mode": EXPRESS} if stack.deployment_mode == EXPRESS else {})


def _current_base(deployment: Deployment) -> Deployment | None:
    """Return the deployment that a change set of now is based on: others may have ended since the request."""
    if deployment.is_retry:
        return deployment.base
    return Deployment.objects.good_of(deployment.environment_id).first() or deployment.base


def _show(deployment: Deployment, changes: Changes, release: Release | None, **more: object) -> None:
    with transaction.atomic():
        event_log.begin_phase(
            deployment,
            State.PREVIEW,
            key=str(deployment.revision or ""),
            changes=changes.to_json() | more | {"release": release.to_json() if release else {}},
            preview_digest=predictions.digest(deployment, changes),
        )
        forecast.of_preview(deployment, changes)


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


def _change_set(deployment: Deployment, clients: Clients, stack: StackView) -> str:
    environment = deployment.environment
    template_set = stored_sets.uploaded(deployment)
    values = {**deployment.parameters, **decrypt_values(deployment.sealed_parameters)}
    values |= filled(deployment, template_set)
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
        template_url=url_of(deployment, template_set.root.name),
        parameters={name: value for name, value in values.items() if name not in kept},
        kept=tuple(sorted(kept)),
        tags=tags_of(environment),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=environment.account.stack_role_arn,
        is_update=True,
        is_nested=not deployment.is_root_only,
        deployment_config=(
            DeploymentConfig(EXPRESS, deployment.is_retry) if stack.deployment_mode == EXPRESS else None
        ),
    )
    if deployment.revision:
        deployment.confirm_claim()
        with suppress(AwsNotFound):
            before = deployment.change_set_name_of(deployment.revision - 1)
            clients.cloudformation.delete_change_set(before, stack.stack_id)
            clients.cloudformation.delete_change_set(f"{before}-root", stack.stack_id)
    return creation.requested(deployment, request, clients.cloudformation)


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
        notices.deployment_ended(deployment, timezone.now())
    waiting.wake(deployment.environment_id)


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
    failed_change_sets.delete_refused(deployment, stack_id, clients.cloudformation)
    with suppress(AwsNotFound):  # the stack is gone, and its change sets with it
        # By name: a step may have created it and died before it stored the id.
        clients.cloudformation.delete_change_set(deployment.change_set_name, stack_id)


def is_before_stacks(deployment: Deployment) -> bool:
    """Return whether this is a change that has not begun its stacks."""
    return deployment.kind == Kind.UPDATE and State(deployment.state) in BEFORE_STACKS
