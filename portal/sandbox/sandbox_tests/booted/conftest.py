"""A base tree, and a sandbox that boots machines from it where the host can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_tests.booted.trees import base_tree
from sandbox_tests.engine.conftest import Account
from sandbox_tests.sandboxes import Sandbox, start_sandbox
from sanso_sandbox.backends.machines.booted import requirements
from sanso_sandbox.backends.machines.booted.base_tree import Base

ACCOUNT = "210987654321"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sample_machines(items, Path(__file__).parent)


def sample_machines(items: list[pytest.Item], folder: Path) -> None:
    """Skip tests of a folder that this host cannot run; the first may wait for its base tree to be built."""
    for item in items:
        if folder in item.path.parents and "base" in getattr(item, "fixturenames", ()):
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
