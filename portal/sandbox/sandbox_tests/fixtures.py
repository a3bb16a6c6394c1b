"""Fixtures that the sandbox's tests and the portal's both have; each has a `sandbox` of its own."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator

import pytest

from sandbox_tests.processes import LOOPBACK
from sandbox_tests.sandboxes import Sandbox, started_sandboxes


@pytest.fixture
def sandbox_account(sandbox: Sandbox) -> Iterator[str]:
    """The 12-digit id of an account for one test, which is emptied afterwards."""
    account = str(secrets.randbelow(9 * 10**11) + 10**11)
    yield account
    sandbox.control("POST", "reset", account=account)


@pytest.fixture(autouse=True)
def responses_have_their_shape() -> Iterator[None]:
    """Fail a test in which a sandbox sent a response that does not match botocore's shape of it."""
    yield
    found = "".join(server.invalid_responses() for server in started_sandboxes)
    if found:
        pytest.fail(f"Responses of the sandbox that AWS would not send:\n{found}", pytrace=False)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: it is bound during the test, and nothing listens on it."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield taken.getsockname()[1]
