"""The names of MiniStack that the sandbox uses, most of them private, with the parameters of its functions.

MiniStack guarantees none of them. contract.json contains them as of the version that the sandbox was written
for. `check` compares it with the installed MiniStack before anything starts, and a test compares it with the
source. `python -m sanso_sandbox.engine.contract` writes it again.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

ENGINE: Final = "ministack"
SOURCE: Final = Path(__file__).resolve().parents[1]
FILE: Final = Path(__file__).with_name("contract.json")
MISSING: Final = "is missing"

# By module: each name (or Class.name) with its parameters, None for other objects than functions.
Names: TypeAlias = dict[str, dict[str, str | None]]


class EngineMismatch(Exception):
    """The installed MiniStack is not the one that the sandbox was written for."""


def version() -> str:
    """Return the version of MiniStack that the sandbox was written for."""
    return str(json.loads(FILE.read_text())["version"])


def names() -> Names:
    """Return the names that the sandbox was written for."""
    found: Names = json.loads(FILE.read_text())["names"]
    return found


def check(expected: Names | None = None) -> None:
    """Compare MiniStack with the contract. Raises EngineMismatch with all differences."""
    installed, wanted = importlib.metadata.version(ENGINE), version()
    if installed != wanted:
        raise EngineMismatch(
            f"The sandbox extends MiniStack {wanted} and {installed} is installed: "
            f"install ministack=={wanted}."
        )
    if differences := list(_differences(names() if expected is None else expected)):
        raise EngineMismatch(
            f"MiniStack {wanted} is not as the sandbox expects it: {'; '.join(differences)}."
        )


def _differences(expected: Names) -> Iterator[str]:
    for module, entries in expected.items():
        for name, parameters in entries.items():
            found = _parameters(module, name)
            if found == MISSING:
                yield f"{module}.{name} is missing"
            elif found != parameters:
                yield f"{module}.{name} takes ({found}) and not ({parameters})"


def _parameters(module: str, name: str) -> str | None:
    """Return the parameters of a function or class, None for other objects, MISSING for missing names."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            return MISSING
        found = getattr(found, part)
    if not inspect.isroutine(found) and not inspect.isclass(found):
        return None
    try:
        return ", ".join(inspect.signature(found).parameters)
    except ValueError:  # a built-in class
        return None


def used_names() -> dict[str, set[str]]:
    """Return the names of MiniStack that the sandbox's source uses, by module."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        modules = dict(_imported_modules(tree))
        for module, name in (*_imported_names(tree), *_attributes(tree, modules), *_inherited(tree, modules)):
            found[module].add(name)
    return dict(found)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is not a package
        return False


def _imported_modules(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each expression in a source that refers to a module of MiniStack, with the module's full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == ENGINE:
                    yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == ENGINE:
            for alias in node.names:
                if _is_module(f"{node.module}.{alias.name}"):
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == ENGINE:
            for alias in node.names:
                if not _is_module(f"{node.module}.{alias.name}"):
                    yield node.module, alias.name


def _attributes(tree: ast.Module, modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            module = modules.get(ast.unparse(node.value))
            if module is not None and not _is_module(f"{module}.{node.attr}"):
                yield module, node.attr


def _inherited(tree: ast.Module, modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the names that a class uses of a base class in MiniStack: methods it calls or overrides."""
    for node in ast.walk(tree):
        bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        for base, _dot, name in (base.rpartition(".") for base in bases):
            if base not in modules:
                continue
            parent = getattr(importlib.import_module(modules[base]), name)
            for inner in ast.walk(node):
                own = isinstance(inner, ast.FunctionDef) and inner.name
                taken = own or (isinstance(inner, ast.Attribute) and inner.attr)
                if taken and hasattr(parent, taken) and not hasattr(object, taken):
                    yield modules[base], f"{name}.{taken}"


def contract() -> dict[str, Any]:
    """Return the contract of the source and the installed MiniStack. Raises EngineMismatch."""
    used = {module: sorted(entries) for module, entries in sorted(used_names().items())}
    found = {
        module: {name: _parameters(module, name) for name in entries} for module, entries in used.items()
    }
    if missing := [f"{m}.{n}" for m, some in found.items() for n, what in some.items() if what == MISSING]:
        raise EngineMismatch(f"MiniStack has no {', '.join(missing)}.")
    return {"version": importlib.metadata.version(ENGINE), "names": found}


if __name__ == "__main__":
    FILE.write_text(json.dumps(contract(), indent=1) + "\n")
    sys.stdout.write(f"{FILE.name} is written.\n")
