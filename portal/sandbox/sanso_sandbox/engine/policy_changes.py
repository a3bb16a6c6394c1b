"""The policies of roles and users as other services see them: a change is replicated, which takes seconds.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

import functools
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from ministack.core import iam_evaluator
from ministack.services import iam

from sanso_sandbox.engine.registry import handler, here
from sanso_sandbox.engine.time_scale import Moment

UNSEEN: Final = 10.0
"""AWS's seconds until a change in IAM is seen; the documentation says "seconds to minutes"."""

T = TypeVar("T")
Policies: TypeAlias = tuple[list[Any], list[Any]]
"""The statements of the principal's own policies, and of its permissions boundary."""
Key: TypeAlias = tuple[str, str, str]
"""The account, "role" or "user", and the name."""

_TYPES: Final = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
_CHANGES: Final = ("Put", "Attach", "Detach", "Delete", "Create", "SetDefault")
_SUBJECTS: Final = ("Policy", "PolicyVersion", "PermissionsBoundary", "Role", "User")

_lock = threading.Lock()
_earlier: dict[Key, list[tuple[Moment, Policies]]] = {}  # what was there before each change, oldest first


def install() -> None:
    """Record changes of policies, by templates and by the API."""
    for resource_type in _TYPES:
        entry = handler(resource_type)
        for name in ("create", "update", "delete"):
            if name in entry:
                entry[name] = _recording(entry[name])
    for name, action in iam._IAM_HANDLERS.items():
        if name.startswith(_CHANGES) and name.endswith(_SUBJECTS):
            iam._IAM_HANDLERS[name] = _recording(action)


def reset(account: str | None) -> None:
    """Delete what is recorded of an account, or of all accounts."""
    with _lock:
        for key in [key for key in _earlier if account in (None, key[0])]:
            del _earlier[key]


def seen(account: str, kind: str, name: str) -> Policies:
    """Return the policies of a role or a user as services see them now."""
    key = (account, kind, name)
    with _lock:
        unseen = [one for one in _earlier.get(key, ()) if not one[0].is_past(UNSEEN)]
        if unseen:
            _earlier[key] = unseen
            return unseen[0][1]
        _earlier.pop(key, None)
    return current(*key)


def current(account: str, kind: str, name: str) -> Policies:
    """Return the policies of a role or a user as IAM itself has them now."""
    if kind == "user":
        store, own = iam._users, iam_evaluator._gather_user_policies(name, account)
    else:
        store, own = iam._roles, iam_evaluator._gather_role_policies(name, account)
    return own, iam_evaluator._permissions_boundary(store, name, account)


def _all() -> dict[Key, Policies]:
    """Return the policies of all roles and users of the current account."""
    account = here().account
    keys = [(account, "role", name) for name in iam._roles]
    keys += [(account, "user", name) for name in iam._users]
    return {key: current(*key) for key in keys}


def _recording(change: Callable[..., T]) -> Callable[..., T]:
    """Return a function that also records what it changes. New roles and users have no earlier policies."""

    @functools.wraps(change)  # its module too, which marks it as not blocking
    def recorded(*arguments: Any) -> T:
        before = _all()
        try:
            return change(*arguments)
        finally:
            after = _all()
            with _lock:
                for key, policies in before.items():
                    if key not in after:
                        _earlier.pop(key, None)
                    elif after[key] != policies:
                        _earlier.setdefault(key, []).append((Moment(), policies))

    return recorded
