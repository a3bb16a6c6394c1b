"""What `make test` leaves to `make test-all`: of long tests that resemble each other, all but a sample.

A mark, `pytest.mark.sampled(GROUP)`, makes a file one of a group; with `by="test"` each of its tests is one,
with `by="parameter"` its tests with the same parameter are. The sample depends on the repository's tree: each
commit tries other ones, and everybody who runs the tests of a commit runs the same. Files and tests that the
command line names are always run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.services import REPOSITORY

Case = TypeVar("Case")
KEPT = {
    "booted machines": 1,
    "kill walks": 5,
    "lives under the boundary": 1,
    "lives under the roles": 2,
    "upgrades in progress": 1,
    "walks by language": 1,
}
"""How many of each group `make test` runs."""
IS_WHOLE = os.environ.get("TESTS") == "all"
"""Whether everything runs, and every point and example with it."""


@cache
def tree() -> str:
    """Return the hash of the tree that was committed last, in hexadecimal; without Git that of nothing."""
    try:
        command = ["git", "rev-parse", "HEAD^{tree}"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return hashlib.sha1(b"", usedforsecurity=False).hexdigest()
    return done.stdout.strip()


def seed() -> int:
    """Return the seed of generated input."""
    return int(tree()[:8], 16)


def chosen(names: Iterable[str], number: int, seed: str) -> set[str]:
    """Return `number` of the names, the same for the same seed."""
    return set(sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:number])


def some(cases: Sequence[Case], number: int) -> list[Case]:
    """Return `number` of the cases of a long test, in their order; all of them in `make test-all`."""
    if IS_WHOLE:
        return list(cases)
    kept = chosen(map(str, range(len(cases))), number, tree())
    return [case for place, case in enumerate(cases) if str(place) in kept]


def is_of_all(config: pytest.Config) -> bool:
    """Return whether all tests were asked for: `tests`, with those of the sandbox or without."""
    names = {Path(argument).name for argument in config.args}
    return "tests" in names and names <= {"tests", "sandbox_tests"}


class Tiers:
    """Leaves tests out, and says at the end which."""

    def __init__(self) -> None:
        self.left: dict[str, list[str]] = {}

    def pytest_report_header(self) -> str:
        return f"samples and generated input: tree {tree()[:12]}" + ", everything" * IS_WHOLE

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect what only `make test-all` runs, if all tests were asked for."""
        if IS_WHOLE or not is_of_all(config):
            return
        out: set[pytest.Item] = set()
        for group, units in _groups(items).items():
            kept = chosen(units, KEPT[group], tree())
            self.left[group] = sorted(set(units) - kept)
            out |= {item for unit in self.left[group] for item in units[unit]}
        config.hook.pytest_deselected(items=[item for item in items if item in out])
        items[:] = [item for item in items if item not in out]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left"] = self.left

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.left |= getattr(node, "workeroutput", {}).get("left", {})  # a worker that crashed has none

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if any(self.left.values()):
            terminalreporter.section(f"left to `make test-all`, by the tree {tree()[:12]}")
        for group, units in sorted(self.left.items()):
            terminalreporter.line(f"{group}: {', '.join(units)}")


def _groups(items: Iterable[pytest.Item]) -> dict[str, dict[str, list[pytest.Item]]]:
    """Return the tests by group and by what is chosen together: a file shares its machines."""
    groups: dict[str, dict[str, list[pytest.Item]]] = {}
    for item in items:
        if (mark := item.get_closest_marker("sampled")) is not None:
            file, _, test = item.nodeid.partition("::")
            by = {"test": item.nodeid, "parameter": f"{file}{test[test.find('[') :]}"}
            unit = by.get(mark.kwargs.get("by", ""), file)
            groups.setdefault(mark.args[0], {}).setdefault(unit, []).append(item)
    return groups
