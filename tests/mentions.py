"""The paths, modules and names mentioned in documents and comments, and a check for missing ones."""

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
PACKAGES = {
    **dict.fromkeys(("portal", "deployments", "datelog", "tests"), REPOSITORY),
    "sanso_sandbox": REPOSITORY / "portal/sandbox",
    "sandbox_tests": REPOSITORY / "portal/sandbox",
    "sanso_cli": REPOSITORY / "portal/command_line",
}
"""The folder of each package."""
ROOTS = [
    REPOSITORY / name for name in ("deployments", "portal", "portal/sandbox/sanso_sandbox", "datelog", "docs")
]
"""Folders that short paths such as `cloudformation/status.py` may be relative to, besides the file's own
folder.
"""
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
OF_OTHER_PROJECTS = {"ages.js", "shop.yaml", "actions/checkout", "common/identity"}


@cache
def texts() -> dict[Path, str]:
    """Return the texts of every file without URLs. Change logs are left out: they may name deleted files."""
    files = [file for file in TRACKED if file.name not in LEFT_OUT and "migrations" not in file.parts]
    return {file: URL.sub(" ", text) for file in files if (text := texts_of(file))}


def mentioned(pattern: re.Pattern[str], missing: Callable[[str, Path], bool]) -> list[tuple[str, str]]:
    """Return (file, mention) of each match of the pattern that is missing."""
    return [
        (str(file.relative_to(REPOSITORY)), found)
        for file, text in texts().items()
        for found in pattern.findall(text)
        if missing(found, file)
    ]


def is_path(path: str, folders: Iterable[Path]) -> bool:
    """Return whether the path is below one of the folders. Decisions may be named by their number alone."""
    return all(
        any(folder.joinpath(one).exists() or any(folder.glob(one)) for folder in folders)
        for whole in expanded(path)
        for one in [f"{whole}-*" if re.search(r"adr/\d{4}$", whole) else whole]
    )


def expanded(path: str) -> list[str]:
    """Return the paths that a path with braces means: `a/{b,c}.js` is two."""
    found = re.search(r"{([^{}]*)}", path)
    if not found:
        return [path]
    ends = path[: found.start()], path[found.end() :]
    return [whole for part in found[1].split(",") for whole in expanded(f"{ends[0]}{part}{ends[1]}")]


def is_short_path(path: str, file: Path) -> bool:
    """Return whether a path like `cloudformation/status.py`, or a name like
    `cloudformation/status.is_final`, exists.
    """
    module, *names = path.split(".")
    modules = [root.joinpath(module).with_suffix(".py") for root in ROOTS]
    return is_path(path, [REPOSITORY, file.parent, *ROOTS]) or any(defines(one, names) for one in modules)


def is_module_or_name(dotted: str) -> bool:
    """Return whether a dotted name is a module, or a name that a module defines or imports."""
    package, *rest = dotted.split(".")
    place = PACKAGES[package] / package
    while rest and (place / rest[0]).is_dir():
        place, rest = place / rest[0], rest[1:]
    if rest and (place / f"{rest[0]}.py").exists():
        return defines(place / f"{rest[0]}.py", rest[1:])
    return defines(place / "__init__.py", rest)


def defines(module: Path, names: list[str]) -> bool:
    """Return whether a module exists, defines the first name at top level and contains the other names."""
    if not module.exists() or not names:
        return module.exists()
    return names[0] in names_in(module) and set(names[1:]) <= texts_in(module)


@cache
def names_in(module: Path) -> frozenset[str]:
    """Return the names at the top level of a module."""
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
