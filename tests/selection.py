"""Which of the collected tests run, in which order, and how long: on SQLite core tests, long ones spread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import parts

TESTS = Path(__file__).parent
# Folders whose tests can run on SQLite, as those can that are marked `core`: those of the packages.
CORE = (
    *(f"tests/{path.name}/" for path in sorted((TESTS.parent / "deployments").iterdir()) if path.is_dir()),
    *(f"tests/{area}/" for area in ("commands", "fuzz", "pages", "upgrade")),
)
MARKED = "pytest.mark.core"
# What a SQLite run of all tests takes of them: rows and queries, open pages, upgrades. Of the others only
# files marked `core`: they decide, or they test what pages and the API display, or they take longest.
DIFFER = re.compile(r"tests/(\w+/models|live|upgrade)/(?!test_(changes_offered|continues|pages)\.py)")
LONG = 300  # seconds: a test with a timeout of its own that is not shorter is a long one
SPREAD = 0.8  # the part of a run in which files with long tests begin
HANGING = 600  # seconds after which a test counts as hanging


class Selection:
    """Hooks for all tests; those of tests/conftest.py would not be called for the sandbox's."""

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Skip files without core tests in a SQLite run of all tests: most files, which take long to read."""
        is_sqlite = config.getoption("database") == "sqlite"
        if not is_sqlite or not parts.is_of_all(config) or not collection_path.match("test_*.py"):
            return None
        name = collection_path.relative_to(config.rootpath).as_posix()
        if DIFFER.match(name):
            return None
        return None if MARKED in collection_path.read_text() else True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect tests that are not core in the SQLite run, and sort files as `order_of_files` does."""
        orders = order_of_files(items)
        items.sort(key=lambda item: orders[item.path])
        if config.getoption("timeout") is None:  # the timeouts of tests assume an idle machine
            for item in items:
                item.add_marker(pytest.mark.timeout(max(2 * timeout_of(item), HANGING)), append=False)
        if config.getoption("database") == "sqlite":
            config.hook.pytest_deselected(items=[item for item in items if not is_core(item)])
            items[:] = [item for item in items if is_core(item)]


def is_core(item: pytest.Item) -> bool:
    return item.nodeid.startswith(CORE) or item.get_closest_marker("core") is not None


def timeout_of(item: pytest.Item) -> float:
    """Return the timeout of a test in seconds, 0 if it has none of its own."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0


def order_of_files(items: Sequence[pytest.Item]) -> dict[Path, float]:
    """Return the place of each file, from 0 to 1.

    pytest-xdist distributes whole files in this order. Long tests wait for most of their time, short ones
    compute: those with long tests are spread over the others, so that the cores are always busy, the longest
    first, and none of them at the end, where it would run alone.
    """
    longest: dict[Path, float] = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, 0), timeout_of(item))
    long = sorted(
        (path for path, seconds in longest.items() if seconds >= LONG), key=lambda path: -longest[path]
    )
    short = [path for path, seconds in longest.items() if seconds < LONG]
    places = {path: SPREAD * place / len(long) for place, path in enumerate(long)}
    return places | {path: place / len(short) for place, path in enumerate(short)}
