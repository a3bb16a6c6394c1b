"""The operations that CloudFormation accepts in each status of a root stack, and why not the others.

Buttons, actions and tests use this table. Its sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html and the API pages of
UpdateStack, CancelUpdateStack, RollbackStack, ContinueUpdateRollback and DeleteStack.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from deployments.common.errors import Message
from deployments.common.message_codes import Code

EXPRESS = "EXPRESS"
"""The mode of DeploymentConfig in which a stack is complete before its resources are.

RollbackStack is refused for a stack whose last operation had it, and an update needs the same mode:
https://github.com/aws/aws-cdk-cli/issues/1739. Sanso itself deploys in the standard mode.
"""


class Operation(StrEnum):
    """What an operator can request for a stack.

    `RETRY` continues after a failure, with other values or templates if needed. `ROLL_BACK` returns from a
    failure to the last complete state (RollbackStack); going back to an earlier deployment is a `CHANGE`.
    """

    CHANGE = "change"
    RETRY = "retry"
    CANCEL = "cancel"
    ROLL_BACK = "roll_back"
    CONTINUE = "continue"
    DELETE = "delete"
    FORCE_DELETE = "force_delete"


_COLUMNS = (
    Operation.CHANGE,
    Operation.RETRY,
    Operation.CANCEL,
    Operation.ROLL_BACK,
    Operation.CONTINUE,
    Operation.DELETE,
    Operation.FORCE_DELETE,
)
_YES = None
_BUSY, _EMPTY, _REVIEW = Code.STACK_BUSY, Code.STACK_ROLLED_BACK_EMPTY, Code.STACK_IN_REVIEW
_GONE, _DELETING = Code.STACK_ALREADY_DELETED, Code.STACK_BEING_DELETED
_STOPPED, _CONTINUE = Code.STACK_STOPPED_AT_FAILURE, Code.STACK_ROLLBACK_TO_CONTINUE
_HALF_DELETED, _IMPORT = Code.STACK_PARTLY_DELETED, Code.STACK_IMPORT_ROLLBACK_FAILED
_NO_RETRY, _NO_CANCEL = Code.NOTHING_TO_RETRY, Code.NOTHING_TO_CANCEL
_NO_ROLLBACK, _NO_CONTINUE = Code.NOTHING_TO_ROLL_BACK, Code.NOTHING_TO_CONTINUE
_NO_FORCE, _IN_UPDATE = Code.FORCE_AFTER_FAILED_DELETION, Code.STACK_NOT_DELETED_DURING_UPDATE

_Row = tuple[Code | None, ...]
_COMPLETE: _Row = (_YES, _NO_RETRY, _NO_CANCEL, _NO_ROLLBACK, _NO_CONTINUE, _YES, _NO_FORCE)
_ROLLED_BACK: _Row = (_EMPTY, _EMPTY, _NO_CANCEL, _EMPTY, _NO_CONTINUE, _YES, _NO_FORCE)
_FAILED: _Row = (_STOPPED, _YES, _NO_CANCEL, _YES, _NO_CONTINUE, _YES, _NO_FORCE)
_UPDATE_ROLLBACK: _Row = (
    _BUSY, _BUSY, Code.ROLLBACK_NOT_CANCELED, _BUSY, _BUSY, Code.STACK_NOT_DELETED_DURING_ROLLBACK, _NO_FORCE,
)  # fmt: skip
_IMPORTING: _Row = (_BUSY, _BUSY, Code.IMPORT_NOT_CANCELED, _BUSY, _BUSY, _BUSY, _NO_FORCE)

_TABLE: Mapping[str, _Row] = {  # the columns of each row are _COLUMNS
    "REVIEW_IN_PROGRESS": (_REVIEW, _REVIEW, _REVIEW, _REVIEW, _NO_CONTINUE, _YES, _NO_FORCE),
    "CREATE_IN_PROGRESS": (_BUSY, _BUSY, _YES, _BUSY, _BUSY, _YES, _NO_FORCE),
    "CREATE_FAILED": _FAILED,
    "CREATE_COMPLETE": _COMPLETE,
    "ROLLBACK_IN_PROGRESS": (_BUSY, _BUSY, Code.ROLLBACK_NOT_CANCELED, _BUSY, _BUSY, _YES, _NO_FORCE),
    "ROLLBACK_FAILED": _ROLLED_BACK,
    "ROLLBACK_COMPLETE": _ROLLED_BACK,
    "UPDATE_IN_PROGRESS": (_BUSY, _BUSY, _YES, _BUSY, _BUSY, _IN_UPDATE, _NO_FORCE),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": (
        _BUSY, _BUSY, Code.CLEANUP_NOT_CANCELED, _BUSY, _BUSY, Code.STACK_NOT_DELETED_DURING_CLEANUP,
        _NO_FORCE,
    ),
    "UPDATE_COMPLETE": _COMPLETE,
    "UPDATE_FAILED": _FAILED,
    "UPDATE_ROLLBACK_IN_PROGRESS": _UPDATE_ROLLBACK,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _UPDATE_ROLLBACK,
    "UPDATE_ROLLBACK_COMPLETE": _COMPLETE,
    "UPDATE_ROLLBACK_FAILED": (_CONTINUE, _CONTINUE, _NO_CANCEL, _CONTINUE, _YES, _YES, _NO_FORCE),
    "DELETE_IN_PROGRESS": (
        _DELETING, _DELETING, Code.DELETION_NOT_CANCELED, _DELETING, _DELETING, _DELETING, _DELETING,
    ),
    "DELETE_FAILED": (
        _HALF_DELETED, _HALF_DELETED, _NO_CANCEL, _HALF_DELETED, _NO_CONTINUE, _YES, _YES,
    ),
    "DELETE_COMPLETE": (_GONE, _GONE, _GONE, _GONE, _GONE, _GONE, _GONE),
    "IMPORT_IN_PROGRESS": _IMPORTING,
    "IMPORT_COMPLETE": _COMPLETE,
    "IMPORT_ROLLBACK_IN_PROGRESS": _IMPORTING,
    "IMPORT_ROLLBACK_COMPLETE": _COMPLETE,
    # No API continues the rollback of an import; AWS documents only deletion.
    "IMPORT_ROLLBACK_FAILED": (_IMPORT, _IMPORT, _NO_CANCEL, _IMPORT, _NO_CONTINUE, _YES, _NO_FORCE),
}  # fmt: skip


def refusal(status: str, operation: Operation, mode: str = "") -> Message | None:
    """Return why CloudFormation does not accept an operation in a status of the stack; None if it does.

    `status` is a StackStatus, "" for an environment that never had a stack. No operation is accepted in an
    unknown status. `mode` is that of the stack's DeploymentConfig, "" if it has none.
    """
    row = _TABLE.get(status)
    if row is not None:
        code = row[_COLUMNS.index(operation)]
    else:
        code = Code.STACK_STATUS_UNKNOWN if status else Code.STACK_NEVER_CREATED
    if code is None and operation is Operation.ROLL_BACK and mode == EXPRESS:
        code = Code.EXPRESS_NOT_ROLLED_BACK
    if code is None:
        return None
    return Message(code, {"status": status} if code in _WITH_STATUS else {})


def is_allowed(status: str, operation: Operation, mode: str = "") -> bool:
    """Return whether CloudFormation accepts an operation in a status of the stack, as `refusal` says."""
    return refusal(status, operation, mode) is None


_WITH_STATUS = frozenset({Code.STACK_BUSY, Code.STACK_STATUS_UNKNOWN})
