"""The sandbox of the contract tests: an account of its own for every test, in which nothing waits."""

from __future__ import annotations

from tests.sandbox.engine.conftest import template_url
from tests.sandbox.resources.conftest import account, network, sandbox

__all__ = ["account", "network", "sandbox", "template_url"]
