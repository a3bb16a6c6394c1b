"""Checks before anything is created: the credentials, the templates, the stack name, the bucket."""

from __future__ import annotations

import logging
from threading import Lock

from django.db import transaction

from deployments import catalog
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.catalog.lint import findings
from deployments.core.status import DELETED, IN_REVIEW, is_being_deleted
from deployments.errors import AwsNotFound, UserFixable
from deployments.message_codes import Code
from deployments.models import Account, Deployment, TemplateCheck
from deployments.runner import event_log, template_sets

log = logging.getLogger(__name__)

ENVIRONMENT_TAG, NAME_TAG = "sanso:environment", "sanso:name"
_linting = Lock()


def check_identity(deployment: Deployment, clients: Clients) -> Identity:
    """Return the identity of the account's credentials."""
    identity = clients.sts.caller_identity()
    event_log.add(deployment, "preflight.identity", account_id=identity.account_id)
    return identity


def check_templates(deployment: Deployment) -> catalog.TemplateSet | None:
    """Return the template set, read and linted; None while another step of this process lints it.

    Raise UserFixable if it is not the set that the form was filled in for, or has lint errors.
    """
    template_set = template_sets.of_deployment(deployment)
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


def lint(template_set: catalog.TemplateSet) -> TemplateCheck | None:
    """Run cfn-lint and store its findings, one run at a time. Return None while another step runs it.

    cfn-lint takes seconds of CPU time. If several deployments of a new set each ran it, it could take longer
    than their leases, and each step that takes over would start it again.
    """
    if not _linting.acquire(blocking=False):
        return None
    try:
        return TemplateCheck.objects.get_or_create(
            digest=template_set.digest, defaults={"findings": findings(template_set)}
        )[0]
    finally:
        _linting.release()


def lint_bundled() -> None:
    """Run cfn-lint on the current bundled set, so that its first deployment does not wait for it."""
    try:
        template_set = template_sets.current()
        if not TemplateCheck.objects.filter(digest=template_set.digest).exists():
            lint(template_set)
    except UserFixable as broken:  # a deployment of it reports this on its page
        log.warning("the template set cannot be checked: %s", broken)


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


def find_images(deployment: Deployment, clients: Clients, template_set: catalog.TemplateSet) -> None:
    """Look up the machine images of the set and keep their ids: an update must not replace servers.

    Raise UserFixable if one does not exist.
    """
    names = template_set.image_names(deployment.parameters)
    names = {parameter: name for parameter, name in names.items() if parameter not in deployment.images}
    if not names:
        return
    values = clients.ssm.parameters(sorted(set(names.values())))
    for parameter, name in names.items():
        if name not in values:
            raise UserFixable("ImageNotFound", Code.IMAGE_NOT_FOUND, name=name, parameter=parameter)
    images = {parameter: values[name] for parameter, name in names.items()}
    with transaction.atomic():
        deployment.record(images=deployment.images | images)
        event_log.add(deployment, "preflight.images", images=", ".join(sorted(set(images.values()))))


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
