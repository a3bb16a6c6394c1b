"""An operation on a stack: its input, its progress, and how it is stopped."""

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import engine, provisioners, stacks

from sanso_sandbox.engine.cloudformation import attributes, events, graph
from sanso_sandbox.engine.cloudformation.provision import Provisioned
from sanso_sandbox.engine.cloudformation.store import Record, Stack, Template


@dataclass(slots=True)
class Change:
    """A resource that an update has started to change: data for the rollback and for the cleanup."""

    before: Record
    applied: dict[str, Any]  # the properties passed to its handler, including stack tags
    previous: dict[str, Any]
    called: bool = False  # its handler was called: it may have changed even if it failed
    provisioned: Provisioned | None = None
    retain: bool = False  # UpdateReplacePolicy keeps the predecessor

    @property
    def replaced(self) -> bool:
        """Whether there is a successor with another physical id, or a predecessor to delete."""
        made = self.provisioned
        return made is not None and (
            made.physical_id != self.before["PhysicalResourceId"] or bool(made.predecessors)
        )


@dataclass(eq=False, slots=True)
class Run:
    """An operation on a stack; nested stacks have separate runs with their parent's."""

    stack: Stack
    template: Template
    parameters: dict[str, Any]
    previous: dict[str, Any] | None = None  # the parts of the record before an update; None for a create
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    delete_on_failure: bool = False
    imports: dict[str, Any] = field(default_factory=dict)
    parent: "Run | None" = None
    earlier: "Run | None" = None  # for a root: the failed and kept operation that this one continues
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    own_failure: bool = False  # a resource failed by itself, not because the run was stopped
    reason: str = ""  # the reason for its failure, as in StackStatusReason
    cancelled: bool = False  # through CancelUpdateStack
    cancel_token: str = ""
    failed: dict[str, str] = field(default_factory=dict)  # logical id -> "create" or "update", in that order
    created: list[str] = field(default_factory=list)
    changes: dict[str, Change] = field(default_factory=dict)
    children: dict[str, "Run"] = field(default_factory=dict)  # updates of nested stacks, by logical id
    rolling_back: asyncio.Task[bool] | None = None
    reverted: set[str] = field(default_factory=set)  # resources that the rollback has restored
    leftovers: dict[str, Record] = field(default_factory=dict)  # resources that it still has to delete
    conditions: dict[str, Any] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conditions = engine._evaluate_conditions(self.template, self.parameters)
        self.order = engine._topological_sort(self.definitions, self.conditions)

    @property
    def definitions(self) -> dict[str, Any]:
        """The template's resources."""
        found: dict[str, Any] = self.template.get("Resources") or {}
        return found

    @property
    def resources(self) -> dict[str, Record]:
        """The records of the stack's resources."""
        found: dict[str, Record] = self.stack["_resources"]
        return found

    @property
    def previous_resources(self) -> dict[str, Record]:
        """The records of the stack's resources before an update, without those that were never complete."""
        records = (self.previous or {}).get("_resources") or {}
        return {name: found for name, found in records.items() if found["ResourceStatus"] != "CREATE_FAILED"}

    def is_invalid(self) -> bool:
        """Run MiniStack's validation before deployment, which adds its own events if it fails.

        It replaces what DescribeEvents has about the stack, and repeats the stack's events there.
        """
        earlier = self.stack.pop("_operation_events", [])
        invalid: bool = not self.stack.get("_disable_validation") and stacks._fail_property_validation(
            self.stack,
            self.stack["StackId"],
            self.stack["StackName"],
            self.definitions,
            self.order,
            self.parameters,
            self.conditions,
            self.template.get("Mappings") or {},
            self.disable_rollback,
            previous_stack=self.previous,
        )
        operation = events.current_operation(self.stack)
        found = [
            event | operation
            for event in self.stack.get("_operation_events", [])
            if event["EventType"] == "VALIDATION_ERROR"
        ]
        self.stack["_operation_events"] = [*earlier, *found]
        return invalid

    def is_read(self, logical_id: str) -> bool:
        """Return whether the template reads attributes of a resource, which then is not read otherwise."""
        return logical_id in attributes.names_in([self.definitions, self.template.get("Outputs")])

    def waits_for(self) -> dict[str, set[str]]:
        """Return the dependencies of every resource, which have to be complete before it."""
        return graph.dependencies(self.definitions, self.order)

    @property
    def was_stopped(self) -> bool:
        """Whether its parent's run or a delete stopped it."""
        return self.stop.is_set() and not self.own_failure

    def fails(self) -> None:
        """Record that a resource failed, and cancel the others unless DisableRollback keeps them."""
        self.own_failure = True
        if not self.disable_rollback:
            self.halt()

    def halt(self) -> None:
        """Stop this run and those of its nested stacks; resources in flight are canceled."""
        self.stop.set()
        for child in self.children.values():
            child.halt()

    def open_record(self, logical_id: str) -> Record:
        """Create the record of a resource whose creation starts."""
        record: Record = {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": "",
            "ResourceType": self.definitions[logical_id].get("Type", "AWS::CloudFormation::CustomResource"),
            "ResourceStatus": "CREATE_IN_PROGRESS",
            "Properties": {},
            "Attributes": {},
            "Timestamp": now_iso(),
        }
        self.resources[logical_id] = record
        self.created.append(logical_id)
        return record

    def report(self, record: Record, status: str, reason: str = "") -> None:
        """Set a resource's status."""
        events.resource_status(self.stack, record, status, reason)

    def resolved(self, logical_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a resource's resolved properties, and its dynamic references.

        Raises ValueError if a reference cannot be resolved.
        """
        definition = self.definitions[logical_id]
        attributes.require_readable(self.stack, definition.get("Properties"), self.resources)
        properties = engine._resolve_refs(
            copy.deepcopy(definition.get("Properties") or {}), *self._scope(), *self._names()
        )
        if isinstance(properties, dict):
            properties = {key: part for key, part in properties.items() if part is not engine._NO_VALUE}
        before = self.previous_resources.get(logical_id) or {}
        old = self.previous or {}
        resolved: tuple[dict[str, Any], dict[str, Any]] = engine._resolve_dynamic_references(
            properties,
            before.get("_dynamic"),
            reuse_ssm=self.previous is not None
            and self.template == old.get("_template")
            and self.parameters == old.get("_resolved_params"),
            reuse_secrets=bool(before)
            and (old.get("_template") or {}).get("Resources", {}).get(logical_id) == definition,
        )
        return resolved

    def attribute(self, logical_id: str, name: str) -> dict[str, Any]:
        """Return a resolved attribute of a resource other than its properties, such as CreationPolicy."""
        found = engine._resolve_refs(
            copy.deepcopy(self.definitions[logical_id].get(name) or {}), *self._scope(), *self._names()
        )
        return found if isinstance(found, dict) else {}

    def tagged(self, record: Record, properties: dict[str, Any], tags: list[Any]) -> dict[str, Any]:
        """Return a resource's properties with the stack's tags, as CloudFormation passes them to handlers."""
        found: dict[str, Any] = provisioners._with_stack_tags(
            record["ResourceType"], properties, tags, *self._names(), record["LogicalResourceId"]
        )
        return found

    def policy(self, logical_id: str, attribute: str) -> str:
        """Return DeletionPolicy or UpdateReplacePolicy of a resource in this run's template."""
        found: str = stacks._resource_policy(
            self.definitions.get(logical_id), attribute, *self._scope(), *self._names()
        )
        return found

    def outputs(self, surviving: dict[str, Record]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the resolved outputs and exports. Raises ValueError if one cannot be resolved."""
        for output in (self.template.get("Outputs") or {}).values():
            if self.conditions.get(output.get("Condition"), True):
                attributes.require_readable(self.stack, output.get("Value"), surviving)
        found: tuple[list[dict[str, Any]], dict[str, Any]] = stacks._resolve_stack_outputs(
            self.template.get("Outputs") or {},
            self.conditions,
            surviving,
            self.parameters,
            self.template.get("Mappings") or {},
            *self._names(),
        )
        return found

    def _scope(self) -> tuple[dict[str, Record], dict[str, Any], dict[str, Any], dict[str, Any]]:
        return self.resources, self.parameters, self.conditions, self.template.get("Mappings") or {}

    def _names(self) -> tuple[str, str]:
        return self.stack["StackName"], self.stack["StackId"]
