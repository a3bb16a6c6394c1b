"""Counts of the calls to AWS by service, operation and result, over all processes.

A call only adds to a counter of its own process, under a lock. Every second a thread adds the new
counts to one hash in Redis, so that a slow Redis never slows a call. While Redis is unavailable the counts
stay in the process. A process that is killed loses those of its last second.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError
from redis import Redis
from redis.exceptions import RedisError

from deployments.aws.error_mapping import translate
from deployments.common.errors import (
    AwsAccessError,
    AwsAlreadyDone,
    AwsFailure,
    AwsNotFound,
    AwsRejected,
    AwsRetryable,
)
from deployments.common.redis_fallback import connect
from deployments.common.rules.aws_error_codes import is_throttling

log = logging.getLogger(__name__)

KEY = "sanso:aws-calls"
INTERVAL = 1.0
"""Seconds between two writes to Redis."""
TIMEOUT = 1.0
OK, THROTTLED, NO_RESPONSE = "ok", "throttled", "no_response"
RESULTS: dict[type[AwsFailure], str] = {
    AwsRetryable: "unavailable",
    AwsAlreadyDone: "already_done",
    AwsAccessError: "no_access",
    AwsNotFound: "not_found",
    AwsRejected: "rejected",
}
_CALL = "sanso-call"

Call = tuple[str, str, str]
"""Service, operation and result."""


def result_of(parsed: dict[str, Any], operation: str, *, status: int = 200) -> str:
    """Return the result of a response, mapped by the table of error codes."""
    if status < 300:
        return OK
    if is_throttling(str(parsed.get("Error", {}).get("Code", ""))):
        return THROTTLED
    return RESULTS[type(translate(ClientError(parsed, operation.partition(":")[2]), operation))]  # type: ignore[arg-type]  # botocore's own dict


@dataclass(slots=True)
class CallCounts:
    """The counts of this process that are not in Redis yet."""

    redis: Redis
    interval: float = INTERVAL
    _pending: Counter[Call] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _unavailable: bool = False

    def attach(self, events: Any) -> None:
        """Count every call of the clients that are created with these botocore events."""
        events.register("before-call", self._on_call, unique_id="sanso-counts-before")
        events.register("after-call", self._on_response, unique_id="sanso-counts-after")
        events.register("after-call-error", self._on_error, unique_id="sanso-counts-error")

    def _on_call(self, model: Any, context: dict[str, Any], **_rest: Any) -> None:
        context[_CALL] = model.service_model.endpoint_prefix, model.name

    def _on_response(self, model: Any, parsed: Any, http_response: Any, **_rest: Any) -> None:
        service, action = model.service_model.endpoint_prefix, model.name
        result = result_of(parsed, f"{service}:{action}", status=http_response.status_code)
        self.add(service, action, result)

    def _on_error(self, context: dict[str, Any], **_rest: Any) -> None:
        if _CALL in context:
            service, action = context[_CALL]
            self.add(service, action, NO_RESPONSE)

    def add(self, service: str, action: str, result: str) -> None:
        """Count one call."""
        with self._lock:
            self._pending[service, action, result] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, name="aws-calls", daemon=True)
                self._thread.start()
                atexit.register(self.write)

    def write(self) -> None:
        """Add the counts to those in Redis; keep them if it does not respond."""
        with self._writing:
            with self._lock:
                taken, self._pending = self._pending, Counter()
            if not taken:
                return
            try:
                with self.redis.pipeline(transaction=True) as pipeline:
                    for call, number in taken.items():
                        pipeline.hincrby(KEY, ":".join(call), number)
                    pipeline.execute()
                self._unavailable = False
            except RedisError as exc:
                with self._lock:
                    self._pending.update(taken)
                if not self._unavailable:
                    log.warning("calls to AWS are counted in this process until Redis responds: %s", exc)
                self._unavailable = True

    def _keep_writing(self) -> None:
        pause = threading.Event()
        while not pause.wait(self.interval):
            self.write()


@lru_cache(maxsize=8)
def shared(url: str) -> CallCounts:
    """Return the counts of this process that go to the Redis at a URL."""
    return CallCounts(connect(url, TIMEOUT))


def read(client: Redis) -> dict[Call, int]:
    """Return the calls of all processes. Raise RedisError if Redis does not respond."""
    found: Any = client.hgetall(KEY)
    counts: dict[Call, int] = {}
    for name, number in found.items():
        service, _, rest = name.partition(":")
        operation, _, result = rest.partition(":")
        counts[service, operation, result] = int(number)
    return counts
