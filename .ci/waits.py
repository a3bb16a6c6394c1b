"""Checks that tests wait for conditions, as long as a loaded machine needs, and for no fixed time.

Refused in the tests (benchmarks and screenshots apart):
- a sleep outside of a `while` loop, which waits for a fixed time (`asyncio.sleep(0)` is a turn of the loop);
- Playwright's `wait_for_timeout`;
- a limit of one's own below `LIMIT` of sandbox_tests/processes.py, of a condition or of a process;
- `gc.collect()` in an async function outside of a loop: what it finalizes needs turns of the event loop.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("tests", "portal/sandbox/sandbox_tests")
LEFT_OUT = ("tests/benchmarks", "tests/screens")
LIMIT = 120
WAITS = {"communicate", "join", "result", "run", "timeout", "wait", "wait_for", "wait_for_end", "wait_until"}
"""Calls that wait for a condition or a process, in seconds."""
PAGES = {
    "expect_navigation",
    "expect_page",
    "expect_response",
    "wait_for_function",
    "wait_for_selector",
    "wait_for_url",
}
"""Calls of Playwright, in milliseconds, as those that begin with `to_`."""
SLEEPERS = {"", "asyncio", "time"}


def findings(path: Path) -> Iterator[str]:
    """Yield what is wrong in a file, each with its line."""
    yield from _Waits(path).visited(ast.parse(path.read_text(encoding="utf-8")))


class _Waits(ast.NodeVisitor):
    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []
        self._in_while = False
        self._is_async = False

    def visited(self, tree: ast.AST) -> list[str]:
        self.visit(tree)
        return self._found

    def visit_While(self, node: ast.While) -> None:
        before, self._in_while = self._in_while, True
        self.generic_visit(node)
        self._in_while = before

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        before = self._in_while, self._is_async
        self._in_while, self._is_async = False, isinstance(node, ast.AsyncFunctionDef)
        self.generic_visit(node)
        self._in_while, self._is_async = before

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        self._check_time(node, name)
        self._check_limit(node, name)
        self.generic_visit(node)

    def _check_time(self, node: ast.Call, name: str) -> None:
        sleeps = name == "sleep" and _module(node) in SLEEPERS and _number(node.args[:1]) != 0
        if sleeps and not self._in_while:
            self._add(node, "waits for a fixed time: wait for a condition (wait_until)")
        if name == "wait_for_timeout":
            self._add(node, "waits for a fixed time: wait for what the page will show (expect)")
        if name == "collect" and self._is_async and not self._in_while:
            self._add(
                node, "finalizers of async generators need turns of the event loop: wait for their effect"
            )

    def _check_limit(self, node: ast.Call, name: str) -> None:
        limits = [word.value for word in node.keywords if word.arg in {"seconds", "timeout"}]
        if name == "timeout" and _module(node) == "asyncio":
            limits += node.args
        is_page = name.startswith("to_") or name in PAGES
        scale = 1000 if is_page else int(name in WAITS)
        seconds = _number(limits)
        if scale and seconds is not None and 0 < seconds < LIMIT * scale:
            self._add(node, f"has a limit of its own below {LIMIT} s: leave it out, or use LIMIT")

    def _add(self, node: ast.AST, text: str) -> None:
        self._found.append(f"{self._path}:{getattr(node, 'lineno', 0)}: {text}")


def _module(node: ast.Call) -> str:
    """Return the name before the dot, or nothing."""
    return ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def _number(values: list[ast.expr]) -> float | None:
    """Return the first value if it is a number that stands in the code."""
    found = values[0] if values else None
    is_number = isinstance(found, ast.Constant) and isinstance(found.value, int | float)
    return float(found.value) if is_number else None  # type: ignore[union-attr, arg-type]


def main() -> int:
    found: list[str] = []
    for folder in FOLDERS:
        for path in sorted(Path(folder).rglob("*.py")):
            if not path.as_posix().startswith(LEFT_OUT):
                found += findings(path)
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
