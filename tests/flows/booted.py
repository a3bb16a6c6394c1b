"""A sandbox whose instances are booted machines, and a portal for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playbook.machine import base_tree
from tests.running import Portal
from tests.services import Redis, Sandbox, start_sandbox

CONFIGURED = 600  # seconds for the playbook on four machines, on a busy host


@pytest.fixture(autouse=True)
def rows_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow tests to write rows: Django considers this thread async because Playwright runs a loop in it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def booting(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with time scale 0 whose instances are booted machines."""
    base_tree()
    sandbox = start_sandbox(tmp_path / "sandbox", machines="booted")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def portal(
    process_environment: dict[str, str], booting: Sandbox, redis_server: Redis, tmp_path: Path
) -> Iterator[Portal]:
    environment = process_environment | {
        **booting.portal_settings,
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, booting)
    running.start()
    yield running
    running.stop()
