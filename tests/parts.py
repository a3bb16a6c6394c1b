"""What `make test` runs of all tests, and the parts of `make test-all`, as tests/parts.toml declares them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from tests.services import REPOSITORY

Case = TypeVar("Case")
FILE = REPOSITORY / "tests/parts.toml"
IS_PART = bool(os.environ.get("PART"))
"""Whether a part of `make test-all` runs: with every case of its tests, on input of the commit."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Tests that `make test` leaves out, or `shared` ones, which it runs in another way."""

    name: str
    proves: str
    tests: tuple[str, ...]
    reached_by: tuple[str, ...] = ()
    shared: bool = False
    database: str = "mariadb"

    def is_reached_by(self, paths: Iterable[str]) -> bool:
        """Return whether a change of these files can change what the part proves."""
        return any(path.startswith(self.reached_by) or path in self.tests for path in paths)


@cache
def parts() -> dict[str, Part]:
    """Return the parts by name, in the order of their file."""
    declared = tomllib.loads(FILE.read_text())["parts"]
    return {
        name: Part(
            name=name,
            proves=row["proves"],
            tests=tuple(row["tests"]),
            reached_by=tuple(row["reached_by"]),
            shared=row.get("shared", False),
            database=row.get("database", "mariadb"),
        )
        for name, row in declared.items()
    }


@cache
def in_test() -> tuple[str, ...]:
    """Return what `make test` runs of the parts that are not shared."""
    declared = tomllib.loads(FILE.read_text())["in-test"]
    return tuple(test for group in declared.values() for test in group.values())


def is_named(test: str, names: Iterable[str]) -> bool:
    """Return whether one of the names is that of a test, its function, its file or a folder around it."""
    return any(
        test.startswith(name) and test[len(name) : len(name) + 1] in {"", "/", ":", "["} for name in names
    )


def part_of(test: str) -> str:
    """Return the part to which `make test` leaves a test, or nothing if it runs it."""
    if is_named(test, in_test()):
        return ""
    return next((one.name for one in parts().values() if not one.shared and is_named(test, one.tests)), "")


def some(cases: Sequence[Case], number: int) -> list[Case]:
    """Return `number` of the cases of a test, spread over all; in a part of `make test-all` every one."""
    return list(cases) if IS_PART else list(cases[:: -(-len(cases) // number)])


def is_of_all(config: pytest.Config) -> bool:
    """Return whether all tests were asked for: `tests`, with those of the sandbox or without."""
    names = {Path(argument).name for argument in config.args}
    return "tests" in names and names <= {"tests", "sandbox_tests"}


@cache
def seed() -> int:
    """Return the seed of generated input: the same in every `make test`, and that of the commit in a part."""
    if not IS_PART:
        return 0
    try:
        command = ["git", "rev-parse", "HEAD^{tree}"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return int(hashlib.sha1(b"", usedforsecurity=False).hexdigest()[:8], 16)
    return int(done.stdout[:8], 16)


class Parts:
    """Leaves out of a run of all tests what the parts run."""

    def pytest_report_header(self) -> str:
        return f"generated input: seed {seed()}"

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if not is_of_all(config) or config.getoption("database") == "sqlite":
            return
        out = {item for item in items if part_of(item.nodeid)}
        config.hook.pytest_deselected(items=[item for item in items if item in out])
        items[:] = [item for item in items if item not in out]

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        if is_of_all(config) and not IS_PART:
            terminalreporter.line(f"`make test-all` runs the rest, in parts: {', '.join(parts())}")
