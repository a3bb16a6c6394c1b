"""The gateway to CloudFormation: change sets, stacks, resources and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.change_set_details import PropertyChange, details_of
from deployments.aws.error_mapping import calling
from deployments.aws.stack_operations import StackOperations, StackOperationsGateway
from deployments.aws.validation_events import ValidationEvents, ValidationEventsGateway
from deployments.common.errors import AwsNotFound, AwsRejected

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True, kw_only=True)
class StackView:
    """A stack as DescribeStacks returns it."""

    stack_id: str
    name: str
    status: str
    reason: str = ""
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    termination_protection: bool = False
    updated: str = ""
    """LastUpdatedTime in ISO 8601, "" for a stack that was never updated."""
    deployment_mode: str = ""
    """The Mode of DeploymentConfig, "" where there is none: STANDARD, or EXPRESS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """One stack event. `at` is aware; values that CloudFormation leaves out are empty."""

    event_id: str
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime
    token: str = ""

    @property
    def is_of_the_stack(self) -> bool:
        """Return whether the event is about the stack itself, not about a resource in it."""
        return self.physical_id == self.stack_id and self.logical_id == self.stack_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceView:
    """A resource as ListStackResources returns it. `at` is when its status last changed."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One change of a change set. `change_set_id` is the nested change set of a nested stack."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = ""
    change_set_id: str = ""
    policy_action: str = ""
    scope: tuple[str, ...] = ()
    details: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """A change set. Status and execution status are CloudFormation's (ChangeSetStatus, ExecutionStatus)."""

    change_set_id: str
    stack_id: str
    status: str
    execution_status: str
    reason: str = ""
    changes: tuple[ResourceChange, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Return whether CloudFormation is still creating it."""
        return self.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS")

    @property
    def is_created(self) -> bool:
        """Return whether it can be executed."""
        return self.status == "CREATE_COMPLETE"


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """The deployment mode of an operation, and whether its failure is kept instead of rolled back.

    Both are always sent together: in EXPRESS mode AWS rolls back only if that is requested.
    """

    mode: str
    keeps_on_failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetRequest:
    """The request for a change set. Parameters may contain secrets: never log it.

    `kept` are the parameters of an existing stack that keep their values, NoEcho values included. With
    `is_nested`, CloudFormation also computes the change sets of nested stacks. `deployment_config` is for
    stacks that are not deployed in the standard mode.
    """

    stack_name: str
    change_set_name: str
    token: str
    template_url: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    role_arn: str = ""
    is_update: bool = False
    kept: tuple[str, ...] = ()
    is_nested: bool = True
    deployment_config: DeploymentConfig | None = None
    template_body: str = ""
    """The template itself, in place of its address."""

    def __repr__(self) -> str:
        return f"ChangeSetRequest({self.stack_name}, {self.change_set_name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterUpdate:
    """An update that changes only these parameter values, and neither the template nor other values.

    `kept` are the names of all other parameters; their values are not known here, NoEcho values included.
    """

    stack_id: str
    token: str
    changed: Mapping[str, str]
    kept: tuple[str, ...]
    capabilities: tuple[str, ...]
    role_arn: str = ""
    deployment_config: DeploymentConfig | None = None


class CloudFormation(StackOperations, ValidationEvents, Protocol):
    """The calls to CloudFormation that the runner makes. They raise AwsNotFound for what does not exist."""

    def describe_stack(self, name_or_id: str) -> StackView:
        """Return the stack; by id also a deleted one, for 90 days."""
        ...

    def create_change_set(self, request: ChangeSetRequest) -> str:
        """Create a change set, and return its id."""
        ...

    def describe_change_set(self, change_set: str, stack: str = "") -> ChangeSet:
        """Return the change set with property values, by its id, or by its name and the stack's."""
        ...

    def execute_change_set(
        self, change_set_id: str, token: str, *, keep_on_failure: bool | None = False
    ) -> None:
        """Start the execution of the change set; a failure is rolled back, or kept with keep_on_failure.

        With None the change set's own DeploymentConfig decides.
        """
        ...

    def delete_change_set(self, change_set: str, stack: str = "") -> None:
        """Delete a change set by its id or its name, with nested ones; no error if it does not exist."""
        ...

    def delete_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        """Start the deletion of the stack. It is not an error if the stack is deleted."""
        ...

    def update_parameters(self, update: ParameterUpdate) -> bool:
        """Start an update of parameters. Return False if it would change no resource."""
        ...

    def set_termination_protection(self, stack_id: str, *, on: bool) -> None:
        """Switch the termination protection of a root stack."""
        ...

    def events_after(self, stack_id: str, bookmark: str) -> list[StackEvent]:
        """Return the events newer than the event id `bookmark` ("" = all), oldest first."""
        ...

    def newest_event_id(self, stack_id: str) -> str:
        """Return the id of the newest event; "" if there is none."""
        ...

    def list_resources(self, stack_id: str) -> list[ResourceView]:
        """Return the stack's resources."""
        ...


class CloudFormationGateway(StackOperationsGateway, ValidationEventsGateway):
    """CloudFormation through boto3; the protocol above documents the methods."""

    def __init__(self, client: CloudFormationClient) -> None:
        self._client = client

    def describe_stack(self, name_or_id: str) -> StackView:
        with calling("cloudformation:DescribeStacks"):
            stack = self._client.describe_stacks(StackName=name_or_id)["Stacks"][0]
        return StackView(
            stack_id=stack["StackId"],
            name=stack["StackName"],
            status=stack["StackStatus"],
            reason=stack.get("StackStatusReason", ""),
            outputs={o["OutputKey"]: o.get("OutputValue", "") for o in stack.get("Outputs", [])},
            tags={t["Key"]: t["Value"] for t in stack.get("Tags", [])},
            parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])},
            termination_protection=stack.get("EnableTerminationProtection", False),
            updated=stack["LastUpdatedTime"].isoformat() if "LastUpdatedTime" in stack else "",
            deployment_mode=stack.get("DeploymentConfig", {}).get("Mode", ""),
        )

    def create_change_set(self, request: ChangeSetRequest) -> str:
        role: dict[str, Any] = {"RoleARN": request.role_arn} if request.role_arn else {}
        parameters: list[Any] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in request.parameters.items()
        ]
        parameters += [{"ParameterKey": key, "UsePreviousValue": True} for key in request.kept]
        role |= _config(request.deployment_config)
        if request.template_body:
            role["TemplateBody"] = request.template_body
        else:
            role["TemplateURL"] = request.template_url
        with calling("cloudformation:CreateChangeSet"):
            answer = self._client.create_change_set(
                StackName=request.stack_name,
                ChangeSetName=request.change_set_name,
                ChangeSetType="UPDATE" if request.is_update else "CREATE",
                ClientToken=request.token,
                IncludeNestedStacks=request.is_nested,
                Capabilities=list(request.capabilities),  # type: ignore[arg-type]  # from the settings
                Parameters=parameters,
                Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
                **role,
            )
        return answer["Id"]

    def describe_change_set(self, change_set: str, stack: str = "") -> ChangeSet:
        named: dict[str, Any] = {"ChangeSetName": change_set} | ({"StackName": stack} if stack else {})
        with calling("cloudformation:DescribeChangeSet"):
            paginator = self._client.get_paginator("describe_change_set")
            pages = list(paginator.paginate(IncludePropertyValues=True, **named))
        first = pages[0]
        return ChangeSet(
            change_set_id=first["ChangeSetId"],
            stack_id=first["StackId"],
            status=first["Status"],
            execution_status=first.get("ExecutionStatus", ""),
            reason=first.get("StatusReason", ""),
            changes=tuple(
                _change(item["ResourceChange"]) for page in pages for item in page.get("Changes", [])
            ),
        )

    def execute_change_set(
        self, change_set_id: str, token: str, *, keep_on_failure: bool | None = False
    ) -> None:
        # Otherwise always sent: AWS documents different defaults.
        more: dict[str, Any] = {} if keep_on_failure is None else {"DisableRollback": keep_on_failure}
        with calling("cloudformation:ExecuteChangeSet"):
            self._client.execute_change_set(
                ChangeSetName=change_set_id,
                ClientRequestToken=token,
                RetainExceptOnCreate=True,  # a rollback deletes new resources, whatever their DeletionPolicy
                **more,
            )

    def delete_change_set(self, change_set: str, stack: str = "") -> None:
        named: dict[str, Any] = {"ChangeSetName": change_set} | ({"StackName": stack} if stack else {})
        try:
            with calling("cloudformation:DeleteChangeSet"):
                self._client.delete_change_set(**named)
        except AwsNotFound:
            return

    def delete_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        role: dict[str, Any] = {"RoleARN": role_arn} if role_arn else {}
        with calling("cloudformation:DeleteStack"):
            self._client.delete_stack(StackName=stack_id, ClientRequestToken=token, **role)

    def update_parameters(self, update: ParameterUpdate) -> bool:
        role: dict[str, Any] = {"RoleARN": update.role_arn} if update.role_arn else {}
        parameters: list[Any] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in update.changed.items()
        ]
        parameters += [{"ParameterKey": name, "UsePreviousValue": True} for name in update.kept]
        role |= _config(update.deployment_config)
        try:
            with calling("cloudformation:UpdateStack"):
                self._client.update_stack(
                    StackName=update.stack_id,
                    ClientRequestToken=update.token,
                    UsePreviousTemplate=True,
                    Parameters=parameters,
                    Capabilities=list(update.capabilities),  # type: ignore[arg-type]  # from the settings
                    **role,
                )
        except AwsRejected as exc:
            if "No updates are to be performed" in exc.message:
                return False
            raise
        return True

    def set_termination_protection(self, stack_id: str, *, on: bool) -> None:
        with calling("cloudformation:UpdateTerminationProtection"):
            self._client.update_termination_protection(StackName=stack_id, EnableTerminationProtection=on)

    def events_after(self, stack_id: str, bookmark: str) -> list[StackEvent]:
        found: dict[str, StackEvent] = {}  # pages can shift while events arrive
        with calling("cloudformation:DescribeStackEvents"):
            for event in self._newest_first(stack_id):
                if event.event_id == bookmark:
                    break
                found[event.event_id] = event
        return list(found.values())[::-1]

    def newest_event_id(self, stack_id: str) -> str:
        with calling("cloudformation:DescribeStackEvents"):
            return next((event.event_id for event in self._newest_first(stack_id)), "")

    def _newest_first(self, stack_id: str) -> Iterator[StackEvent]:
        """Yield the events of DescribeStackEvents; each page is requested when its first event is needed."""
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from map(_event, page.get("StackEvents", []))

    def list_resources(self, stack_id: str) -> list[ResourceView]:
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        with calling("cloudformation:ListStackResources"):
            rows = [row for page in pages for row in page.get("StackResourceSummaries", [])]
        return [
            ResourceView(
                logical_id=row["LogicalResourceId"],
                physical_id=row.get("PhysicalResourceId", ""),
                type=row["ResourceType"],
                status=row["ResourceStatus"],
                reason=row.get("ResourceStatusReason", ""),
                at=row.get("LastUpdatedTimestamp"),
            )
            for row in rows
        ]


def _config(config: DeploymentConfig | None) -> dict[str, Any]:
    if config is None:
        return {}
    return {"DeploymentConfig": {"Mode": config.mode, "DisableRollback": config.keeps_on_failure}}


def _event(event: Any) -> StackEvent:
    return StackEvent(
        event_id=event["EventId"],
        stack_id=event["StackId"],
        stack_name=event["StackName"],
        logical_id=event.get("LogicalResourceId", ""),
        physical_id=event.get("PhysicalResourceId", ""),
        type=event.get("ResourceType", ""),
        status=event.get("ResourceStatus", ""),
        reason=event.get("ResourceStatusReason", ""),
        at=event["Timestamp"],
        token=event.get("ClientRequestToken", ""),
    )


def _change(change: Any) -> ResourceChange:
    return ResourceChange(
        action=change["Action"],
        logical_id=change["LogicalResourceId"],
        type=change.get("ResourceType", ""),
        physical_id=change.get("PhysicalResourceId", ""),
        replacement=change.get("Replacement", ""),
        change_set_id=change.get("ChangeSetId", ""),
        policy_action=change.get("PolicyAction", ""),
        scope=tuple(change.get("Scope", ())),
        details=details_of(change),
    )
