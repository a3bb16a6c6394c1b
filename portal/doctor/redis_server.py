"""Redis: whether it responds, how fast, and whether it would drop messages when its memory is full."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from deployments.common import heartbeats
from portal.doctor.finding import Finding, ok, problem, warning

MINIMUM = (6, 2)
MAX_LATENCY = 0.05
"""Seconds for one call: each call to AWS waits for one."""
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """Redis's own facts; `error` instead if it does not respond. `latency` is in seconds."""

    version: str = ""
    policy: str = ""
    latency: float = 0.0
    error: str = ""


def read() -> RedisFacts:
    """Return the facts about the Redis of the settings."""
    try:
        with heartbeats.client() as client:
            client.ping()
            taken = []
            for _ in range(_TRIES):
                began = time.perf_counter()
                client.ping()
                taken.append(time.perf_counter() - began)
            info = _info(client)
    except RedisError as exc:
        return RedisFacts(error=type(exc).__name__)
    return RedisFacts(
        version=str(info.get("redis_version", "")),
        policy=str(info.get("maxmemory_policy", "")) if info.get("maxmemory") else "",
        latency=min(taken),
    )


def _info(client: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = client.info()
    except ResponseError:  # the included replacement of make run
        return {}
    return found


def judge(facts: RedisFacts) -> list[Finding]:
    """Return the findings about Redis."""
    if facts.error:
        return [
            problem(
                "redis",
                f"Redis does not respond ({facts.error}).",
                "Check REDIS_URL, and that the server runs and accepts connections from this machine.",
            )
        ]
    findings = []
    numbers = tuple(int(part) for part in facts.version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < MINIMUM:
        findings.append(
            warning("redis", f"Redis {facts.version} is old.", "Upgrade it to 6.2 or later, or use Valkey.")
        )
    if facts.policy not in ("", "noeviction"):
        findings.append(
            problem(
                "redis memory",
                f"Redis drops keys when its memory is full ({facts.policy}), messages as well.",
                "Set maxmemory-policy noeviction.",
            )
        )
    if facts.latency > MAX_LATENCY:
        findings.append(
            warning(
                "redis latency",
                f"Redis takes {facts.latency * 1000:.0f} ms for a call.",
                "Run it nearer to the workers, or find out what keeps it busy (redis-cli --latency).",
            )
        )
    name = f"Redis {facts.version}".strip()
    return findings or [ok("redis", f"{name} responds in {facts.latency * 1000:.1f} ms.")]
