"""The gateway to CloudFormation, continued: calls that stop, undo or end an operation on a stack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class StackOperations(Protocol):
    """The calls for stacks whose operation must be stopped or has failed.

    They start an operation and return; AWS rejects one that the stack's status does not allow (AwsRejected).
    A repeated call with the same token has no effect.
    """

    def cancel_update(self, stack_id: str, token: str) -> None:
        """Cancel the update of a root stack in UPDATE_IN_PROGRESS; CloudFormation rolls it back."""
        ...

    def continue_update_rollback(
        self, stack_id: str, token: str, skip: Sequence[str] = (), role_arn: str = ""
    ) -> None:
        """Continue the rollback of a root stack in UPDATE_ROLLBACK_FAILED.

        `skip` are resources that do not change; those of a nested stack begin with its name and a dot.
        """
        ...

    def rollback_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        """Roll back a root stack in CREATE_FAILED or UPDATE_FAILED to its last complete state.

        A stack that never had one is emptied: ROLLBACK_COMPLETE.
        """
        ...

    def delete_failed_stack(
        self,
        stack_id: str,
        token: str,
        *,
        retain: Sequence[str] = (),
        force: bool = False,
        role_arn: str = "",
    ) -> None:
        """Delete a stack in DELETE_FAILED; keep the resources `retain` or, with force, those that fail."""
        ...

    def template_body(self, stack_id: str) -> str:
        """Return the template that the stack was created or last updated with, as it was submitted."""
        ...

    def failed_in_rollback(self, stack_id: str) -> frozenset[str]:
        """Return the logical ids of what failed since the rollback of the stack's last update began."""
        ...


class StackOperationsGateway:
    """These calls through boto3; the protocol above documents the methods."""

    _client: CloudFormationClient

    def cancel_update(self, stack_id: str, token: str) -> None:
        with calling("cloudformation:CancelUpdateStack"):
            self._client.cancel_update_stack(StackName=stack_id, ClientRequestToken=token)

    def continue_update_rollback(
        self, stack_id: str, token: str, skip: Sequence[str] = (), role_arn: str = ""
    ) -> None:
        more: dict[str, Any] = _role(role_arn) | ({"ResourcesToSkip": list(skip)} if skip else {})
        with calling("cloudformation:ContinueUpdateRollback"):
            self._client.continue_update_rollback(StackName=stack_id, ClientRequestToken=token, **more)

    def rollback_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        with calling("cloudformation:RollbackStack"):
            self._client.rollback_stack(
                StackName=stack_id, ClientRequestToken=token, RetainExceptOnCreate=True, **_role(role_arn)
            )

    def delete_failed_stack(
        self,
        stack_id: str,
        token: str,
        *,
        retain: Sequence[str] = (),
        force: bool = False,
        role_arn: str = "",
    ) -> None:
        more: dict[str, Any] = _role(role_arn)
        if retain:
            more["RetainResources"] = list(retain)
        if force:
            more["DeletionMode"] = "FORCE_DELETE_STACK"
        with calling("cloudformation:DeleteStack"):
            self._client.delete_stack(StackName=stack_id, ClientRequestToken=token, **more)

    def template_body(self, stack_id: str) -> str:
        with calling("cloudformation:GetTemplate"):
            body: Any = self._client.get_template(StackName=stack_id, TemplateStage="Original")[
                "TemplateBody"
            ]
        return body if isinstance(body, str) else json.dumps(body)  # botocore decodes JSON

    def failed_in_rollback(self, stack_id: str) -> frozenset[str]:
        failed: set[str] = set()
        of_rollback: set[str] = set()
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        with calling("cloudformation:DescribeStackEvents"):
            for event in (event for page in pages for event in page.get("StackEvents", [])):
                status = event.get("ResourceStatus")
                if event.get("PhysicalResourceId") != event["StackId"]:
                    if status == "UPDATE_FAILED":
                        failed.add(event.get("LogicalResourceId", ""))
                elif status == "UPDATE_ROLLBACK_IN_PROGRESS":
                    of_rollback = set(failed)  # the first one counts: a rollback can be continued
                elif status == "UPDATE_IN_PROGRESS":
                    break
        return frozenset(of_rollback)


def _role(arn: str) -> dict[str, Any]:
    return {"RoleARN": arn} if arn else {}
