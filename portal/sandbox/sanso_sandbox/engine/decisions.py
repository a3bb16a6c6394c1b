"""The requested actions, their callers and the decisions: the data of a report about roles."""

import threading
from collections import Counter
from typing import Any, Final

_lock = threading.Lock()
# (account, principal, action, allowed) -> number of decisions. A principal is user/NAME or role/NAME.
_counted: Final[Counter[tuple[str, str, str, bool]]] = Counter()


def note(account: str, principal: str, action: str, allowed: bool) -> None:
    """Record a decision."""
    with _lock:
        _counted[account, principal, action, allowed] += 1


def read(account: str | None = None) -> list[dict[str, Any]]:
    """Return the decisions about an account's principals, or about all."""
    with _lock:
        found = sorted(item for item in _counted.items() if account in (None, item[0][0]))
    return [
        {"account": key[0], "principal": key[1], "action": key[2], "allowed": key[3], "count": count}
        for key, count in found
    ]
