"""`make size`: how large the code is, in statements by package, with those of its tests.

A statement is one of Python's grammar, at any depth, without docstrings:
https://docs.python.org/3/library/ast.html#statements
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("deployments", "portal")
LEFT_OUT = ("deployments/migrations/", "portal/sandbox/", "portal/command_line/")
"""What is generated, and distributions of their own."""


def statements(text: str) -> int:
    """Return the number of statements of a module."""
    return sum(isinstance(node, ast.stmt) and not _is_text(node) for node in ast.walk(ast.parse(text)))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def package_of(path: str) -> str:
    """Return the folder below deployments/, portal/ or tests/ to which a file belongs, or that folder."""
    parts = path.split("/")
    return "/".join(parts[: 2 if len(parts) > 2 else 1])


def measured(folder: str) -> Iterator[tuple[str, int]]:
    """Yield (package, statements) of each module in a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(LEFT_OUT):
            yield package_of(name), statements(path.read_text())


def main() -> None:
    """Print a table."""
    code: Counter[str] = Counter()
    files: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for folder in CODE:
        for package, number in measured(folder):
            code[package] += number
            files[package] += 1
    for package, number in measured("tests"):
        tests[package] += number
    write = sys.stdout.write
    write(f"{'package':34}{'modules':>9}{'statements':>12}{'of tests':>10}\n")
    for package in sorted(code):
        beside = tests.pop(package.replace("deployments/", "tests/"), 0)
        write(f"{package:34}{files[package]:9,}{code[package]:12,}{beside:10,}\n")
    for package in sorted(tests):
        write(f"{package:34}{'':9}{'':12}{tests[package]:10,}\n")
    total = sum(number for _, number in measured("tests"))
    write(f"{'':34}{sum(files.values()):9,}{sum(code.values()):12,}{total:10,}\n")


if __name__ == "__main__":
    main()
