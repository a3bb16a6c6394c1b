"""Request a new environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.access.commands.requesting import DEPLOY, CommandRequest, PermissionMissing, busy, requesting
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.commands import role_boundaries, schedule
from deployments.changes.commands.labels import (
    give_first_labels,
    give_labels_again,
    labels_of,
    refuse_without_label,
)
from deployments.changes.rules.approvals import REQUIRE
from deployments.changes.steps import caught_servers
from deployments.cloudformation.server_associations import CaughtServers
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.labels import checked_labels, labels_text
from deployments.environments.rules.phases import Kind, State
from deployments.locks.commands.locks import refuse_if_locked
from deployments.stacks.commands.sent_again import SentAgain
from deployments.stacks.shared import event_log, forecast
from deployments.template_sets import template_files
from deployments.template_sets.commands.parameters import checked
from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.shared import versions

# CloudFormation: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
# 128 characters for the stack; nested stacks and load balancers have longer names, so ours are shorter.
STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
MAX_NAME_LENGTH = 40


def request_deployment(
    *,
    user: User,
    account: Account,
    name: str,
    parameters: Mapping[str, str],
    reason: str,
    request_key: UUID,
    keep_on_failure: bool = False,
    requires_approval: bool = False,
    version: TemplateVersion | None = None,
    labels: Mapping[str, str] | None = None,
    scheduled_for: datetime | None = None,
    contact_tag: str = "",
) -> Deployment:
    """Request the creation of an environment, and return its deployment.

    It is created from a version of a template set; without `version`, from the current bundled set.

    With `keep_on_failure`, resources created before a failure are kept, so that it can be fixed. With
    `requires_approval`, a second person approves its changes and its deletion, but not its creation.

    `labels` are the environment's; without them, those of a reused environment stay. With `scheduled_for`,
    the name is taken now, and everything else begins at that time
    (`deployments/changes/steps/scheduled.py`). With `contact_tag`, it is the environment of a first contact.

    A second call with the same `request_key` returns the deployment of the first. An environment of that name
    that never had a stack is reused. Raise UserFixable with the field that the user must change.
    """
    asked = CommandRequest(
        user=user,
        action="deploy",
        permission=DEPLOY,
        reason=reason,
        name=name,
        account=account,
        labels=checked_labels(labels or {}),
        begins_later=scheduled_for is not None,
    )
    sent = SentAgain(
        asked,
        request_key,
        [Kind.CREATE],
        name=name,
        parameters=dict(parameters),
        keep_on_failure=keep_on_failure,
        requires_approval=requires_approval,
        version=version.pk if version else None,
        labels=None if labels is None else dict(labels),
        scheduled_for=scheduled_for.timestamp() if scheduled_for else None,
    )
    if before := sent.earlier():
        return before
    if requires_approval and not can(user, REQUIRE, account):
        CommandRequest(
            user=user, action="require_approval", permission=REQUIRE, name=name, account=account
        ).record_missing_permission()
        raise PermissionMissing(REQUIRE)
    _refuse_without_label(asked, account)
    with requesting(asked) as request:
        template_set = set_to_deploy(version)
        check_name(name)
        schedule.check(request, account, scheduled_for)
        plain, secret = checked(template_set, parameters, account.region)
        _refuse_internal(template_set, plain)
        role_boundaries.refuse_without(template_set, account, plain, field="account")
        try:
            with transaction.atomic():
                deployment = _created(
                    sent,
                    account,
                    (template_set, version or versions.bundled(template_set)),
                    (plain, secret),
                    keep_on_failure=keep_on_failure,
                    scheduled_for=scheduled_for,
                    keeps_labels=labels is None,
                    contact_tag=contact_tag,
                )
        except (IntegrityError, UserFixable) as exc:
            # The other click of a double click may have come first at any point above.
            if twice := sent.earlier():
                request.repeats = True
                return twice
            if isinstance(exc, UserFixable):
                raise
            raise _busy(user, account, name) from None
        request.deployment, request.environment = deployment, deployment.environment
        request.before, request.after = {}, {**plain, "template set": deployment.template_digest[:12]}
        request.after |= {"keep_on_failure": keep_on_failure, "requires_approval": requires_approval}
        request.after |= {"labels": dict(request.labels)} if labels else {}
        if requires_approval:  # a later creation with the same name does not switch it off
            environment = deployment.environment
            Environment.objects.filter(pk=environment.pk).update(requires_approval=True)
            CommandRequest(
                user=user, action="require_approval", permission=REQUIRE, environment=environment
            ).record()
        return deployment


def check_deployment(*, user: User, **values: Any) -> tuple[Deployment, dict[str, str]]:
    """Check the request of a creation as `request_deployment` does, and leave nothing: no row and no record.

    Return the deployment that would be created, which does not exist, and the labels that its environment
    would have. Raise what the request would raise.
    """
    with transaction.atomic():
        deployment = request_deployment(user=user, request_key=uuid4(), **values)
        labels = labels_of(deployment.environment)
        transaction.set_rollback(True)
    return deployment, labels


def caught_by_creation(
    user: User, account: Account, template_set: template_files.TemplateSet, values: Mapping[str, str]
) -> list[CaughtServers]:
    """Return the servers that associations would configure across environments; AWS is not called."""
    return caught_servers.of_creation(account, template_set, values, user)


def set_to_deploy(version: TemplateVersion | None) -> template_files.TemplateSet:
    """Return the template set of a version, or the current bundled one.

    Raise UserFixable if its files are not stored, or cannot be read.
    """
    if version is None:
        return stored_sets.current()
    return set_of_version(version)


def _created(
    sent: SentAgain,
    account: Account,
    chosen: tuple[template_files.TemplateSet, TemplateVersion],
    values: tuple[dict[str, str], dict[str, str]],
    *,
    keep_on_failure: bool,
    scheduled_for: datetime | None,
    keeps_labels: bool,
    contact_tag: str,
) -> Deployment:
    request = sent.request
    plain, secret = values
    template_set, version = chosen
    versions.refuse_new_environment(version)
    environment = _environment(request, account, plain, None if keeps_labels else request.labels)
    if environment.contact_tag != contact_tag:
        environment.contact_tag = contact_tag
        environment.save(update_fields=["contact_tag"])
    deployment = Deployment.objects.create(
        environment=environment,
        kind=Kind.CREATE.value,
        requested_by=request.user,
        reason=request.reason,
        **sent.columns,
        state=str(State.SCHEDULED if scheduled_for else State.PREFLIGHT),
        active_key=None if scheduled_for else environment.pk,
        scheduled_for=scheduled_for,
        parameters=plain,
        sealed_parameters=encrypt_values(secret),
        template_digest=template_set.digest,
        template_version=version,
        keep_on_failure=keep_on_failure,
        protection="wanted" if template_set.wants_protection(plain) else "unwanted",
        protection_parameter=template_set.protection_parameter,
        due_at=scheduled_for or timezone.now(),
    )
    Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    event_log.add(
        deployment,
        "requested",
        kind="create",
        user=request.user.get_username(),
        reason=request.reason,
        **({"at": scheduled_for.isoformat()} if scheduled_for else {}),
    )
    forecast.at_request(deployment)
    return deployment


def check_name(name: str) -> None:
    """Raise UserFixable unless the name is valid as a part of a stack's name."""
    if not STACK_NAME.fullmatch(name):
        raise UserFixable(
            "IllegalName",
            Code.NAME_INVALID,
            "name",
        )
    if len(name) > MAX_NAME_LENGTH:
        raise UserFixable("IllegalName", Code.NAME_TOO_LONG, "name", count=MAX_NAME_LENGTH)


def _refuse_without_label(request: CommandRequest, account: Account) -> None:
    """Raise UserFixable, and record it, if the user may only create environments with other labels."""
    try:
        refuse_without_label(request.user, account, request.labels)
    except UserFixable as refusal:
        request.record(refusal.message)
        raise


def _busy(user: User, account: Account, name: str) -> UserFixable:
    """Return the error for a name that somebody else requested at the same time."""
    other = Environment.objects.filter(live_key=Environment.key_for(account, name)).first()
    if other is None:  # it has just been deleted
        return UserFixable("EnvironmentBusy", Code.ENVIRONMENT_BUSY, "name", environment=name)
    return busy(other) if can(user, Right.VIEW, other) else _taken(name)


def _taken(name: str) -> UserFixable:
    """Return the error for a name of an environment that the user may not view, with the name as typed.

    It reveals nothing else: not the exact spelling, the owner, or the state.
    """
    return UserFixable("NameTaken", Code.NAME_TAKEN_IN_ACCOUNT, "name", name=name)


def check_free_name(user: User, account: Account, name: str) -> None:
    """Raise UserFixable unless the user may give the name to a new environment in the account now."""
    check_name(name)
    known = Environment.objects.filter(live_key=Environment.key_for(account, name))
    if environment := known.select_related("latest").first():
        _refuse_taken(user, environment, name)


def _refuse_taken(user: User, known: Environment, name: str) -> None:
    """Raise UserFixable unless the environment never had a stack, or has lost it, and the user may use it."""
    if not can(user, Right.VIEW, known):
        raise _taken(name)
    if known.active_deployment:
        raise busy(known)
    if (known.stack_id and not known.missing_since) or not can(user, DEPLOY, known):
        raise UserFixable("NameTaken", Code.ENVIRONMENT_NAME_TAKEN, "name", environment=known.name)
    refuse_if_locked(known)


def _environment(
    request: CommandRequest, account: Account, parameters: dict[str, str], labels: Mapping[str, str] | None
) -> Environment:
    """Return a new environment, or the one of that name that has no stack. `labels` None: they stay."""
    user, name = request.user, request.name
    key = Environment.key_for(account, name)
    known = Environment.objects.select_for_update().filter(live_key=key).select_related("latest").first()
    if known is None:
        created = Environment.objects.create(
            account=account,
            name=name,
            stack_name=f"{settings.SANSO_STACK_PREFIX}{name}",
            live_key=key,
            owner=user,
            parameters=parameters,
        )
        give_first_labels(user, created, labels or {})
        return created
    _refuse_taken(user, known, name)
    if labels is not None:
        give_labels_again(user, known, labels)
    known.parameters, known.owner = parameters, user
    known.name, known.stack_name = name, f"{settings.SANSO_STACK_PREFIX}{name}"
    _forget_stack(known)
    known.save()
    return known


def _forget_stack(known: Environment) -> None:
    """Clear what was known of the stack that no longer exists: a scheduled creation may begin days later."""
    known.stack_id, known.missing_since, known.missing_code, known.sandbox_run = "", None, "", ""
    known.stack_status, known.status_reason, known.outputs = "", "", {}
    known.changed_outside_at, known.known_stack, known.stuck, known.skipped = None, {}, {}, []
    known.health_word, known.health_sentence = "unknown", {}


def prefill(deployment: Deployment) -> dict[str, Any]:
    """Return the form's values of a failed deployment, for a retry; without secrets, which are not stored."""
    return {
        "account": deployment.environment.account_id,
        "name": deployment.environment.name,
        "reason": deployment.reason,
        "on_failure": "keep" if deployment.keep_on_failure else "roll_back",
        "requires_approval": deployment.environment.requires_approval,
        "labels": labels_text(labels_of(deployment.environment)),
        "version": deployment.template_version_id,
        "parameters": dict(deployment.parameters),
    }


def _refuse_internal(template_set: template_files.TemplateSet, plain: Mapping[str, str]) -> None:
    """Raise UserFixable for a value that only later commands set: a new environment has one database."""
    for name, parameter in template_set.parameters.items():
        if parameter.is_internal and plain[name] != (parameter.initial or ""):
            raise UserFixable("ParameterInternal", Code.PARAMETER_INTERNAL, f"parameter_{name}")
