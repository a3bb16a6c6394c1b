"""The steps that create an environment: preflight, artifacts, change set, execution."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments.access.commands.requesting import refuse_deleted
from deployments.aws.cloudformation import ChangeSetRequest, CloudFormation
from deployments.aws.session import Clients
from deployments.changes.shared import restored_data
from deployments.changes.steps import caught_servers, failed_change_sets, region_offers
from deployments.changes.steps.failed_change_sets import end_rejected
from deployments.cloudformation.status import IN_REVIEW
from deployments.common.errors import AwsAlreadyDone, AwsFailure, AwsNotFound
from deployments.common.models.encryption import decrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import OBSERVE_DELAY
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.shared import change_sets, event_log, incarnation, preflight, stack_rows
from deployments.stacks.shared.change_sets import filled, tags_of, url_of, without_capabilities
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets

AT_ONCE = 0.0
SOON = 1.0
MAX_OBJECTS = 1000
"""Maximum number of keys that are listed under a digest: one page; a set has far fewer."""


def check(deployment: Deployment, clients: Clients) -> float:
    """Run the preflight of a creation or a change, and begin the phase of artifacts.

    Return the seconds until the next step.
    """
    refuse_deleted(deployment.environment)
    creates = deployment.kind == Kind.CREATE
    identity = preflight.check_identity(deployment, clients)
    template_set = preflight.check_templates(deployment)
    if template_set is None or (creates and not preflight.check_name(deployment, clients)):
        return SOON
    region_offers.check(deployment, clients, template_set)
    restored_data.check(deployment, clients, template_set)
    caught_servers.report(deployment, clients, template_set)
    bucket = preflight.ensure_bucket(deployment, clients, identity)
    prefix = (
        f"sanso/{template_set.objects_digest}"
        if template_set.own_prefix
        else template_set.fixed_prefix or deployment.parameters[template_set.prefix_parameter]
    )
    incarnation.remember(deployment.environment)
    event_log.begin_phase(
        deployment, State.ARTIFACTS, artifact_bucket=bucket, artifact_prefix=prefix.strip("/")
    )
    return AT_ONCE


def upload(deployment: Deployment, clients: Clients) -> float:
    """Upload the templates and zips to the bucket.

    The key prefix contains the digest of these objects, so an existing object is the right one. Raise
    UserFixable if the set has changed since the preflight: its files must not be uploaded under the old
    digest.
    """
    template_set = stored_sets.of_deployment(deployment)
    owner = clients.sts.caller_identity().account_id
    bucket, prefix = deployment.artifact_bucket, f"{deployment.artifact_prefix}/"
    existing: set[str] = set()
    if template_set.own_prefix:
        existing = {stored.key for stored in clients.s3.list_objects(bucket, prefix, "", MAX_OBJECTS, owner)}
    uploaded = reused = 0
    for name, body in template_files.build_objects(template_set):
        key = f"{prefix}{name}"
        if key in existing:
            reused += 1
            continue
        deployment.confirm_claim()
        clients.s3.put_object(bucket, key, body, owner)
        uploaded += 1
    with transaction.atomic():
        event_log.add(deployment, "artifacts.uploaded", objects=uploaded, reused=reused)
        event_log.begin_phase(deployment, State.CHANGE_SET)
    return AT_ONCE


def create_change_set(deployment: Deployment, clients: Clients) -> float:
    """Create the change set, wait for it, and store the resources that it will create."""
    if not deployment.change_set_id:
        deployment.record(change_set_id=_change_set(deployment, clients))
        return AT_ONCE
    change_set = clients.cloudformation.describe_change_set(deployment.change_set_id)
    if deployment.stack_id != change_set.stack_id:
        deployment.record(stack_id=change_set.stack_id)
    if change_set.is_pending:
        return SOON
    if not change_set.is_created:
        if failed_change_sets.fall_back(deployment, change_set, clients.cloudformation):
            return AT_ONCE
        return end_rejected(deployment, change_set, clients.cloudformation)
    planned = failed_change_sets.planned(deployment) if deployment.is_root_only else {}
    tree = change_sets.read(change_set, clients.cloudformation)
    failed_change_sets.report_warnings(deployment, tree, clients.cloudformation)
    resources, stacks = stack_rows.seed_from_change_sets(deployment, tree, planned)
    event_log.add(deployment, "change_set.created", resources=resources, stacks=stacks)
    with transaction.atomic():
        event_log.begin_phase(deployment, State.STACKS, stack_id=change_set.stack_id)
        Environment.objects.filter(pk=deployment.environment_id).update(
            stack_id=change_set.stack_id,
            stack_status=IN_REVIEW,
            missing_since=None,
            # It is created without them, unless an earlier version of Sanso requested it.
            termination_protection=False if deployment.protection else None,
        )
    return AT_ONCE


def _change_set(deployment: Deployment, clients: Clients) -> str:
    environment = deployment.environment
    template_set = stored_sets.uploaded(deployment)
    values = filled(deployment, template_set)
    if deployment.protection == "wanted" and deployment.protection_parameter:
        values[deployment.protection_parameter] = "false"  # until the environment is ready: see protect
    request = ChangeSetRequest(
        stack_name=environment.stack_name,
        change_set_name=deployment.change_set_name,
        token=f"{deployment.token}-root" if deployment.is_root_only else str(deployment.token),
        template_url=url_of(deployment, template_set.root.name),
        parameters={**deployment.parameters, **decrypt_values(deployment.sealed_parameters), **values},
        tags=tags_of(environment),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=environment.account.stack_role_arn,
        is_nested=not deployment.is_root_only,
    )
    return requested(deployment, request, clients.cloudformation)


def requested(deployment: Deployment, request: ChangeSetRequest, cloudformation: CloudFormation) -> str:
    """Create a change set, or find the one that a step whose response was lost has created. Return its id."""
    deployment.confirm_claim()
    failed_change_sets.delete_refused(deployment, request.stack_name, cloudformation)
    try:
        return cloudformation.create_change_set(request)
    except AwsAlreadyDone:  # the name contains this deployment's token
        return cloudformation.describe_change_set(request.change_set_name, request.stack_name).change_set_id
    except AwsFailure as exc:
        raise without_capabilities(exc) from exc


def execute(deployment: Deployment, clients: Clients) -> None:
    """Execute the change set. A second call with the same token has no effect."""
    deployment.confirm_claim()
    with suppress(AwsAlreadyDone):  # it is being executed by a step whose response was lost
        clients.cloudformation.execute_change_set(
            deployment.change_set_id, str(deployment.token), keep_on_failure=deployment.keep_on_failure
        )
    event_log.add(deployment, "stacks.started", stack_name=deployment.environment.stack_name)


def clean_up_unexecuted(deployment: Deployment, clients: Clients) -> None:
    """Delete the empty REVIEW_IN_PROGRESS stack of a change set that was never executed.

    If that fails, the environment keeps the stack: its page offers the deletion, and it is purged later.
    """
    try:
        preflight.delete_unexecuted(deployment, clients)
    except AwsNotFound:
        return
    except AwsFailure:
        if deployment.stack_id:
            Environment.objects.filter(pk=deployment.environment_id).update(
                stack_id=deployment.stack_id,
                stack_status=IN_REVIEW,
                due_at=timezone.now() + timedelta(seconds=OBSERVE_DELAY),
            )
