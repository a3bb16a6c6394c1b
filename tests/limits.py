"""The clock of the limits of logins and of the API, which tests stop or advance."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from deployments.common import limiter
from deployments.common.limiter import Limiter, Purpose
from tests.services import free_port


def use_clock(monkeypatch: pytest.MonkeyPatch, clock: Callable[[], float]) -> None:
    """Let new limiters have this clock, in Redis as well."""

    @lru_cache(maxsize=4)
    def with_clock(purpose: Purpose, url: str) -> Limiter:
        return Limiter(purpose, url, clock)

    monkeypatch.setattr(limiter, "_limiters", with_clock)


def stop_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the limiters by new ones without Redis, whose clock stands still."""
    stopped = lru_cache(maxsize=4)(
        lambda purpose, _url: Limiter(purpose, f"redis://127.0.0.1:{free_port()}/0", lambda: 1e9)
    )
    monkeypatch.setattr(limiter, "_limiters", stopped)
