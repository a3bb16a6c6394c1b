"""Checks before anything is created: the credentials, the templates, the stack name, the bucket."""

from __future__ import annotations

import logging

from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.cloudformation.status import DELETED, IN_REVIEW, is_being_deleted
from deployments.common.errors import AwsNotFound, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import event_log
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.shared.versions import lint

log = logging.getLogger(__name__)

ENVIRONMENT_TAG, NAME_TAG = "sanso:environment", "sanso:name"


def check_identity(deployment: Deployment, clients: Clients) -> Identity:
    """Return the identity of the account's credentials."""
    identity = clients.sts.caller_identity()
    event_log.add(deployment, "preflight.identity", account_id=identity.account_id)
    return identity


def check_templates(deployment: Deployment) -> template_files.TemplateSet | None:
    """Return the template set, read and linted; None while another step of this process lints it.

    Raise UserFixable if it is not the set that the form was filled in for, or has lint errors.
    """
    template_set = stored_sets.of_deployment(deployment)
    check = TemplateCheck.objects.filter(digest=template_set.digest).first() or lint(template_set)
    if check is None:
        return None
    if check.errors:
        worst = "; ".join(f"{e['file']}:{e['line']} {e['rule']} {e['message']}" for e in check.errors[:3])
        raise UserFixable(
            "TemplateSetHasErrors",
            Code.LINT_ERRORS,
            count=len(check.errors),
            worst=worst,
        )
    event_log.add(
        deployment,
        "preflight.templates",
        templates=len(template_set.templates),
        warnings=len(check.findings) - len(check.errors),
    )
    return template_set


def check_name(deployment: Deployment, clients: Clients) -> bool:
    """Return whether the stack name is free; False while an old stack of the portal is being deleted.

    Raise UserFixable if a stack that is not the portal's has the name.
    """
    name = deployment.environment.stack_name
    try:
        stack = clients.cloudformation.describe_stack(name)
    except AwsNotFound:
        event_log.add(deployment, "preflight.name", stack_name=name)
        return True
    if stack.status == DELETED:
        event_log.add(deployment, "preflight.name", stack_name=name)
        return True
    if stack.tags.get(ENVIRONMENT_TAG) and stack.status == IN_REVIEW:
        # The change set of an earlier deployment was never executed: the stack is empty.
        deployment.confirm_claim()
        clients.cloudformation.delete_stack(stack.stack_id, f"remnant-{deployment.token}")
        return False
    if stack.tags.get(ENVIRONMENT_TAG) and is_being_deleted(stack.status):
        return False
    raise UserFixable(
        "StackNameTaken",
        Code.STACK_NAME_TAKEN,
        "name",
        stack=name,
        status=stack.status,
    )


def delete_unexecuted(deployment: Deployment, clients: Clients) -> None:
    """Delete the empty stack of a change set that was never executed, and no other stack of the name.

    Raise AwsNotFound if there is none.
    """
    stack = clients.cloudformation.describe_stack(deployment.environment.stack_name)
    ours = stack.tags.get(ENVIRONMENT_TAG) == str(deployment.environment.key)
    if ours and stack.status == IN_REVIEW:
        clients.cloudformation.delete_stack(stack.stack_id, f"unexecuted-{deployment.token}")


def bucket_name(account: Account, account_id: str) -> str:
    """Return the account's artifact bucket: the configured one, or the default of the region."""
    return account.artifact_bucket or f"sanso-artifacts-{account_id}-{account.region}"


def ensure_bucket(deployment: Deployment, clients: Clients, identity: Identity) -> str:
    """Return the artifact bucket; create it (encrypted, versioned, not public) if it does not exist.

    Raise UserFixable if the bucket belongs to another account.
    """
    bucket = bucket_name(deployment.environment.account, identity.account_id)
    exists = clients.s3.bucket_exists(bucket, identity.account_id)
    is_ours = deployment.artifact_bucket == bucket
    if not exists:
        deployment.confirm_claim()
        # Recorded first: if the worker dies after the creation, the next step hardens the bucket.
        deployment.record(artifact_bucket=bucket)
        is_ours = True
        clients.s3.create_bucket(bucket)
    if is_ours:
        clients.s3.harden_bucket(bucket, identity.account_id)
    event_log.add(deployment, "preflight.bucket", bucket=bucket, created=is_ours)
    return bucket
