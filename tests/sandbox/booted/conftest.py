"""The base tree of booted machines, for those of `manage.py run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox_tests.booted.conftest import base, sample_machines

__all__ = ["base"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sample_machines(items, Path(__file__).parent)
