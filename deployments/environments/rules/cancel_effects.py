"""The effect of canceling a deployment in its current phase, or why it cannot be canceled."""

from __future__ import annotations

from enum import StrEnum

from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.status import IN_REVIEW, is_being_deleted, is_final
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.phases import (
    AFTER_STACKS,
    BEFORE_STACKS,
    ROLLBACKS,
    TERMINAL,
    WAITS,
    Kind,
    State,
)


class CancelEffect(StrEnum):
    """What is done when a deployment is canceled."""

    DISCARD = "discard"  # a change before its stacks: its change set is deleted
    END = "end"  # a creation before its stacks: nothing was created
    DELETE = "delete"  # a creation in its stacks: DeleteStack of the root stack
    ROLL_BACK = "roll_back"  # an update in its stacks: CancelUpdateStack
    STOP_RELEASE = "stop_release"  # a release to servers: no further server is changed
    STOP_WAITING = "stop_waiting"  # after the stacks: the stack stays
    LEAVE_UNPROTECTED = "leave_unprotected"  # ready: deletion protection is not waited for


def cancel_effect(kind: Kind, state: State, root_status: str) -> CancelEffect | Message:
    """Return the effect of canceling, or why it is not possible.

    `root_status` is the status of the root stack in this deployment, "" before its operation has begun.
    """
    if state in TERMINAL:
        return Message(Code.CANCEL_AFTER_END)
    if kind is not Kind.CREATE and state in WAITS - {State.QUEUED}:  # also a deletion to be approved
        return CancelEffect.DISCARD
    if kind is Kind.DELETE:
        return Message(Code.DELETION_NOT_CANCELED)
    if state in AFTER_STACKS:
        return CancelEffect.STOP_WAITING
    if kind in ROLLBACKS:
        return Message(Code.ROLLBACK_NOT_CANCELED)
    if state in BEFORE_STACKS:
        return CancelEffect.DISCARD if kind is Kind.UPDATE else CancelEffect.END
    if state is State.SERVERS:
        return CancelEffect.STOP_RELEASE
    if state is State.PROTECT:
        return CancelEffect.LEAVE_UNPROTECTED
    return _in_stacks(kind, root_status)


def refusal_of_request(why: Message) -> Message:
    """Return the refusal of a request for cancellation; `why` says it to those who have not requested one."""
    return Message(Code.CANCEL_TOO_LATE, why.params) if why.code == Code.STACKS_ENDED else why


def _in_stacks(kind: Kind, status: str) -> CancelEffect | Message:
    effect = CancelEffect.ROLL_BACK if kind is Kind.UPDATE else CancelEffect.DELETE
    if status in ("", IN_REVIEW):
        return effect
    if is_being_deleted(status):
        return Message(Code.DELETION_NOT_CANCELED)
    if is_final(status):
        return Message(Code.STACKS_ENDED, {"status": status})
    return refusal(status, Operation.CANCEL) or effect
