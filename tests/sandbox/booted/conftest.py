"""A base tree, and a sandbox that boots machines from it where the host can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.sandbox.backends.machines.booted import requirements
from portal.sandbox.backends.machines.booted.base_tree import Base
from tests.playbook.machine import base_tree
from tests.sandbox.engine.conftest import Account
from tests.services import Sandbox, start_sandbox

ACCOUNT = "210987654321"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that this host cannot run; the first machine may wait for its base tree to be built."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "base" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))
            if problem := requirements.why_not():
                item.add_marker(pytest.mark.skip(reason=f"machines can't be booted: {problem}"))


@pytest.fixture(scope="session")
def base() -> Base:
    """The base tree that all machines share."""
    return base_tree()


@pytest.fixture(scope="module")
def booting(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with time scale 0 whose machines are booted."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("booted"), machines="booted", database="embedded")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def account(booting: Sandbox) -> Account:
    return Account(booting, ACCOUNT)
