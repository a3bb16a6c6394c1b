"""A client's connection to the embedded database: SQLite executes its statements in a separate thread."""

import asyncio
import datetime
import re
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mysql_mimic import Session, packets
from mysql_mimic.errors import MysqlError
from mysql_mimic.session import Query
from mysql_mimic.types import ServerStatus
from mysql_mimic.variables import SYSTEM_VARIABLES, GlobalVariables, SessionVariables
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sanso_sandbox.backends.databases.embedded import dialect

Result = TypeVar("Result")
Rows = tuple[list[Any], list[str]]

LOCK_WAIT = 50.0  # seconds that a statement waits for another connection's transaction; MySQL's default
# Clients use it to check whether their connection is encrypted.
CIPHER = re.compile(r"SHOW\s+(?:SESSION\s+|LOCAL\s+)?STATUS\s+LIKE\s+'Ssl_cipher'", re.IGNORECASE)
# Clients use these to distinguish a writer from a reader; both endpoints connect to the same server.
WRITABLE = {"read_only": (int, 0, False), "innodb_read_only": (int, 0, False)}
NO_DATABASE, UNKNOWN_DATABASE, INSECURE, DENIED = 1046, 1049, 3159, 1045

sqlite3.register_converter("DATETIME", lambda text: datetime.datetime.fromisoformat(text.decode()))
sqlite3.register_converter("TIMESTAMP", lambda text: datetime.datetime.fromisoformat(text.decode()))
sqlite3.register_converter("DATE", lambda text: datetime.date.fromisoformat(text.decode()))


class Cluster(Protocol):
    """The part of its cluster that a session uses."""

    secure_only: bool

    def databases(self) -> list[str]:
        """Return the databases."""

    def file(self, database: str) -> Path:
        """Return the path of a database."""

    def lock(self, name: str) -> threading.Lock:
        """Return the lock with this name for GET_LOCK."""

    def administer(self, statement: dialect.Administration, user: str) -> None:
        """Create, change or drop a user or a database. Raises MysqlError if that fails."""


class EmbeddedSession(Session):  # type: ignore[misc]  # mysql-mimic has no types
    """MySQL's session over SQLite: databases are attached files, transactions are SQLite's."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(SessionVariables(GlobalVariables({**SYSTEM_VARIABLES, **WRITABLE})))
        self.variables.set("version", "8.0.39-sanso-embedded", force=True)
        self._cluster = cluster
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-session")
        self._sqlite: sqlite3.Connection | None = None
        self._outcome: dict[str, int] = {}
        self._autocommit = True
        self._locks: list[str] = []
        own = (exp.Transaction, exp.Commit, exp.Rollback)
        self.middlewares.insert(0, self._transactions(own))

    async def init(self, connection: Any) -> None:
        """Open SQLite; add each statement's outcome to its OK packet."""
        await super().init(connection)
        await self._in_thread(self._open)

        self._report_status()

        def ok(**given: Any) -> bytes:
            fields = {**self._outcome, **given}
            answer: bytes = packets.make_ok(
                capabilities=connection.capabilities, status_flags=connection.status_flags, **fields
            )
            return answer

        connection.ok = ok

    async def close(self) -> None:
        """Roll back the open transaction and close SQLite."""
        self._thread.submit(self._let_go)  # not waited for: the connection may have been cut
        self._thread.shutdown(wait=False)
        await super().close()

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        """Run a statement; those about users and databases bypass the parser."""
        self._outcome = {}
        if self.username is None:
            raise MysqlError("Access denied", code=DENIED)
        if self._cluster.secure_only and not self._is_secure():
            raise MysqlError(
                "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
                code=INSECURE,
            )
        if re.fullmatch(CIPHER, sql.strip()):
            return [("Ssl_cipher", self.connection.stream.wire.cipher())], ["Variable_name", "Value"]
        statement = dialect.administration(sql)
        if statement is not None:
            await self._in_thread(self._commit)
            if statement.verb != "NONE":
                self._cluster.administer(statement, self.username)
            return None
        try:
            return await super().handle_query(sql, attrs)
        except SqlglotError as malformed:
            message = re.sub(r"\x1b\[\d+m", "", str(malformed)).partition("\n")[0]
            raise MysqlError(f"You have an error in your SQL syntax: {message}", code=1064) from malformed
        except dialect.Unsupported as unsupported:
            raise MysqlError(f"The embedded database cannot: {unsupported}", code=1235) from unsupported

    async def use(self, database: str) -> None:
        """Change the default database. Raises MysqlError if it does not exist."""
        if database not in self._cluster.databases() and database.lower() != "information_schema":
            raise MysqlError(f"Unknown database '{database}'", code=UNKNOWN_DATABASE)
        await super().use(database)

    async def query(self, expression: exp.Expression, sql: str, attrs: dict[str, str]) -> Any:
        """Run a statement about data."""
        return await self._in_thread(lambda: self._run(expression))

    async def schema(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return the tables and columns, for SHOW and INFORMATION_SCHEMA."""
        return await self._in_thread(self._schema)

    def _transactions(self, own: tuple[type, ...]) -> Callable[[Query], Coroutine[Any, Any, Any]]:
        async def transactions(query: Query) -> Any:
            if not isinstance(query.expression, own):
                return await query.next()
            if isinstance(query.expression, exp.Rollback):
                await self._in_thread(self._roll_back)
            else:
                await self._in_thread(self._commit)
            if isinstance(query.expression, exp.Transaction):
                await self._in_thread(lambda: self._execute("BEGIN"))
            return [], []

        return transactions

    def _set_variable(self, setitem: exp.SetItem) -> None:
        """Read the value of autocommit here, because mysql-mimic reads 0 as true."""
        super()._set_variable(setitem)
        if setitem.this.left.name.lower() == "autocommit":
            self._autocommit = setitem.this.right.sql("mysql").upper() not in ("0", "OFF", "'OFF'", "FALSE")
            self._report_status()

    async def _static_query_middleware(self, query: Query) -> Any:
        """Let SQLite evaluate functions that mysql-mimic does not support."""
        return await (
            query.next() if query.expression.find(exp.Anonymous) else super()._static_query_middleware(query)
        )

    def _is_secure(self) -> bool:
        return bool(self.connection.stream.wire.is_secure())

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._report_status()

    def _open(self) -> None:
        self._sqlite = sqlite3.connect(
            ":memory:",
            isolation_level=None,
            timeout=LOCK_WAIT,
            detect_types=sqlite3.PARSE_DECLTYPES,
            check_same_thread=False,
        )
        now = lambda *_precision: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())  # noqa: E731
        for name in ("NOW", "UTC_TIMESTAMP", "SYSDATE"):
            self._sqlite.create_function(name, -1, now)
        self._sqlite.create_function("CRC32", 1, _crc32)
        self._sqlite.create_function("GET_LOCK", 2, self._get_lock)
        self._sqlite.create_function("RELEASE_LOCK", 1, self._release_lock)
        self._sqlite.create_function("SLEEP", 1, _sleep)

    def _report_status(self) -> None:
        """Report in every response whether autocommit is on and whether a transaction is open."""
        flags = ServerStatus.SERVER_STATUS_AUTOCOMMIT if self._autocommit else ServerStatus(0)
        if self._sqlite is not None and self._sqlite.in_transaction:
            flags |= ServerStatus.SERVER_STATUS_IN_TRANS
        self.connection.status_flags = flags

    def _get_lock(self, name: str, seconds: float) -> int:
        if name in self._locks:
            return 1
        held = self._cluster.lock(name).acquire(timeout=max(seconds, 0) if seconds >= 0 else LOCK_WAIT)
        if held:
            self._locks.append(name)
        return int(held)

    def _release_lock(self, name: str) -> int | None:
        if name not in self._locks:
            return None
        self._locks.remove(name)
        self._cluster.lock(name).release()
        return 1

    def _let_go(self) -> None:
        for name in list(self._locks):
            self._release_lock(name)
        if self._sqlite is not None:
            self._sqlite.close()

    def _execute(self, statement: str) -> sqlite3.Cursor:
        assert self._sqlite is not None  # noqa: S101  (init comes first)
        try:
            return self._sqlite.execute(statement)
        except sqlite3.Error as refused:
            code, message = dialect.error(refused)
            raise MysqlError(message, code=code) from refused

    def _commit(self) -> None:
        if self._sqlite is not None and self._sqlite.in_transaction:
            self._execute("COMMIT")

    def _roll_back(self) -> None:
        if self._sqlite is not None and self._sqlite.in_transaction:
            self._execute("ROLLBACK")

    def _run(self, expression: exp.Expression) -> Any:
        self._attach(expression)
        writes = not isinstance(expression, exp.Select | exp.SetOperation)
        if dialect.changes_schema(expression):
            self._commit()
        elif writes and not self._autocommit:
            assert self._sqlite is not None  # noqa: S101
            if not self._sqlite.in_transaction:
                self._execute("BEGIN IMMEDIATE")
        cursor = None
        for statement in dialect.translate(expression, self.database):
            cursor = self._execute(statement)
        if cursor is None or cursor.description is None:
            rows, last = (cursor.rowcount, cursor.lastrowid) if cursor else (0, 0)
            inserted = isinstance(expression, exp.Insert)
            self._outcome = {"affected_rows": max(rows, 0), "last_insert_id": (last or 0) if inserted else 0}
            return None
        return cursor.fetchall(), [column[0] for column in cursor.description]

    def _attach(self, expression: exp.Expression) -> None:
        """Attach the databases that a statement uses. Raises MysqlError if one does not exist."""
        tables = list(expression.find_all(exp.Table))
        named = {table.args["db"].name for table in tables if table.args.get("db")}
        if any(not table.args.get("db") for table in tables):
            if not self.database and not isinstance(expression, exp.Select):
                raise MysqlError("No database selected", code=NO_DATABASE)
            named |= {self.database} if self.database else set()
        attached = {row[1] for row in self._execute("PRAGMA database_list").fetchall()}
        for name in named:
            if name not in self._cluster.databases():
                raise MysqlError(f"Unknown database '{name}'", code=UNKNOWN_DATABASE)
            if name not in attached:
                quoted = name.replace('"', '""')
                self._execute(f"ATTACH DATABASE '{self._cluster.file(name)}' AS \"{quoted}\"")
                self._execute(f'PRAGMA "{quoted}".journal_mode = WAL')

    def _schema(self) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = {}
        for database in self._cluster.databases():
            found[database] = {}
            with sqlite3.connect(self._cluster.file(database)) as other:
                tables = other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (table,) in tables:
                    if not table.startswith("sqlite_"):
                        columns = other.execute(f'PRAGMA table_info("{table}")').fetchall()
                        found[database][table] = {column[1]: column[2] for column in columns}
            other.close()
        return found


def _crc32(value: object) -> int | None:
    """https://dev.mysql.com/doc/refman/8.0/en/mathematical-functions.html#function_crc32"""
    return None if value is None else zlib.crc32(str(value).encode())


def _sleep(seconds: float) -> int:
    time.sleep(seconds)
    return 0
