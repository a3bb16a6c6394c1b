"""The change sets of a root stack and its nested stacks: read, and what they are given."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.common.errors import AwsFailure, AwsNotFound, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.tags import CONTACT_TAG
from deployments.stacks.models.stacks import STACK_TYPE
from deployments.stacks.shared import preflight
from deployments.template_sets import template_files

MAX_DEPTH = 8
"""Maximum depth of nested stacks; a cycle in AWS's responses must not loop forever."""


def read(
    root: ChangeSet, cloudformation: CloudFormation, *, may_be_gone: bool = False
) -> dict[str, ChangeSet]:
    """Return the change sets by the path of their stack: the root's ("") and those of nested stacks.

    CloudFormation deletes nested ones of a failed change set sooner or later: with `may_be_gone` those that
    do not exist are left out, otherwise AwsNotFound is raised.
    """
    return dict(_read("", root, cloudformation, 0, may_be_gone=may_be_gone))


def _read(
    path: str, change_set: ChangeSet, cloudformation: CloudFormation, depth: int, *, may_be_gone: bool
) -> Iterator[tuple[str, ChangeSet]]:
    yield path, change_set
    if depth == MAX_DEPTH:
        return
    for change in change_set.changes:
        if change.type == STACK_TYPE and change.change_set_id:
            try:
                nested = cloudformation.describe_change_set(change.change_set_id)
            except AwsNotFound:
                if may_be_gone:
                    continue
                raise
            at = f"{path}/{change.logical_id}".lstrip("/")
            yield from _read(at, nested, cloudformation, depth + 1, may_be_gone=may_be_gone)


def filled(deployment: Deployment, template_set: template_files.TemplateSet) -> dict[str, str]:
    """Return the values of the parameters that the portal sets: artifacts, boundary, machine images."""
    account = deployment.environment.account
    images: dict[str, str] = deployment.images
    return filled_for(account, template_set, deployment.artifact_bucket, deployment.artifact_prefix) | images


def filled_for(
    account: Account, template_set: template_files.TemplateSet, bucket: str, prefix: str
) -> dict[str, str]:
    """Return the values that the portal sets for a set uploaded to a bucket, without the machine images."""
    values = {template_set.bucket_parameter: bucket}
    if boundary := account.boundary:
        values[template_set.boundary_parameter] = boundary
    if template_set.own_prefix:
        values[template_set.prefix_parameter] = prefix
    values.pop("", None)
    return values


def tags_of(environment: Environment) -> dict[str, str]:
    """Return the tags of an environment's stacks."""
    own = {preflight.ENVIRONMENT_TAG: str(environment.key), preflight.NAME_TAG: environment.name}
    return own | ({CONTACT_TAG: environment.contact_tag} if environment.contact_tag else {})


def without_capabilities(error: AwsFailure) -> UserFixable | AwsFailure:
    """Return the exception for an error of a change set; for a missing capability, one with the setting."""
    if error.code == "InsufficientCapabilitiesException":
        return UserFixable("InsufficientCapabilities", Code.CAPABILITIES_INSUFFICIENT, aws=error.message)
    return error


def url_of(deployment: Deployment, name: str) -> str:
    """Return the address of an uploaded template, for CloudFormation."""
    account = deployment.environment.account
    return address_of(account, deployment.artifact_bucket, f"{deployment.artifact_prefix}/{name}")


def address_of(account: Account, bucket: str, key: str) -> str:
    """Return the address of an object, for CloudFormation."""
    suffix = "amazonaws.com.cn" if account.region.startswith("cn-") else "amazonaws.com"
    return f"https://{bucket}.s3.{account.region}.{suffix}/{key}"
