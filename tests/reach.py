"""Which functions each test file calls: recorded by runs with `--reach=FILE`, read by `make quick`.

A run records the functions of the repository that are called in pytest's main thread, and keeps them in a
file, where each test file that ran replaces what was known of it. Recording nearly doubles the CPU time of
what tests do in their own process (docs/benchmarks.md), so `make test-reach` does it, and not `make test`.
The profiler of the standard library records calls, since Python 3.11 has no sys.monitoring.

It does not see what other threads do, nor other processes: the worker, the dispatcher, web processes, the
sandbox and functions in it. So browser journeys are left out, and of modules that no test calls here, and of
pages and styles, `make quick` chooses by names and folders.
"""

from __future__ import annotations

import ast
import cProfile
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.services import REPOSITORY

KEPT = Path("build/test-reach.json")
"""What `make test-reach` keeps."""
LEFT_OUT = ("tests/flows/", "tests/chaos/")
HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
Calls = dict[str, set[str]]
"""`path::function` by test file; a function within another one counts as that one."""


class Recorder:
    """Records the calls of the tests that this process runs, and collects those of pytest-xdist's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self.runs_tests = hasattr(config, "workerinput") or config.getoption("dist") == "no"
        self.kept = Path(config.getoption("reach"))
        self.is_worker = hasattr(config, "workerinput")
        self.calls: Calls = {}
        self.file = ""
        self.profile: cProfile.Profile | None = None

    def _end_file(self) -> None:
        if self.profile is None:
            return
        self.profile.disable()
        codes = (entry.code for entry in self.profile.getstats())
        names = {name for code in codes if isinstance(code, CodeType) and (name := name_of(code))}
        self.calls.setdefault(self.file, set()).update(names)
        self.profile = None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if not self.runs_tests or (file := nodeid.partition("::")[0]) == self.file:
            return
        self._end_file()
        self.file = file
        if not file.startswith(LEFT_OUT):
            self.profile = cProfile.Profile(subcalls=False, builtins=False)
            self.profile.enable()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._end_file()
        if self.is_worker:
            session.config.workeroutput["reach"] = packed(self.calls)  # type: ignore[attr-defined]  # xdist's
        else:
            keep(self.calls, self.kept)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        if stored := getattr(node, "workeroutput", {}).get("reach"):  # a worker that crashed has none
            for file, names in unpacked(stored).items():
                self.calls.setdefault(file, set()).update(names)


def name_of(code: CodeType) -> str:
    """Return `path::function` of a function of the repository, "" of others and of tests."""
    path = path_of(code.co_filename)
    return f"{path}::{code.co_qualname.partition('.<locals>')[0]}" if path else ""


@cache
def path_of(file: str) -> str:
    """Return the path of a source file in the repository, behind links, "" for others and for tests."""
    if not file.startswith(f"{REPOSITORY}/") or "/.venv/" in file:
        return ""
    path = Path(file).resolve().relative_to(REPOSITORY).as_posix()
    return "" if path.startswith(("tests/", "portal/sandbox/sandbox_tests/", "build/")) else path


def packed(calls: Mapping[str, set[str]]) -> str:
    """Return calls as JSON in which each function is written once."""
    functions = sorted(set().union(*calls.values()))
    numbers = {name: number for number, name in enumerate(functions)}
    files = {file: sorted(numbers[name] for name in names) for file, names in sorted(calls.items())}
    return json.dumps({"functions": functions, "files": files})


def unpacked(text: str) -> Calls:
    stored = json.loads(text)
    return {file: {stored["functions"][one] for one in numbers} for file, numbers in stored["files"].items()}


def read(kept: Path = KEPT) -> Calls:
    """Return what is known of the test files that exist; nothing if no run has recorded it."""
    if not kept.exists():
        return {}
    return {file: names for file, names in unpacked(kept.read_text()).items() if Path(file).exists()}


def keep(calls: Calls, kept: Path) -> None:
    """Write what a run recorded in place of what was known of these files."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(packed(read(kept) | calls))


def changed_functions(path: Path, base: str) -> set[str] | None:
    """Return the functions of a module that differ from a commit; None if something else does, or all."""
    command = ["git", "diff", "--unified=0", base, "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines: set[int] = set()
    for first, number in HUNK.findall(done.stdout):
        lines |= set(range(int(first), int(first) + int(number or 1))) or {int(first), int(first) + 1}
    return functions_at(path.read_text(), lines) if lines else None


def functions_at(source: str, lines: Iterable[int]) -> set[str] | None:
    """Return the functions that contain these lines, as `co_qualname` names them; None if one is elsewhere.

    A line at the top of a module or class can reach whatever uses it.
    """
    spans = list(_functions(ast.parse(source), ""))
    found: set[str] = set()
    for line in lines:
        names = {name for name, first, last in spans if first <= line <= last}
        if not names:
            return None
        found |= names
    return found


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Yield (name, first line, last line) of the functions that are not within another one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
            yield f"{prefix}{child.name}", first, child.end_lineno or child.lineno
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):
            yield from _functions(child, prefix)


def reaching(calls: Mapping[str, set[str]], path: str, functions: set[str] | None) -> set[str]:
    """Return the test files that call one of the functions of a file, or with None any of them."""
    start = f"{path}::"
    wanted = None if functions is None else {f"{start}{name}" for name in functions}
    return {
        file
        for file, names in calls.items()
        if (any(name.startswith(start) for name in names) if wanted is None else names & wanted)
    }
