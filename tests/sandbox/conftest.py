"""An account for every test in the sandbox of the settings."""

from __future__ import annotations

from sandbox_tests.engine.conftest import account

__all__ = ["account"]
