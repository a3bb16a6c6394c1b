"""The final state of a deployment, from the root stack's status."""

from __future__ import annotations

from deployments.core.phases import Kind, State

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


def outcome(kind: Kind, root_status: str) -> State | None:
    """Return the final state of a deployment, None while the root stack's operation is in progress.

    Of all but a creation, only its own final statuses count: the stack has its previous final status for a
    moment after the request.
    """
    ends = {Kind.CREATE: _CREATE, Kind.UPDATE: _UPDATE, Kind.DELETE: _DELETE, Kind.ROLLBACK: _ROLLBACK}
    return ends[kind].get(root_status)
