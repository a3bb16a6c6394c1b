"""Whether a program of the run responds. Only that program can respond at its address: see listening.py."""

from __future__ import annotations

import urllib.error
import urllib.request

import redis

TIMEOUT = 2.0  # seconds

_directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # without a proxy


def is_healthy(url: str) -> bool:
    """Return whether a GET of `url` returns 200."""
    return _status(url) == 200


def responds(url: str) -> bool:
    """Return whether a GET of `url` returns any status, also an error."""
    return _status(url) != 0


def pong(url: str) -> bool:
    """Return whether a Redis responds to PING at `url`."""
    try:
        with redis.Redis.from_url(url, socket_timeout=TIMEOUT) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _status(url: str) -> int:
    """Return the status code of a GET, 0 without a response."""
    try:
        with _directly.open(url, timeout=TIMEOUT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return int(refusal.code)
    except OSError:
        return 0
