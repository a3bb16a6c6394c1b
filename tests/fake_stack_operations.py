"""Canceling, continuing, rolling back and deleting stacks in memory, for FakeAws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from deployments.aws.validation_events import FailedEvent, ValidationFinding
from deployments.common.errors import AwsRejected

if TYPE_CHECKING:
    from tests.fakes import FakeStack

Act = tuple[str, str, str, str]


def _rollback(reason: str = "User Initiated") -> list[Act]:
    return [
        ("", "", "UPDATE_ROLLBACK_IN_PROGRESS", reason),
        ("", "Topic", "UPDATE_IN_PROGRESS", ""),
        ("", "Topic", "UPDATE_COMPLETE", ""),
        ("", "", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("", "", "UPDATE_ROLLBACK_COMPLETE", ""),
    ]


class FakeStackOperations:
    """The calls of StackOperations; each replaces the remaining acts of its stack."""

    stacks: dict[str, FakeStack]
    tokens: set[str]
    _acts: list[Act]
    _call: Callable[[str], None]
    _done: Callable[[str], None]
    _makes: Callable[[str], list[Act]]

    def __init__(self) -> None:
        self.rollback_acts = _rollback()
        self.emptying_acts: list[Act] = [
            ("", "", "ROLLBACK_IN_PROGRESS", "User Initiated"),
            ("", "", "ROLLBACK_COMPLETE", ""),
        ]
        self.skipped: list[tuple[str, ...]] = []  # of each ContinueUpdateRollback
        self.retained: list[tuple[str, ...]] = []  # of each deletion of a stack in DELETE_FAILED
        self.forced: list[str] = []
        self.templates: dict[str, str] = {}  # by stack id
        self.findings: dict[str, list[ValidationFinding]] = {}  # of validation, by path of the stack
        self.failed_events: dict[str, list[FailedEvent]] = {}  # of operations, by path of the stack

    def cancel_update(self, stack_id: str, token: str) -> None:
        self._started("CancelUpdateStack", stack_id, token, ("UPDATE_IN_PROGRESS",), self.rollback_acts)

    def continue_update_rollback(
        self, stack_id: str, token: str, skip: Sequence[str] = (), role_arn: str = ""
    ) -> None:
        states = ("UPDATE_ROLLBACK_FAILED",)
        if self._started("ContinueUpdateRollback", stack_id, token, states, self.rollback_acts):
            self.skipped.append(tuple(skip))

    def rollback_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        stack = self.stacks[stack_id]
        acts = self.rollback_acts if stack.status == "UPDATE_FAILED" else self.emptying_acts
        self._started("RollbackStack", stack_id, token, ("CREATE_FAILED", "UPDATE_FAILED"), acts)

    def delete_failed_stack(
        self,
        stack_id: str,
        token: str,
        *,
        retain: Sequence[str] = (),
        force: bool = False,
        role_arn: str = "",
    ) -> None:
        if self._started("DeleteStack", stack_id, token, ("DELETE_FAILED",), self._makes("DELETE")):
            self.retained.append(tuple(retain))
            self.forced += [stack_id] if force else []

    def template_body(self, stack_id: str) -> str:
        self._call("cloudformation:GetTemplate")
        return self.templates.get(stack_id, "")

    def failed_in_rollback(self, stack_id: str) -> frozenset[str]:
        self._call("cloudformation:DescribeStackEvents")
        failed: set[str] = set()
        of_rollback: set[str] = set()
        for event in reversed(self.stacks[stack_id].events):
            if not event.is_of_the_stack and event.status == "UPDATE_FAILED":
                failed.add(event.logical_id)
            if event.is_of_the_stack and event.status == "UPDATE_ROLLBACK_IN_PROGRESS":
                of_rollback = set(failed)
            if event.is_of_the_stack and event.status == "UPDATE_IN_PROGRESS":
                break
        return frozenset(of_rollback)

    def _started(
        self, action: str, stack_id: str, token: str, states: tuple[str, ...], acts: list[Act]
    ) -> bool:
        """Start acts of a stack in one of the states; return False if the same call was made before."""
        operation = f"cloudformation:{action}"
        self._call(operation)
        is_new = token not in self.tokens
        if is_new:
            if self.stacks[stack_id].status not in states:
                text = f"{action} cannot be called from current stack status"
                raise AwsRejected("ValidationError", text, operation)
            self.tokens.add(token)
            self._acts = list(acts)
        self._done(operation)
        return is_new
