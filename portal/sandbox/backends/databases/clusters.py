"""The running databases by cluster: started with the cluster, stopped with it."""

import contextlib
import logging
import os
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path

from portal.sandbox.backends.databases.endpoints import Endpoint
from portal.sandbox.engine.registry import Scope
from portal.sandbox.protocols.databases import Database
from portal.sandbox.supervision.programs import program

logger = logging.getLogger(__name__)

Key = tuple[Scope, str]


_lock = threading.Lock()
_servers: dict[Key, Database] = {}


@cache
def kind() -> str:
    """Tell "mariadb" or "embedded": SANSO_SANDBOX_DATABASE decides, or what is on PATH."""
    wanted = os.environ.get("SANSO_SANDBOX_DATABASE", "auto")
    if wanted not in ("auto", "mariadb", "embedded"):
        raise ValueError(f"SANSO_SANDBOX_DATABASE is auto, mariadb or embedded and not {wanted!r}")
    if wanted != "auto":
        return wanted
    return "mariadb" if program("mariadbd") and program("mariadb-install-db") else "embedded"


@cache
def folder() -> Path:
    """Make and tell the folder that holds the data of every database."""
    # In the temporary folder, which goes with the process: MiniStack's records do not outlive it either.
    return Path(tempfile.mkdtemp(prefix="databases-"))


def prepare() -> None:
    """Lay down MariaDB's system tables in the background, which a first cluster would take a second for."""
    if kind() == "mariadb":
        from portal.sandbox.backends.databases import mariadb

        threading.Thread(
            target=mariadb.template, args=(folder(),), name="mariadb-template", daemon=True
        ).start()


def start(
    cluster: Key,
    *,
    port: int,
    user: str,
    password: str,
    database: str,
    parameters: dict[str, str] | None = None,
) -> Endpoint:
    """Start a cluster's database and wait until it answers, about a second.

    Args:
        port: the port the template asks for, which is the one it gets wherever 127.0.0.0/8 can be bound.
        database: created empty unless the name is empty.
        parameters: of the DB cluster parameter group.

    Raises OSError with the tail of the server's log when it does not start.
    """
    from portal.sandbox.backends.databases import aurora
    from portal.sandbox.backends.databases.embedded import cluster as embedded

    server_class = aurora.Aurora if kind() == "mariadb" else embedded.Alone
    server: Database = server_class(
        folder(), port=port, user=user, password=password, database=database, parameters=parameters or {}
    )
    with _lock:
        previous = _servers.pop(cluster, None)
        _servers[cluster] = server
    if previous is not None:
        previous.stop()
    return server.endpoint


def get(cluster: Key) -> Database | None:
    """Find a cluster's running database."""
    with _lock:
        return _servers.get(cluster)


def listed(account: str | None) -> list[tuple[Key, Database]]:
    """List the databases of an account, or all."""
    with _lock:
        return [(key, server) for key, server in _servers.items() if account in (None, key[0].account)]


def stop(cluster: Key) -> None:
    """Stop a cluster's database; nothing happens when it has none."""
    with _lock:
        server = _servers.pop(cluster, None)
    if server is not None:
        server.stop()


def stop_all(account: str | None) -> None:
    """Stop the databases of an account, or all."""
    for key, _server in listed(account):
        stop(key)


def close() -> None:
    """Stop every database and remove what is kept for the next one."""
    stop_all(None)
    if kind() == "mariadb":
        from portal.sandbox.backends.databases import mariadb, relays

        with contextlib.suppress(OSError):
            mariadb.template(folder())  # it may be being laid down right now
        relays.stop()
    shutil.rmtree(folder(), ignore_errors=True)
    folder.cache_clear()
