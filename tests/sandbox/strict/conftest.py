"""A sandbox whose instances are records, with a separate account for every test."""

from __future__ import annotations

from sandbox_tests.resources.conftest import account, network, sandbox

__all__ = ["account", "network", "sandbox"]
