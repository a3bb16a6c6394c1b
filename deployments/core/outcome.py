"""How a deployment ends, told from the root stack's status."""

from __future__ import annotations

from deployments.core.phases import Kind, State

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
_UPDATE = {word: end for word, end in _CREATE.items() if not word.startswith(("CREATE", "ROLLBACK"))}
_DELETE = {"DELETE_COMPLETE": State.SUCCEEDED, "DELETE_FAILED": State.FAILED}


def outcome(kind: Kind, root_status: str) -> State | None:
    """Return the state that a deployment ends in, or None while the root stack still moves.

    A delete or an update goes on through every status but its own ends: the stack keeps its old final
    status for a moment after it was asked for.
    """
    return {Kind.CREATE: _CREATE, Kind.UPDATE: _UPDATE, Kind.DELETE: _DELETE}[kind].get(root_status)
