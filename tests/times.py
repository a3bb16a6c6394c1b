"""Where a run's time goes: seconds by folder, the slowest tests and fixtures, and what was waited for.

A run with `--times`, as in `make test`, prints this and keeps it in `build/test-times/`; `make test-times
OTHER=FILE` compares the newest file with another one. CPU seconds are those of pytest and of the processes
that it has started, for a file as a whole: Linux adds the time of an ended process to its parent's, see
proc_pid_stat(5).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests import processes

KEPT = Path("build/test-times")
SHOWN = 25
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True)
class Times:
    """Seconds of a run: of CPU by file, otherwise as on a clock."""

    tests: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    fixtures: dict[str, float] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    assertions: int = 0

    def add(self, other: Times) -> None:
        """Add what another process measured."""
        for name in ("tests", "cpu", "fixtures", "waits"):
            for key, seconds in getattr(other, name).items():
                count(getattr(self, name), key, seconds)
        self.assertions += other.assertions

    def by_folder(self) -> dict[str, tuple[int, float, float]]:
        """Return (tests, seconds, CPU seconds) by folder, the longest first."""
        tests = Counter(folder_of(test) for test in self.tests)
        wall: dict[str, float] = {}
        cpu: dict[str, float] = {}
        for test, seconds in self.tests.items():
            count(wall, folder_of(test), seconds)
        for file, seconds in self.cpu.items():
            count(cpu, folder_of(file), seconds)
        return {name: (tests[name], wall[name], cpu.get(name, 0)) for name in longest(wall)}


def count(seconds: dict[str, float], key: str, more: float) -> None:
    seconds[key] = seconds.get(key, 0) + more


def longest(seconds: Mapping[str, float]) -> list[str]:
    return sorted(seconds, key=lambda key: -seconds[key])


def folder_of(test: str) -> str:
    """Return `tests/changes` for tests in that folder or below, and `tests` for those directly in it."""
    path = Path(test.partition("::")[0])
    return "/".join(path.parts[: min(2, len(path.parts) - 1)])


def cpu_seconds() -> float:
    """Return the CPU seconds of this process, of its ended children, and of all descendants that run."""
    used: dict[int, float] = {}
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program is in parentheses and may contain spaces.
            rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(rest[1])
        used[int(stat.parent.name)] = sum(map(int, rest[11:15])) / TICKS
    return sum(seconds for pid, seconds in used.items() if os.getpid() in _line(pid, parents))


def _line(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    while pid:
        yield pid
        pid = parents.get(pid, 0)


class Recorder:
    """Measures the tests that this process runs, and collects what workers of pytest-xdist measured."""

    def __init__(self, config: pytest.Config) -> None:
        self.times = Times()
        self.config = config
        self.runs_tests = hasattr(config, "workerinput") or config.getoption("dist") == "no"
        self.file = ""
        self.cpu_before = 0.0
        self.began = time.time()

    def _end_file(self) -> None:
        now = cpu_seconds()
        if self.file:
            count(self.times.cpu, self.file, now - self.cpu_before)
        self.cpu_before = now

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.runs_tests and (file := nodeid.partition("::")[0]) != self.file:
            self._end_file()
            self.file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.runs_tests:
            count(self.times.tests, report.nodeid, report.duration)

    def pytest_assertion_pass(self) -> None:
        """Count an assertion; pytest calls this with `-o enable_assertion_pass_hook=true` only."""
        self.times.assertions += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        started = time.monotonic()
        try:
            return (yield)
        finally:
            count(self.times.fixtures, fixturedef.argname, time.monotonic() - started)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._end_file()
        for what, seconds in processes.waited.items():
            count(self.times.waits, what, seconds)
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["times"] = json.dumps(asdict(self.times))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        stored = getattr(node, "workeroutput", {}).get("times")  # a worker that crashed has none
        if stored:
            self.times.add(Times(**json.loads(stored)))

    def pytest_collection_finish(self) -> None:
        if "playwright.sync_api" in sys.modules:
            _measure_the_browser(self.times.waits)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.config.getoption("times") or hasattr(self.config, "workerinput"):
            return
        path = keep(self.times, self.config.getoption("database"), time.time() - self.began)
        terminalreporter.section(f"where the time went ({path})")
        for line in lines(self.times):
            terminalreporter.line(line)


def _measure_the_browser(waits: dict[str, float]) -> None:
    """Measure the calls of Playwright, which wait until what they expect is true or can be done."""
    base: Any = sys.modules["playwright._impl._sync_base"].SyncBase  # only where a test imports it
    call = base._sync

    def measured(self: Any, awaitable: Any) -> Any:
        __tracebackhide__ = True  # like Playwright's function: failures are shown in the test
        started = time.monotonic()
        try:
            return call(self, awaitable)
        finally:
            count(waits, f"browser: {getattr(awaitable, '__qualname__', 'call')}", time.monotonic() - started)

    base._sync = measured


def keep(times: Times, database: str, seconds: float) -> Path:
    """Write the times of a run to a file of its own, and return its path."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{database}.json"
    path.write_text(json.dumps({"database": database, "seconds": seconds, "times": asdict(times)}))
    return path


def read(path: Path) -> Times:
    return Times(**json.loads(path.read_text())["times"])


def lines(times: Times) -> Iterator[str]:
    """Yield the report of a run."""
    yield f"{'folder':32}{'tests':>8}{'seconds':>10}{'CPU s':>10}"
    for name, (tests, wall, cpu) in times.by_folder().items():
        yield f"{name:32}{tests:8}{wall:10.1f}{cpu:10.1f}"
    for title, rows in (("slowest tests", times.tests), ("fixtures", times.fixtures), ("waits", times.waits)):
        yield f"{title}, in seconds:"
        yield from (f"{rows[name]:10.1f}  {name}" for name in longest(rows)[:SHOWN])
    if times.assertions:
        yield f"{times.assertions} assertions"


def differences(before: Times, after: Times) -> Iterator[str]:
    """Yield how two runs differ: by folder, then the tests that differ most."""
    old, new = before.by_folder(), after.by_folder()
    yield f"{'folder':32}{'tests':>16}{'seconds':>20}{'CPU s':>20}"
    for name in dict.fromkeys([*old, *new]):
        (tests, wall, cpu), (tests_now, wall_now, cpu_now) = (
            old.get(name, (0, 0, 0)),
            new.get(name, (0, 0, 0)),
        )
        yield (
            f"{name:32}{f'{tests} → {tests_now}':>16}{f'{wall:.1f} → {wall_now:.1f}':>20}"
            f"{f'{cpu:.1f} → {cpu_now:.1f}':>20}"
        )
    both = {test: after.tests[test] - before.tests[test] for test in before.tests.keys() & after.tests.keys()}
    yield "tests that differ most, in seconds:"
    for test in sorted(both, key=lambda test: -abs(both[test]))[:SHOWN]:
        yield f"{both[test]:+10.1f}  {test}"


def newest(database: str) -> Path:
    """Return the file of the newest run on a database; raise SystemExit if there is none."""
    found = sorted(KEPT.glob(f"*-{database}.json"))
    if not found:
        raise SystemExit(f"No run of all tests is kept in {KEPT}: `make test` keeps one.")
    return found[-1]


def main(arguments: Sequence[str]) -> None:
    """Print a run, or how it differs from the one of the file that is named."""
    *other, database = arguments
    after = Times(**json.loads(newest(database).read_text())["times"])
    rows = (
        differences(Times(**json.loads(Path(other[0]).read_text())["times"]), after)
        if other
        else lines(after)
    )
    sys.stdout.writelines(f"{line}\n" for line in rows)


if __name__ == "__main__":
    main([argument for argument in sys.argv[1:] if argument])
