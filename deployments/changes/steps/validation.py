"""Read what CloudFormation's validation found in the change sets of a deployment, and store its warnings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.aws.validation_events import ValidationFinding
from deployments.cloudformation.validation import UNREAD, WARNING, place
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import event_log

Findings = dict[tuple[str, ValidationFinding], None]
"""Findings with the path of their resource below the root stack, each once, in AWS's order."""


def findings(
    deployment: Deployment, tree: Mapping[str, ChangeSet], cloudformation: CloudFormation
) -> Findings:
    """Return what was found in change sets, given by the path of their stack.

    If it cannot be read, the deployment goes on, since CloudFormation itself refuses what its checks fail:
    the role may lack the right, a partition the API. An event says why.
    """
    found: Findings = {}
    for stack, change_set in tree.items():
        try:
            own = cloudformation.validation_findings(change_set.change_set_id)
        except AwsNotFound:  # deleted meanwhile
            continue
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            event_log.add(deployment, UNREAD, action=exc.operation, aws=exc.message)
            break
        found |= {(f"{stack}/{one.logical_id}".lstrip("/"), one): None for one in own}
    return found


def report(deployment: Deployment, tree: Mapping[str, ChangeSet], cloudformation: CloudFormation) -> None:
    """Write an event for each warning about change sets that were created."""
    for path, one in findings(deployment, tree, cloudformation):
        text = "\n".join((str(deployment.revision), path, one.check, one.property_path, one.reason))
        event_log.add(
            deployment,
            WARNING,
            key=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            revision=deployment.revision,
            path=path,
            place=place(path, one.property_path),
            type=one.type,
            check=one.check,
            property_path=one.property_path,
            reason=one.reason,
        )
