"""Every path, module and name in a module that documents and comments mention exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

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
HISTORY = {"CHANGELOG.md"}
URL = re.compile(r"\w+://\S+(?:/\n\s*\S+)?")
PATH = re.compile(rf"(?<![\w/.@:-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*{{}},-]*[\w/*}}]")
AREA = re.compile(rf"(?<![\w/.$-])(?:{'|'.join(AREAS)})/[\w/*{{}},]+(?:\.\w+)*")
FILE = re.compile(r"(?<![\w/.*-])[a-z_][\w-]*\.(?:py|js|css|md|sh|yaml)\b")
MODULE = re.compile(rf"(?<![\w/.])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
NOT_IN_THE_REPOSITORY = re.compile(r"\bDESIGN\b|\bSTYLE\b|\bWORDING\b|\bresearch\b")
PERMISSION = re.compile(r"\w+\.(?:add|change|delete|view)_\w+")
OTHERS = {"ages.js"}
"""Files of other projects."""


def read() -> Iterator[tuple[Path, str]]:
    for file in TRACKED:
        if file.name not in HISTORY and "migrations" not in file.parts and file != Path(__file__):
            text = texts_of(file)
            if text:
                yield file, URL.sub(" ", text)


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    """What every file says to people, without addresses."""
    return dict(read())


def expanded(path: str) -> list[str]:
    """Return the paths that a path with braces stands for: `a/{b,c}.js` is two."""
    found = re.search(r"{([^{}]*)}", path)
    if not found:
        return [path]
    ends = path[: found.start()], path[found.end() :]
    return [whole for part in found[1].split(",") for whole in expanded(f"{ends[0]}{part}{ends[1]}")]


def is_there(path: str, folders: Iterable[Path]) -> bool:
    """Return whether the path is below one of the folders; a decision may be named by its number alone."""
    return all(
        any(folder.joinpath(one).exists() or any(folder.glob(one)) for folder in folders)
        for whole in expanded(path)
        for one in [f"{whole}-*" if re.search(r"adr/\d{4}$", whole) else whole]
    )


def test_every_path_that_is_named_exists(texts: dict[Path, str]) -> None:
    missing = [
        (str(file.relative_to(REPOSITORY)), path)
        for file, text in texts.items()
        for path in PATH.findall(text)
        if not is_there(path.rstrip("."), [REPOSITORY])
    ]

    assert not missing


def test_every_short_path_that_is_named_exists(texts: dict[Path, str]) -> None:
    """`core/status.py` is in `deployments/`, and `core/status.is_final` is a name in it."""
    missing = [
        (str(file.relative_to(REPOSITORY)), path)
        for file, text in texts.items()
        for path in AREA.findall(text)
        if not is_there(path, [REPOSITORY, file.parent, *ROOTS]) and not is_name_in_short_path(path)
    ]

    assert not missing


def is_name_in_short_path(path: str) -> bool:
    module, *names = path.split(".")
    return any(
        defines(root.joinpath(module).with_suffix(".py"), names)
        for root in ROOTS
        if root.joinpath(module).with_suffix(".py").exists()
    )


def test_every_file_that_is_named_exists(texts: dict[Path, str]) -> None:
    names = {file.name for file in TRACKED} | OTHERS
    missing = [
        (str(file.relative_to(REPOSITORY)), name)
        for file, text in texts.items()
        for name in FILE.findall(text)
        if name not in names
    ]

    assert not missing


def test_every_module_and_name_in_it_that_is_named_exists(texts: dict[Path, str]) -> None:
    missing = [
        (str(file.relative_to(REPOSITORY)), name)
        for file, text in texts.items()
        for name in MODULE.findall(text)
        if not is_importable(name) and not PERMISSION.fullmatch(name)
    ]

    assert not missing


def is_importable(dotted: str) -> bool:
    """Return whether a dotted name leads to a module, or to what a module defines or imports."""
    place, *rest = REPOSITORY, *dotted.split(".")
    while rest and (place / rest[0]).is_dir():
        place, rest = place / rest[0], rest[1:]
    if rest and (place / f"{rest[0]}.py").exists():
        return defines(place / f"{rest[0]}.py", rest[1:])
    return defines(place / "__init__.py", rest)


def defines(module: Path, names: list[str]) -> bool:
    """Return whether a module has the first of these names at its top, and the others somewhere."""
    if not names:
        return module.exists()
    return module.exists() and names[0] in names_in(module) and set(names[1:]) <= words_in(module)


@cache
def names_in(module: Path) -> frozenset[str]:
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
def words_in(module: Path) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", module.read_text()))


def test_every_command_of_manage_that_is_named_exists(texts: dict[Path, str]) -> None:
    named = {
        name for text in texts.values() for name in re.findall(r"(?:`|python )manage\.py ([a-z]\w+)", text)
    }

    assert named <= set(get_commands())


def test_nothing_refers_to_papers_that_are_not_in_the_repository(texts: dict[Path, str]) -> None:
    referring = [
        (str(file.relative_to(REPOSITORY)), found)
        for file, text in texts.items()
        for found in NOT_IN_THE_REPOSITORY.findall(text)
    ]

    assert not referring


@pytest.mark.parametrize(
    ("mentioned", "exists"),
    [
        ("deployments.core.status.is_final", True),
        ("deployments.core.status.Status.final", True),
        ("deployments.core.status.is_over", False),
        ("deployments.core.cadence", False),
        ("tests.services", True),
    ],
)
def test_names_in_modules_are_looked_up(mentioned: str, exists: bool) -> None:
    assert is_importable(mentioned) is exists


def test_paths_with_braces_and_stars_are_looked_up() -> None:
    assert is_there("deployments/core/{status,phases}.py", [REPOSITORY])
    assert is_there("docs/*.md", [REPOSITORY])
    assert not is_there("deployments/core/{status,cadence}.py", [REPOSITORY])
