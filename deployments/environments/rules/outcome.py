"""The final state of a deployment, from the root stack's status."""

from __future__ import annotations

from deployments.environments.rules.phases import Kind, State

STACK_GONE = "StackGone"
SANDBOX_RESTARTED = "SandboxRestarted"
WITHOUT_STACK = frozenset({STACK_GONE, SANDBOX_RESTARTED})
"""The error codes of deployments whose stack no longer existed before they ended."""
_CREATE = {
    "CREATE_COMPLETE": State.SUCCEEDED,
    "UPDATE_COMPLETE": State.SUCCEEDED,
    "ROLLBACK_COMPLETE": State.ROLLED_BACK,
    "UPDATE_ROLLBACK_COMPLETE": State.ROLLED_BACK,
    "CREATE_FAILED": State.FAILED,
    "ROLLBACK_FAILED": State.FAILED,
    "UPDATE_FAILED": State.FAILED,
    "UPDATE_ROLLBACK_FAILED": State.FAILED,
    "DELETE_COMPLETE": State.FAILED,
    "DELETE_FAILED": State.FAILED,
}
_UPDATE = {status: end for status, end in _CREATE.items() if not status.startswith(("CREATE", "ROLLBACK"))}
_DELETE = {"DELETE_COMPLETE": State.SUCCEEDED, "DELETE_FAILED": State.FAILED}
_ROLLBACK = {
    "ROLLBACK_COMPLETE": State.SUCCEEDED,
    "UPDATE_ROLLBACK_COMPLETE": State.SUCCEEDED,
    "ROLLBACK_FAILED": State.FAILED,
    "UPDATE_ROLLBACK_FAILED": State.FAILED,
    "DELETE_COMPLETE": State.FAILED,
    "DELETE_FAILED": State.FAILED,
}
# According to AWS's documentation, it deletes a stack without a complete state; in fact, it empties it.
_ROLLBACK_UPDATE = {status: end for status, end in _ROLLBACK.items() if not status.startswith("ROLLBACK")}
_ROLLBACK_CREATION = {
    "ROLLBACK_COMPLETE": State.SUCCEEDED,
    "ROLLBACK_FAILED": State.FAILED,
    "DELETE_COMPLETE": State.SUCCEEDED,
    "DELETE_FAILED": State.FAILED,
}
_ENDS = {
    Kind.CREATE: _CREATE,
    Kind.UPDATE: _UPDATE,
    Kind.DELETE: _DELETE,
    Kind.ROLLBACK: _ROLLBACK,
    Kind.ROLLBACK_UPDATE: _ROLLBACK_UPDATE,
    Kind.ROLLBACK_CREATION: _ROLLBACK_CREATION,
}
_CANCELED_CREATE = {"DELETE_COMPLETE": State.CANCELED, "DELETE_FAILED": State.FAILED}


def outcome(kind: Kind, root_status: str, *, is_canceled: bool = False) -> State | None:
    """Return the final state of a deployment; None while the root stack's operation is in progress.

    Except for creations, only final statuses of the deployment's own operation count: right after the
    request, the stack still has its previous final status. The same applies to a canceled creation, whose
    stack is deleted.
    """
    if is_canceled and kind is Kind.CREATE:
        return _CANCELED_CREATE.get(root_status)
    return _ENDS[kind].get(root_status)
