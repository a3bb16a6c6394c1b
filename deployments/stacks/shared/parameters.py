"""What a change set of the root stack is given: parameters, tags, the template's address."""

from __future__ import annotations

from deployments.common.errors import AwsFailure, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.shared import preflight
from deployments.template_sets import template_files


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
    return {preflight.ENVIRONMENT_TAG: str(environment.key), preflight.NAME_TAG: environment.name}


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
