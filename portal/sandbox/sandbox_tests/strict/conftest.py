"""The sandbox of the contract tests, with a separate account for every test."""

from __future__ import annotations

from sandbox_tests.engine.conftest import template_url
from sandbox_tests.resources.conftest import account, network, sandbox

__all__ = ["account", "network", "sandbox", "template_url"]
