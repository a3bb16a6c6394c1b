"""Whether a program of the run answers yet. Who else could answer there: nobody, see listening.py."""

from __future__ import annotations

import urllib.error
import urllib.request

import redis

PATIENCE = 2.0  # seconds that one look waits for its answer

_directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine


def is_healthy(url: str) -> bool:
    """Return whether a GET of `url` is answered with 200."""
    return _status(url) == 200


def responds(url: str) -> bool:
    """Return whether a GET of `url` is answered with anything, a refusal included."""
    return _status(url) != 0


def pong(url: str) -> bool:
    """Return whether a Redis answers PING at `url`."""
    try:
        with redis.Redis.from_url(url, socket_timeout=PATIENCE) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _status(url: str) -> int:
    """Return the status code of a GET, 0 without an answer."""
    try:
        with _directly.open(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return int(refusal.code)
    except OSError:
        return 0
