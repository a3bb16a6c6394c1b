"""The second attempt at a change set: without nested ones, if CloudFormation rejects them."""

from __future__ import annotations

from contextlib import suppress

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.changes.steps.rejected_change_set import followed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.rejected_change_sets import is_of_nesting, logical_path
from deployments.common.errors import AwsNotFound
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import event_log
from deployments.template_sets.models import stored_sets


def fall_back(deployment: Deployment, change_set: ChangeSet, cloudformation: CloudFormation) -> bool:
    """Request a failed change set again without nested ones, if that can help. Return whether it can.

    The step that creates the new one also deletes the failed one, so that it is repeated if it dies in
    between.
    """
    if deployment.is_root_only:
        return False
    names, failed = followed(change_set, cloudformation)
    if not is_of_nesting(failed.reason, logical_path(names), planned(deployment)):
        return False
    event_log.add(deployment, "change_set.root_only", key=str(deployment.revision), reason=failed.reason)
    changes = Changes(root_only=True, root_only_reason=failed.reason)
    deployment.record(change_set_id="", changes=changes.to_json())
    return True


def delete_refused(deployment: Deployment, stack: str, cloudformation: CloudFormation) -> None:
    """Delete the change set with nested ones that CloudFormation rejected, if this deployment had one."""
    if deployment.is_root_only:
        with suppress(AwsNotFound):
            cloudformation.delete_change_set(deployment.change_set_name_of(deployment.revision), stack)


def planned(deployment: Deployment) -> dict[str, TemplateStack]:
    """Return the stacks of the deployment's template set with their parameter values, by path."""
    template_set = stored_sets.uploaded(deployment)
    names = {template_set.bucket_parameter, template_set.prefix_parameter} - {""}
    before: dict[str, str] = deployment.environment.parameters
    values = before | dict.fromkeys(names, "") | deployment.parameters | deployment.images
    side = TemplateSide(templates=template_set.contents, root=template_set.root.name, values=values)
    return stacks_of(side)
