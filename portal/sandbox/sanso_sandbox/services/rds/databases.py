"""The running databases by cluster, started and stopped with their clusters, and the data of snapshots."""

import threading

from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.databases import CannotCopy, Database, DatabaseSettings, DataCopy, Endpoint

Key = tuple[Scope, str]

_lock = threading.Lock()
_running: dict[Key, Database] = {}
_copies: dict[Key, DataCopy] = {}  # by snapshot


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
    """Stop the databases of an account, or all databases, and delete the data of their snapshots."""
    for key, _database in of_account(account):
        stop(key)
    with _lock:
        snapshots = [key for key in _copies if account in (None, key[0].account)]
    for key in snapshots:
        forget(key)


def keep(snapshot: Key, cluster: Key) -> None:
    """Copy a cluster's data for a snapshot, if its database can be copied. Raises OSError."""
    database = get(cluster)
    if database is None:
        return
    try:
        copy = database.copy()
    except CannotCopy:
        return
    with _lock:
        _copies[snapshot] = copy


def kept(snapshot: Key) -> DataCopy | None:
    """Return the data of a snapshot; None if only its record exists."""
    with _lock:
        return _copies.get(snapshot)


def forget(snapshot: Key) -> None:
    """Delete the data of a snapshot."""
    with _lock:
        copy = _copies.pop(snapshot, None)
    if copy is not None:
        copy.remove()
