"""A Git server for the tests of sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.git_server import GitServer, git_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server on loopback."""
    with git_server(tmp_path / "served") as running:
        yield running
