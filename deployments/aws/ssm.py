"""The gateway to Systems Manager: associations, their executions and new runs, and commands on servers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling
from deployments.common.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PAGE = 50
AT_ONCE = 10
"""Associations in one StartAssociationsOnce, parameters in one GetParameters."""
INSTANCES = 50
"""Instances in one SendCommand."""
REFRESH = "AWS-RefreshAssociation"
_FAILED_STEP = ("Failed", "TimedOut", "Cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """An association. `status` is Overview.Status, not the top-level one; counts are by instance status.

    Statuses may be any string. `last_execution_at` is None until it has run. `targets` has the values of
    each key, such as `tag:Server`: a server must meet each.
    """

    association_id: str
    name: str
    document: str
    version: str
    status: str
    detailed_status: str
    last_execution_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    output_bucket: str = ""
    output_prefix: str = ""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of an association on its targets at that time."""

    association_id: str
    execution_id: str
    status: str
    detailed_status: str
    created_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionTarget:
    """One instance of an execution. `at` is None until it has run there.

    `output_key` is the folder of all runs of the association on the instance, with their stdout and stderr
    (see `output_folder`). Bucket and key are empty if the association writes no output to S3.
    """

    association_id: str
    execution_id: str
    instance_id: str
    status: str
    detailed_status: str
    at: datetime | None = None
    output_bucket: str = ""
    output_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationCall:
    """The command of an association: its document with the arguments, and the output location ("": none).

    The arguments are sent again unchanged, and neither stored nor logged.
    """

    association_id: str
    name: str
    document: str
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output_bucket: str = ""
    output_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A command on one instance. Status and detail are the API's values: `Failed`, `ExecutionTimedOut`."""

    command_id: str
    status: str
    detail: str = ""
    output: str = ""
    error_output: str = ""
    ended_at: datetime | None = None


def output_folder(prefix: str, instance_id: str, association_id: str) -> str:
    """Return the S3 prefix under which the agent writes the outputs of an association on an instance.

    The keys are `<yyyy-MM-ddTHH-mm-ss.fffZ>/<plugin>/<step>/stdout|stderr`, written when a step has ended
    (amazon-ssm-agent, agent/association/… and agent/fileutil/artifact).
    """
    return "/".join([part for part in (prefix.strip("/"), instance_id, association_id) if part]) + "/"


class SSM(Protocol):
    """The calls to State Manager that the runner makes."""

    def associations(self, ids: Sequence[str]) -> list[Association]:
        """Return those of the associations that exist, with one call each: lists have no output location."""
        ...

    def executions(self, association_id: str, limit: int) -> list[Execution]:
        """Return the latest executions, newest first. Raise AwsNotFound if the association is gone."""
        ...

    def execution_targets(
        self, association_id: str, execution_id: str, output_bucket: str = "", output_prefix: str = ""
    ) -> list[ExecutionTarget]:
        """Return the instances of an execution, with the association's output location.

        Raise AwsNotFound if the association or the execution is gone.
        """
        ...

    def parameters(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of the existing ones of these parameters, by name."""
        ...

    def association_calls(self, ids: Sequence[str]) -> list[AssociationCall]:
        """Return the commands of the existing ones of these associations, with one call each."""
        ...

    def send_command(self, call: AssociationCall, instance_id: str, comment: str) -> str:
        """Run a document on an instance, and return the command's id. `find_command` finds its comment.

        Raise AwsNotFound if its agent is offline or it is gone.
        """
        ...

    def find_command(self, instance_id: str, comment: str, since: datetime) -> str:
        """Return the id of the command with this comment on an instance; "" if there is none."""
        ...

    def invocation(self, command_id: str, instance_id: str) -> Invocation:
        """Return the state of a command on an instance. Raise AwsNotFound if it has not arrived yet."""
        ...

    def start_associations_once(self, ids: Sequence[str]) -> None:
        """Run associations again on all their targets. Raise AwsNotFound if one is gone."""
        ...

    def start_association_on(self, association_id: str, instance_ids: Sequence[str]) -> None:
        """Run an association again on these instances only.

        Raise AwsNotFound if an agent is offline, and AwsAccessError if an instance is gone, with the tag that
        the portal's role depends on.
        """
        ...


class SSMGateway:
    """State Manager through boto3; the protocol above documents the methods."""

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def associations(self, ids: Sequence[str]) -> list[Association]:
        found: list[Association] = []
        for association_id in ids:
            try:
                with calling("ssm:DescribeAssociation"):
                    answer = self._client.describe_association(AssociationId=association_id)
            except AwsNotFound:
                continue
            found.append(_association(answer["AssociationDescription"]))
        return found

    def executions(self, association_id: str, limit: int) -> list[Execution]:
        pages = self._client.get_paginator("describe_association_executions").paginate(
            AssociationId=association_id,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, PAGE)},
        )
        with calling("ssm:DescribeAssociationExecutions"):
            found = [_execution(row) for page in pages for row in page.get("AssociationExecutions", [])]
        return sorted(found, key=lambda execution: execution.created_at, reverse=True)

    def execution_targets(
        self, association_id: str, execution_id: str, output_bucket: str = "", output_prefix: str = ""
    ) -> list[ExecutionTarget]:
        pages = self._client.get_paginator("describe_association_execution_targets").paginate(
            AssociationId=association_id,
            ExecutionId=execution_id,
            PaginationConfig={"PageSize": PAGE},
        )
        with calling("ssm:DescribeAssociationExecutionTargets"):
            rows = [row for page in pages for row in page.get("AssociationExecutionTargets", [])]
        return [
            ExecutionTarget(
                association_id=association_id,
                execution_id=execution_id,
                instance_id=row["ResourceId"],
                status=row.get("Status", ""),
                detailed_status=row.get("DetailedStatus", ""),
                at=row.get("LastExecutionDate"),
                output_bucket=output_bucket,
                output_key=output_folder(output_prefix, row["ResourceId"], association_id)
                if output_bucket
                else "",
            )
            for row in rows
        ]

    def parameters(self, names: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for first in range(0, len(names), AT_ONCE):
            with calling("ssm:GetParameters"):
                answer = self._client.get_parameters(Names=list(names[first : first + AT_ONCE]))
            found |= {row["Name"]: row["Value"] for row in answer["Parameters"]}
        return found

    def association_calls(self, ids: Sequence[str]) -> list[AssociationCall]:
        found: list[AssociationCall] = []
        for association_id in ids:
            try:
                with calling("ssm:DescribeAssociation"):
                    answer = self._client.describe_association(AssociationId=association_id)
            except AwsNotFound:
                continue
            found.append(_call(answer["AssociationDescription"]))
        return found

    def send_command(self, call: AssociationCall, instance_id: str, comment: str) -> str:
        output: dict[str, Any] = {}
        if call.output_bucket:
            output = {"OutputS3BucketName": call.output_bucket, "OutputS3KeyPrefix": call.output_prefix}
        with calling("ssm:SendCommand"):
            answer = self._client.send_command(
                DocumentName=call.document,
                InstanceIds=[instance_id],
                Parameters={name: list(values) for name, values in call.arguments.items()},
                Comment=comment,
                **output,
            )
        return str(answer["Command"].get("CommandId", ""))

    def find_command(self, instance_id: str, comment: str, since: datetime) -> str:
        # SendCommand has no client token. The API filters by time, not by comment.
        pages = self._client.get_paginator("list_commands").paginate(
            InstanceId=instance_id,
            Filters=[{"key": "InvokedAfter", "value": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}],
            PaginationConfig={"PageSize": PAGE},
        )
        with calling("ssm:ListCommands"):
            rows = [row for page in pages for row in page.get("Commands", [])]
        return next((row.get("CommandId", "") for row in rows if row.get("Comment") == comment), "")

    def invocation(self, command_id: str, instance_id: str) -> Invocation:
        with calling("ssm:ListCommandInvocations"):
            rows = self._client.list_command_invocations(
                CommandId=command_id, InstanceId=instance_id, Details=True
            )["CommandInvocations"]
        if not rows:
            raise AwsNotFound("InvocationDoesNotExist", command_id, "ssm:ListCommandInvocations")
        row = rows[0]
        steps = row.get("CommandPlugins", [])
        ends = [step["ResponseFinishDateTime"] for step in steps if step.get("ResponseFinishDateTime")]
        return Invocation(
            command_id=command_id,
            status=row.get("Status", ""),
            detail=row.get("StatusDetails", ""),
            ended_at=max(ends, default=None),
            **self._printed(command_id, instance_id, steps),
        )

    def _printed(self, command_id: str, instance_id: str, steps: Sequence[Any]) -> dict[str, str]:
        """Return the output of the first failed step: the list contains only 2,500 characters of it."""
        failed = next((step["Name"] for step in steps if step.get("Status") in _FAILED_STEP), "")
        if not failed:
            return {}
        with calling("ssm:GetCommandInvocation"):
            step = self._client.get_command_invocation(
                CommandId=command_id, InstanceId=instance_id, PluginName=failed
            )
        return {
            "output": step.get("StandardOutputContent", ""),
            "error_output": step.get("StandardErrorContent", ""),
        }

    def start_associations_once(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), AT_ONCE):
            with calling("ssm:StartAssociationsOnce"):
                self._client.start_associations_once(AssociationIds=list(ids[first : first + AT_ONCE]))

    def start_association_on(self, association_id: str, instance_ids: Sequence[str]) -> None:
        # AWS's document AWS-RefreshAssociation: with its step aws:refreshAssociation the agent sets the
        # association to Pending and runs it at once, with the same parameters and the same output location,
        # and updates the instance's status in the association (amazon-ssm-agent,
        # agent/association/processor/refreshassociation.go). If it is Pending or InProgress, the agent does
        # nothing. There is no alternative: StartAssociationsOnce takes no instances, UpdateAssociation would
        # change the targets that CloudFormation set and run everywhere when they are set back, and after a
        # SendCommand of the association's own document the association is still failed.
        for first in range(0, len(instance_ids), INSTANCES):
            with calling("ssm:SendCommand"):
                self._client.send_command(
                    DocumentName=REFRESH,
                    InstanceIds=list(instance_ids[first : first + INSTANCES]),
                    Parameters={"associationIds": [association_id]},
                    Comment="Sanso: run the association again",
                )


def _association(row: Any) -> Association:
    overview = row.get("Overview", {})
    location = row.get("OutputLocation", {}).get("S3Location", {})
    return Association(
        association_id=row["AssociationId"],
        name=row.get("AssociationName", ""),
        document=row["Name"],
        version=row.get("AssociationVersion", ""),
        status=overview.get("Status", ""),
        detailed_status=overview.get("DetailedStatus", ""),
        last_execution_at=row.get("LastExecutionDate"),
        counts=dict(overview.get("AssociationStatusAggregatedCount", {})),
        output_bucket=location.get("OutputS3BucketName", ""),
        output_prefix=location.get("OutputS3KeyPrefix", ""),
        targets={one.get("Key", ""): tuple(one.get("Values", [])) for one in row.get("Targets", [])},
    )


def _call(row: Any) -> AssociationCall:
    location = row.get("OutputLocation", {}).get("S3Location", {})
    return AssociationCall(
        association_id=row["AssociationId"],
        name=row.get("AssociationName", ""),
        document=row["Name"],
        arguments={name: tuple(values) for name, values in row.get("Parameters", {}).items()},
        output_bucket=location.get("OutputS3BucketName", ""),
        output_prefix=location.get("OutputS3KeyPrefix", ""),
    )


def _execution(row: Any) -> Execution:
    return Execution(
        association_id=row["AssociationId"],
        execution_id=row["ExecutionId"],
        status=row.get("Status", ""),
        detailed_status=row.get("DetailedStatus", ""),
        created_at=row["CreatedTime"],
        counts=read_counts(row.get("ResourceCountByStatus", "")),
    )


def read_counts(text: str) -> dict[str, int]:
    """Return the counts of an execution's instances from "{Success=2, Failed=1}"; {} if there are none."""
    return {status: int(number) for status, number in re.findall(r"([A-Za-z]+)=(\d+)", text)}
