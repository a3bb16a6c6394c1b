"""Checks that MiniStack still has every name of its that the resource half of the sandbox uses.

The names are read from our own source, so that the list cannot fall behind.
"""

import ast
import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

SANDBOX = Path(__file__).resolve().parent.parent
OURS = (
    *("resources", "state_manager", "database", "functions", "processes", "balancing"),
    *("health.py", "machines.py"),
)


class NameMissing(Exception):
    """MiniStack lacks names that we extend: it is another version than the one that is pinned."""


def check() -> None:
    """Raise NameMissing with everything that is not there."""
    missing = sorted({name for path in _sources() for name in _missing_in(path)})
    if missing:
        raise NameMissing(
            f"MiniStack has no {', '.join(missing)}; the sandbox was written for another version of it."
        )


def _sources() -> Iterator[Path]:
    for name in OURS:
        path = SANDBOX / name
        yield from path.rglob("*.py") if path.is_dir() else (path,)


def _missing_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    modules = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            if not hasattr(importlib.import_module(module), node.attr):
                yield f"{module}.{node.attr}"


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Tell the names in a source that are modules of MiniStack's, each with the module's full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
            for alias in node.names:
                with contextlib.suppress(ModuleNotFoundError):  # the name is a module's, not a module
                    importlib.import_module(f"{node.module}.{alias.name}")
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"
