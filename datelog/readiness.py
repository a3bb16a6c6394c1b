"""Checks that writer and reader would serve a request, each within a second, on separate connections.

A process runs at most one probe of an endpoint at a time and reuses its result for a second, so frequent
calls of /readyz do not load the database.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final, cast

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from datelog import saved_times
from datelog.mysql.base import DatabaseWrapper
from datelog.mysql.driver import UNKNOWN_VARIABLE, error_number, is_refusal
from datelog.routers import READER, WRITER

log = logging.getLogger(__name__)

TIMEOUT: Final = 1.0  # seconds
_REUSE_FOR: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class EndpointState:
    """The result of a probe. An empty error means that the endpoint serves; no address, no driver message."""

    error: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        return not self.error

    def as_json(self) -> dict[str, object]:
        return {"ok": True, "ms": self.milliseconds} if self.ok else {"ok": False, "error": self.error}


def check() -> dict[str, EndpointState]:
    """Probe both endpoints concurrently and return their states."""
    until = time.monotonic() + TIMEOUT
    for probe in _probes.values():
        probe.start()
    return {name: probe.result(until) for name, probe in _probes.items()}


class _Probe:
    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._changed = threading.Condition()
        self._running = False
        self._state = EndpointState("not probed yet", 0)
        self._checked_at = float("-inf")

    def start(self) -> None:
        with self._changed:
            if self._running or time.monotonic() - self._checked_at < _REUSE_FOR:
                return
            self._running = True
        threading.Thread(target=self._run, name=f"readyz-{self._alias}", daemon=True).start()

    def result(self, until: float) -> EndpointState:
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, timeout=until - time.monotonic()):
                return EndpointState(f"no answer within {TIMEOUT:g} s", 0)
            return self._state

    def _run(self) -> None:
        began = time.monotonic()
        problem = "failed"
        try:
            problem = _problem_at(self._alias)
        finally:
            now = time.monotonic()
            with self._changed:
                self._state = EndpointState(problem, round((now - began) * 1000))
                self._checked_at = now
                self._running = False
                self._changed.notify_all()


def _problem_at(alias: str) -> str:
    connection = cast("DatabaseWrapper", connections[alias].copy())
    connection.settings_dict["OPTIONS"] |= {"connect_timeout": 1, "read_timeout": 1, "write_timeout": 1}
    try:
        try:
            _query(connection)
        except Error as error:
            if not is_refusal(error) or not connection.use_other_database():
                raise
            _query(connection)
        return "read-only" if alias == WRITER and _is_read_only(connection) else ""
    except Error as error:
        log.warning("The %s endpoint: %s", alias, error)
        return "can't be queried" if connection.connection is not None else "can't be connected to"
    finally:
        connection.close()


def _query(connection: DatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(saved_times.ANY_TIME)
        cursor.fetchall()


def _is_read_only(connection: BaseDatabaseWrapper) -> bool:
    try:
        with connection.cursor() as cursor:
            # Aurora's readers have innodb_read_only; after a failover the writer endpoint may lead to one.
            cursor.execute("SELECT @@read_only, @@innodb_read_only")
            return any(str(value) not in ("0", "OFF") for value in cursor.fetchone())
    except Error as error:
        if error_number(error) == UNKNOWN_VARIABLE:
            return False
        raise


_probes = {"writer": _Probe(WRITER), "reader": _Probe(READER)}
