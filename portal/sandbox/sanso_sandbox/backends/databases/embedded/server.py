"""The database of machines without MariaDB: MySQL's protocol with TLS in this process, over SQLite.

It supports the usual statements of applications: tables, indexes, rows, transactions, users with passwords.
Privileges are not enforced. Statements that SQLite cannot express fail with MySQL's error 1235.
"""

import asyncio
import contextlib
import logging
import secrets
import shutil
import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from mysql_mimic import IdentityProvider, MysqlServer, NativePasswordAuthPlugin, User
from mysql_mimic.connection import Connection
from mysql_mimic.errors import MysqlError
from mysql_mimic.types import ServerStatus

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.databases.embedded.dialect import Administration
from sanso_sandbox.backends.databases.embedded.sessions import EmbeddedSession
from sanso_sandbox.backends.databases.embedded.wire import Stream, Wire
from sanso_sandbox.backends.databases.endpoints import choose
from sanso_sandbox.protocols.databases import Address, DatabaseSettings, Endpoint, Origin
from sanso_sandbox.supervision import connecting

Result = TypeVar("Result")

TRIES = 3
STOP = 5.0  # seconds
AGAIN = 0.2  # seconds until a client that is not admitted is decided about again
DATABASE_EXISTS, NO_DATABASE, CANNOT_CREATE = 1007, 1008, 1396

_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


class Server:
    """A running embedded database. Raises OSError if no address is free."""

    endpoint: Endpoint

    def __init__(self, base: Path, settings: DatabaseSettings) -> None:
        self.secure_only = settings.parameters.get("require_secure_transport", "").upper() in ("ON", "1")
        self._folder = base / secrets.token_hex(6)
        self._folder.mkdir()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self.kept_out: Mapping[str, frozenset[Origin]] = {}  # by the address of this server
        self._users = _Users()
        self._users.set(settings.user, settings.password)
        if settings.database:
            self.file(settings.database).touch()
        for attempt in range(1, TRIES + 1):
            self.endpoint = choose(settings.port)
            try:
                self._server = _run(self._listen())
            except OSError:
                if attempt == TRIES:
                    raise
            else:
                return

    async def _listen(self) -> "_Listener":
        server = _Listener(
            admits=self._admits,
            session_factory=lambda: EmbeddedSession(self),
            identity_provider=self._users,
            ssl=_encryption(self._folder, self.endpoint),
        )
        addresses = list(dict.fromkeys((self.endpoint.writer, self.endpoint.reader)))
        await server.start_server(host=addresses, port=self.endpoint.port)
        return server

    def _admits(self, client: Address, own: Address) -> bool:
        origins = self.kept_out.get(own[0], frozenset())
        groups = [origin for origin in origins if isinstance(origin, int)]
        return client[0] not in origins and not connecting.opened_by(groups, client, own)

    def databases(self) -> list[str]:
        """Return the databases, each of which is a separate file."""
        return [path.stem for path in self._folder.glob("*.sqlite")]

    def file(self, database: str) -> Path:
        """Return the path of a database."""
        return self._folder / f"{quote(database, safe='')}.sqlite"

    def lock(self, name: str) -> threading.Lock:
        """Return the lock with this name for GET_LOCK."""
        return self._locks[name]

    def administer(self, statement: Administration, user: str) -> None:
        """Execute a statement about users and databases. Raises MysqlError with MySQL's message."""
        if statement.about == "USER":
            self._users.administer(statement, user)
            return
        path = self.file(statement.name)
        if statement.verb == "CREATE":
            if path.exists() and not statement.lenient:
                raise MysqlError(
                    f"Can't create database '{statement.name}'; database exists", code=DATABASE_EXISTS
                )
            path.touch()
        elif path.exists():
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink()
        elif not statement.lenient:
            raise MysqlError(
                f"Can't drop database '{statement.name}'; database doesn't exist", code=NO_DATABASE
            )

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password."""
        self._users.set(user, password)

    def connections(self, host: str) -> int:
        """Return the number of clients that are connected to one of the addresses."""
        return self._server.connections[host]

    def stop(self) -> None:
        """Stop listening, cut open connections, and remove the data."""

        async def close() -> None:
            self._server.close()
            for connection in list(self._server.control._connections.values()):
                connection.kill()

        _run(close())
        shutil.rmtree(self._folder, ignore_errors=True)


class _Listener(MysqlServer):  # type: ignore[misc]  # mysql-mimic has no types
    """Serves each client over our own Wire, and reports autocommit from the start.

    A client that is not admitted gets no response until it is.
    """

    def __init__(self, *, admits: Callable[[Address, Address], bool], **settings: Any) -> None:
        super().__init__(**settings)
        self._admits = admits
        self.connections: Counter[str] = Counter()  # by the address of this server

    async def _client_connected_cb(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        while not self._admits(*ends):
            await asyncio.sleep(AGAIN)
            if reader.at_eof() or writer.is_closing():
                writer.close()
                return
        wire = Wire(reader, writer)
        connection = Connection(
            stream=Stream(wire),
            session=self.session_factory(),
            control=self.control,
            server_capabilities=self.capabilities,
            identity_provider=self.identity_provider,
            ssl=self.ssl,
        )
        connection.status_flags = ServerStatus.SERVER_STATUS_AUTOCOMMIT
        connection.connection_id = await self.control.add(connection)
        self.connections[ends[1][0]] += 1
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await connection.start()
        finally:
            self.connections[ends[1][0]] -= 1
            wire.close()
            await self.control.remove(connection.connection_id)


class _Users(IdentityProvider):  # type: ignore[misc]  # mysql-mimic has no types
    """Users by name and password, regardless of their hosts."""

    def __init__(self) -> None:
        self._passwords: dict[str, str] = {}

    def set(self, name: str, password: str) -> None:
        self._passwords[name] = NativePasswordAuthPlugin.create_auth_string(password) if password else ""

    def administer(self, statement: Administration, user: str) -> None:
        """Create, change or drop a user. Raises MysqlError if the user exists already, or does not exist."""
        name = statement.name or user
        if (name in self._passwords) == (statement.verb == "CREATE"):
            if not statement.lenient:
                raise MysqlError(
                    f"Operation {statement.verb} USER failed for '{name}'@'%'", code=CANNOT_CREATE
                )
            return
        if statement.verb == "DROP":
            del self._passwords[name]
        elif statement.verb == "CREATE" or statement.password is not None:
            self.set(name, statement.password or "")

    def get_plugins(self) -> list[NativePasswordAuthPlugin]:
        """Return the plugin that every client supports."""
        return [NativePasswordAuthPlugin()]

    async def get_user(self, username: str) -> User | None:
        """Return a user; an unknown user gets a random password, with which no login succeeds."""
        known = self._passwords.get(username)
        secret = (
            NativePasswordAuthPlugin.create_auth_string(secrets.token_hex(16)) if known is None else known
        )
        return User(name=username, auth_string=secret, auth_plugin="mysql_native_password")


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the thread that serves all embedded databases; start the thread if necessary."""
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="embedded-databases", daemon=True).start()
    return asyncio.run_coroutine_threadsafe(work, _loop).result(STOP)


def _encryption(folder: Path, endpoint: Endpoint) -> ssl.SSLContext:
    """Return a TLS context with a certificate for the two addresses."""
    path = folder / "server.pem"
    path.touch(mode=0o600)
    addresses = [endpoint.writer, endpoint.reader]
    path.write_bytes(b"".join(certificates.authority().issue(addresses, "Sanso embedded database")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


# mysql-mimic logs every error that it returns, and sqlglot logs imprecise translations; both are expected.
for _name in ("mysql_mimic", "sqlglot"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
