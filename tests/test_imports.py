"""Imports between modules: no circles, and no imports of the project's modules within functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp

from tests.mentions import PACKAGES
from tests.services import REPOSITORY

# These programs set up Django in a function before they can import its models.
PROGRAMS = REPOSITORY / "tests" / "benchmarks"


def circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return the groups of modules that import each other (Tarjan's strongly connected components)."""
    found: list[set[str]] = []
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []

    for start in sorted(graph.modules):
        work: list[tuple[str, Iterator[str]]] = []
        if start not in numbers:
            work.append((start, iter(sorted(graph.find_modules_directly_imported_by(start)))))
            numbers[start] = lowest[start] = len(numbers)
            stack.append(start)
        while work:
            module, imported = work[-1]
            for name in imported:
                if name not in numbers:
                    numbers[name] = lowest[name] = len(numbers)
                    stack.append(name)
                    work.append((name, iter(sorted(graph.find_modules_directly_imported_by(name)))))
                    break
                if name in stack:
                    lowest[module] = min(lowest[module], numbers[name])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[module])
                if lowest[module] == numbers[module]:
                    at = stack.index(module)
                    group, stack[at:] = set(stack[at:]), []
                    found += [group] if len(group) > 1 else []
    return found


def local_imports(path: Path) -> Iterator[str]:
    """Yield the project's own modules that a file imports within functions, except those for types alone."""

    def walk(node: ast.AST, within: bool) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            names = []
            if isinstance(child, ast.ImportFrom):
                names = ["."] if child.level else [child.module or ""]
            elif isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            if within:
                yield from (f"{path}: {name}" for name in names if name.split(".")[0] in ("", *PACKAGES))
            yield from walk(child, within or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    yield from walk(ast.parse(path.read_text()), within=False)


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 500
    assert circles(graph) == []


def test_a_circle_is_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [{"a", "b", "c"}]


def test_no_function_imports_a_module_of_the_project() -> None:
    found = [
        text
        for package, folder in PACKAGES.items()
        for path in sorted((folder / package).rglob("*.py"))
        if PROGRAMS not in path.parents
        for text in local_imports(path)
    ]
    assert found == []
