"""The paths, modules and names that documents and comments mention, and those of them that do not exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests.comments import texts_of
from tests.services import REPOSITORY
from tests.test_project import tracked

TRACKED = tracked()
FOLDERS = sorted({file.relative_to(REPOSITORY).parts[0] for file in TRACKED if file.parent != REPOSITORY})
PACKAGES = ("portal", "deployments", "datelog", "tests")
ROOTS = [REPOSITORY / name for name in ("deployments", "portal", "portal/sandbox", "datelog", "docs")]
"""Where short paths such as `core/status.py` begin, besides the file's own folder."""
AREAS = sorted(
    {below.name for root in ROOTS for below in root.iterdir() if below.is_dir() and below.name[0].isalpha()}
)
URL = re.compile(r"\w+://\S+(?:/\n\s*\S+)?")
PATH = re.compile(rf"(?<![\w/.@:-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*{{}},-]*[\w/*}}]")
SHORT_PATH = re.compile(rf"(?<![\w/.$-])(?:{'|'.join(AREAS)})/[\w/*{{}},]+(?:\.\w+)*")
FILE = re.compile(r"(?<![\w/.*-])[a-z_][\w-]*\.(?:py|js|css|md|sh|yaml)\b")
MODULE = re.compile(rf"(?<![\w/.])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
COMMAND = re.compile(r"(?:`|python )manage\.py ([a-z]\w+)")
PAPERS = re.compile(r"\bDESIGN\b|\bSTYLE\b|\bWORDING\b|\bresearch\b")
"""Papers that are not in the repository."""
PERMISSION = re.compile(r"\w+\.(?:add|change|delete|view)_\w+")
LEFT_OUT = {"CHANGELOG.md", "named.py"}
OF_OTHER_PROJECTS = {"ages.js", "shop.yaml", "actions/checkout"}


@cache
def texts() -> dict[Path, str]:
    """Return the texts of every file, without addresses; a change log may name what no longer exists."""
    files = [file for file in TRACKED if file.name not in LEFT_OUT and "migrations" not in file.parts]
    return {file: URL.sub(" ", text) for file in files if (text := texts_of(file))}


def mentioned(pattern: re.Pattern[str], missing: Callable[[str, Path], bool]) -> list[tuple[str, str]]:
    """Return (file, mention) of everything that matches the pattern and that is missing."""
    return [
        (str(file.relative_to(REPOSITORY)), found)
        for file, text in texts().items()
        for found in pattern.findall(text)
        if missing(found, file)
    ]


def is_path(path: str, folders: Iterable[Path]) -> bool:
    """Return whether the path is below one of the folders. A decision may be named by its number alone."""
    return all(
        any(folder.joinpath(one).exists() or any(folder.glob(one)) for folder in folders)
        for whole in expanded(path)
        for one in [f"{whole}-*" if re.search(r"adr/\d{4}$", whole) else whole]
    )


def expanded(path: str) -> list[str]:
    """Return the paths that a path with braces stands for: `a/{b,c}.js` is two."""
    found = re.search(r"{([^{}]*)}", path)
    if not found:
        return [path]
    ends = path[: found.start()], path[found.end() :]
    return [whole for part in found[1].split(",") for whole in expanded(f"{ends[0]}{part}{ends[1]}")]


def is_short_path(path: str, file: Path) -> bool:
    """Return whether a path as `core/status.py`, or a name as `core/status.is_final`, exists."""
    module, *names = path.split(".")
    modules = [root.joinpath(module).with_suffix(".py") for root in ROOTS]
    return is_path(path, [REPOSITORY, file.parent, *ROOTS]) or any(defines(one, names) for one in modules)


def is_module_or_name(dotted: str) -> bool:
    """Return whether a dotted name leads to a module, or to what a module defines or imports."""
    place, *rest = REPOSITORY, *dotted.split(".")
    while rest and (place / rest[0]).is_dir():
        place, rest = place / rest[0], rest[1:]
    if rest and (place / f"{rest[0]}.py").exists():
        return defines(place / f"{rest[0]}.py", rest[1:])
    return defines(place / "__init__.py", rest)


def defines(module: Path, names: list[str]) -> bool:
    """Return whether a module is there and has the first of the names at its top, the others somewhere."""
    if not module.exists() or not names:
        return module.exists()
    return names[0] in names_in(module) and set(names[1:]) <= texts_in(module)


@cache
def names_in(module: Path) -> frozenset[str]:
    """Return the names at the top of a module."""
    found: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return frozenset(found)


@cache
def texts_in(module: Path) -> frozenset[str]:
    """Return every word of a module."""
    return frozenset(re.findall(r"\w+", module.read_text()))
