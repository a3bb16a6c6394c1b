"""Setup of the sandbox's own tests: no AWS, no network beyond loopback.

They run alone with the configuration in pyproject.toml beside this package, or with the portal's tests,
whose conftest.py then has set up both.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox_tests import loopback_only
from sandbox_tests.fixtures import closed_port, responses_have_their_shape, sandbox_account
from sandbox_tests.processes import PROJECT, without_aws
from sandbox_tests.sandboxes import Sandbox, start_sandbox

__all__ = ["closed_port", "responses_have_their_shape", "sandbox_account"]


def pytest_configure(config: pytest.Config) -> None:
    if config.rootpath == PROJECT:
        without_aws()
        loopback_only.enforce()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with time scale 0. Tests use separate accounts: `sandbox_account`."""
    server = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield server
    server.stop()
