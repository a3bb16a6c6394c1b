"""Asks writer and reader whether they would serve a visitor now, each within a second, on own connections.

At most one probe of an endpoint runs at a time in a process, and its answer is good for a second: whoever
asks more often than that can't load the database by it.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from datelog import saved_times
from datelog.mysql.driver import UNKNOWN_VARIABLE, error_number
from datelog.routers import READER, WRITER

log = logging.getLogger(__name__)

LIMIT: Final = 1.0
_GOOD_FOR: Final = 1.0


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What was found at an endpoint: an empty fault means it serves. No addresses, no driver's words."""

    fault: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        return not self.fault

    def as_json(self) -> dict[str, object]:
        return {"ok": True, "ms": self.milliseconds} if self.ok else {"ok": False, "error": self.fault}


def look() -> dict[str, EndpointState]:
    """Probe both endpoints at once."""
    until = time.monotonic() + LIMIT
    for probe in _probes.values():
        probe.start()
    return {name: probe.result(until) for name, probe in _probes.items()}


class _Probe:
    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._changed = threading.Condition()
        self._running = False
        self._state = EndpointState("not probed yet", 0)
        self._found_at = float("-inf")

    def start(self) -> None:
        with self._changed:
            if self._running or time.monotonic() - self._found_at < _GOOD_FOR:
                return
            self._running = True
        threading.Thread(target=self._run, name=f"readyz-{self._alias}", daemon=True).start()

    def result(self, until: float) -> EndpointState:
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, timeout=until - time.monotonic()):
                return EndpointState(f"no answer within {LIMIT:g} s", 0)
            return self._state

    def _run(self) -> None:
        began = time.monotonic()
        fault = "failed"
        try:
            fault = _fault_of(self._alias)
        finally:
            now = time.monotonic()
            with self._changed:
                self._state = EndpointState(fault, round((now - began) * 1000))
                self._found_at = now
                self._running = False
                self._changed.notify_all()


def _fault_of(alias: str) -> str:
    connection = connections[alias].copy()
    connection.settings_dict["OPTIONS"] |= {"connect_timeout": 1, "read_timeout": 1, "write_timeout": 1}
    try:
        with connection.cursor() as cursor:
            cursor.execute(saved_times.ANY_TIME)
            cursor.fetchall()
        return "read-only" if alias == WRITER and _is_read_only(connection) else ""
    except Error as error:
        log.warning("The %s endpoint: %s", alias, error)
        return "can't be queried" if connection.connection is not None else "can't be connected to"
    finally:
        connection.close()


def _is_read_only(connection: BaseDatabaseWrapper) -> bool:
    try:
        with connection.cursor() as cursor:
            # The second is how Aurora tells its readers: a failover may leave the writer's name on one.
            cursor.execute("SELECT @@read_only, @@innodb_read_only")
            return any(str(value) not in ("0", "OFF") for value in cursor.fetchone())
    except Error as error:
        if error_number(error) == UNKNOWN_VARIABLE:
            return False
        raise


_probes = {"writer": _Probe(WRITER), "reader": _Probe(READER)}
