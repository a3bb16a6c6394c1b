"""The running databases by cluster, started and stopped with their clusters."""

import threading

from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.databases import Database, DatabaseSettings, Endpoint

Key = tuple[Scope, str]

_lock = threading.Lock()
_running: dict[Key, Database] = {}


def start(cluster: Key, settings: DatabaseSettings) -> Endpoint:
    """Start a cluster's database, wait until it responds, and return its endpoint. Raises OSError."""
    database = in_use.databases().start(settings)
    with _lock:
        previous = _running.pop(cluster, None)
        _running[cluster] = database
    if previous is not None:
        previous.stop()
    return database.endpoint


def get(cluster: Key) -> Database | None:
    """Return a cluster's running database, None without one."""
    with _lock:
        return _running.get(cluster)


def of_account(account: str | None) -> list[tuple[Key, Database]]:
    """Return the databases of an account, or all databases."""
    with _lock:
        return [(key, database) for key, database in _running.items() if account in (None, key[0].account)]


def stop(cluster: Key) -> None:
    """Stop a cluster's database, if it has one."""
    with _lock:
        database = _running.pop(cluster, None)
    if database is not None:
        database.stop()


def stop_all(account: str | None) -> None:
    """Stop the databases of an account, or all databases."""
    for key, _database in of_account(account):
        stop(key)
