"""Request the preview of a change: to other values, another version, or an earlier deployment."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, CommandRequest, busy, refuse_deleted
from deployments.changes.commands import role_boundaries
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.status import is_final
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import DATABASES, Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.stacks.commands.change_base import base_of, parameters_of, retried, set_of
from deployments.stacks.commands.sent_again import SentAgain
from deployments.stacks.shared import event_log
from deployments.template_sets import template_files
from deployments.template_sets.commands.parameters import checked
from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.shared import versions
from deployments.template_sets.template_files.restored_data import FIRST, RestoredData


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
    is_plan: bool = False,
    databases: Mapping[str, str] | None = None,
) -> Deployment:
    """Request the preview of a change, and return its deployment; it changes nothing until it is applied.

    A plan (`is_plan`) is meant to be read: lists leave it out when it has ended without being applied.

    `parameters` has the values of all parameters; a secret without a value keeps the one in AWS.
    `version` is the version of a template set that the environment gets. Without one, `current_set` selects
    the current bundled set; otherwise the version of the last good deployment stays.
    `databases` are new values of the parameters that only commands set, such as those of `database_values`.
    With `rolls_back_to`, the set is that deployment's. A second call with the same `request_key` returns the
    deployment of the first. After a failure that was kept, only a retry is possible (`is_retry`): its set is
    that of the deployment that failed, or the current one. Raise UserFixable with the field that the user
    must change, or if the stack's status no longer allows the request.
    """
    request = CommandRequest(
        user=user, action="change", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(
        request,
        request_key,
        [Kind.UPDATE],
        parameters=dict(parameters),
        current_set=current_set,
        version=version.pk if version else None,
        rolls_back_to=rolls_back_to.pk if rolls_back_to else None,
        is_retry=is_retry,
        databases=dict(databases or {}),
    )

    def created() -> Deployment:
        base = _changeable(environment, is_retry=is_retry)
        is_current = current_set and rolls_back_to is None
        chosen = _chosen(rolls_back_to or base, version, is_current=is_current)
        request.details = _details(*chosen)
        request.deployment = _created(
            sent,
            base,
            chosen,
            parameters,
            rolls_back_to,
            databases or {},
            is_retry=is_retry,
            operation="plan" if is_plan else "",
        )
        request.changes(*parameters_of(request.deployment))
        return request.deployment

    return sent.once(environment, created)


def request_version(
    *, user: User, environment: Environment, version: TemplateVersion, reason: str, request_key: UUID
) -> Deployment:
    """Request the preview of a change to a version of a template set, with unchanged parameters.

    Parameters that the version adds get their defaults. Raise UserFixable like `request_change`, also with
    the field of a parameter that it adds without a default.
    """
    declared = set_of_version(version).parameters
    # CloudFormation uses the default of a parameter that the stack does not have yet.
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

    Secrets keep their values in AWS.
    """
    return request_change(
        user=user,
        environment=deployment.environment,
        parameters=deployment.parameters,
        reason=reason,
        request_key=request_key,
        rolls_back_to=deployment,
    )


Chosen = tuple[template_files.TemplateSet, TemplateVersion | None]
"""A template set and its version, if it is a version of a set in Sanso."""


def _chosen(source: Deployment, version: TemplateVersion | None, *, is_current: bool) -> Chosen:
    """Return the files of a version, the current bundled set, or the version of a deployment."""
    if version is None and not is_current:
        return set_of(source), versions.kept(source)
    version = version or versions.bundled(stored_sets.current())
    return _usable(version, source), version


def _details(template_set: template_files.TemplateSet, version: TemplateVersion | None) -> dict[str, str]:
    """Return the version's values for the audit record."""
    return {"set": template_set.digest[:12]} | ({"version": version.label} if version else {})


def _usable(version: TemplateVersion, base: Deployment) -> template_files.TemplateSet:
    """Return the files of a version. Raise UserFixable if it was withdrawn, unless the environment has it."""
    versions.refuse_withdrawn(version, base.template_digest)
    return set_of_version(version)


def _changeable(environment: Environment, *, is_retry: bool) -> Deployment:
    """Return the deployment that the change is based on: in a retry, the failed one.

    Raise UserFixable if the stack cannot be changed, or nothing can be retried.
    """
    refuse_deleted(environment)
    base = base_of(environment)
    if base is None or environment.missing_since:
        raise UserFixable("NothingToChange", Code.NOTHING_TO_CHANGE)
    if is_retry and environment.active_deployment:
        raise busy(environment)
    why = refusal(environment.stack_status, Operation.RETRY if is_retry else Operation.CHANGE)
    if is_retry or is_final(environment.stack_status):  # otherwise the change set waits
        refuse("NotChangeable", why)
    return (retried(environment) if is_retry else None) or base


def _created(
    sent: SentAgain,
    base: Deployment,
    chosen: Chosen,
    parameters: Mapping[str, str],
    rolls_back_to: Deployment | None,
    databases: Mapping[str, str],
    *,
    is_retry: bool,
    operation: str,
) -> Deployment:
    request = sent.request
    template_set, version = chosen
    environment = base.environment
    creates = is_retry and not Deployment.objects.complete_in(environment).exists()
    declared = template_set.parameters
    known = {} if creates else _known(template_set, base, is_retry=is_retry)
    if rolls_back_to:  # the databases stay: their data is not that of the deployment
        present = {name: known[name] for name in template_set.second.pinned}
        given = {name: value for name, value in parameters.items() if name in declared} | present
    else:
        given = {**_with_fixed(template_set, parameters, known), **databases}
    secrets = _kept_secrets(template_set, base)
    plain, secret = checked(template_set, given, environment.account.region, kept=secrets)
    role_boundaries.refuse_without(template_set, environment.account, plain, base=None if creates else base)
    if not creates:
        _refuse_other_data(base, template_set, plain)
    source = rolls_back_to or base
    deployment = Deployment.objects.create(
        environment=environment,
        kind=Kind.UPDATE.value,
        operation=operation,
        requested_by=request.user,
        reason=request.reason,
        **sent.columns,
        parameters=plain,
        sealed_parameters=encrypt_values(secret),
        template_digest=template_set.digest,
        template_version=version,
        protection=("wanted" if template_set.wants_protection(plain) else "unwanted") if creates else "",
        protection_parameter=template_set.protection_parameter,
        keep_on_failure=is_retry,
        is_retry=is_retry,
        images=_images(source, template_set, plain),
        base=base,
        rolls_back_to=rolls_back_to,
        options=_options(template_set, environment),
        due_at=timezone.now(),
    )
    stored_sets.keep(template_set)
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


def _known(template_set: template_files.TemplateSet, base: Deployment, *, is_retry: bool) -> dict[str, str]:
    """Return the values that parameters chosen once have.

    A change whose stacks were complete has changed the databases, also if it never became ready; a retry
    completes the change of the databases that failed.
    """
    present = base.environment.parameters
    known = template_set.fixed({**present, **base.parameters})
    return known if is_retry else known | template_set.databases(present)


def _options(template_set: template_files.TemplateSet, environment: Environment) -> dict[str, object]:
    databases = template_set.databases(environment.parameters)
    return {DATABASES: databases} if databases else {}


def _with_fixed(
    template_set: template_files.TemplateSet, parameters: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """Return the values, with the existing ones for parameters that are chosen once.

    Raise UserFixable if one of these would change.
    """
    given = dict(parameters)
    for name, parameter in template_set.parameters.items():
        if parameter.choose_once and name in known and given.setdefault(name, known[name]) != known[name]:
            raise UserFixable("ChosenOnce", Code.PARAMETER_CHOSEN_ONCE, f"parameter_{name}")
    return given


def _refuse_other_data(
    base: Deployment, template_set: template_files.TemplateSet, plain: Mapping[str, str]
) -> None:
    """Raise UserFixable if the change would empty a restored database, or delete the second one.

    CloudFormation does so when a restore property is removed, as with a set that has no parameter for it.
    Database A has no data to lose before it is restored beside B, and after it is deleted alone.
    """
    before = stored_sets.find(base.template_digest)
    if before and before.second.is_present(base.parameters) and not template_set.second:
        raise UserFixable("RestoredDatabase", Code.SECOND_DATABASE_DELETED)
    has_first = before is not None and FIRST in before.second.slots(base.parameters)
    keeps_first = FIRST in template_set.second.slots(plain)
    data = before.restore.read(base.parameters) if before and has_first and keeps_first else RestoredData()
    if not data or template_set.restore.read(plain) == data:
        return
    if data.cluster:
        values = {"cluster": data.cluster, "time": data.time}
        raise UserFixable("RestoredDatabase", Code.DATABASE_AT_TIME_REPLACED, **values)
    raise UserFixable("RestoredDatabase", Code.RESTORED_DATABASE_REPLACED, snapshot=data.snapshot)


def _kept_secrets(template_set: template_files.TemplateSet, base: Deployment) -> set[str]:
    """Return the names of the stack's secrets: those of the deployed set, if it is stored."""
    secrets = {name for name, parameter in template_set.parameters.items() if parameter.no_echo}
    before = stored_sets.find(base.template_digest)
    return secrets & before.parameters.keys() if before else secrets


def _images(
    source: Deployment, template_set: template_files.TemplateSet, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the machine images that stay: those with an unchanged parameter in Systems Manager."""
    names = template_set.image_names(parameters)
    before = stored_sets.find(source.template_digest)
    then = before.image_names(source.parameters) if before else names
    kept: dict[str, str] = source.images
    return {
        parameter: kept[parameter]
        for parameter, name in names.items()
        if parameter in kept and then.get(parameter) == name
    }
