"""The project as a whole: documented settings, complete locks, docstrings of modules."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import REPOSITORY

# Any name read through django-environ is a setting; of variables that are read directly, only these names.
READ_FROM_ENVIRONMENT = re.compile(
    r"""\benv\.\w+\(\s*"([A-Z_]+)"|\benviron(?:\.get\(|\[)\s*"(SANSO_[A-Z_]+|PORT)\""""
)
WITH_PROJECT = ["requirements.lock", "requirements-test.lock", "requirements-production.lock"]


def tracked(*patterns: str, folders: bool = False) -> list[Path]:
    """Return the tracked files, and with `folders` the links to folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.split("\0") if name]
    found = [REPOSITORY / name for name in names if (REPOSITORY / name).exists()]
    return [path for path in found if folders or path.is_file()]


LOCKS = tracked("*.lock")


def settings_in_code() -> set[str]:
    texts = [file.read_text() for file in (REPOSITORY / "portal").rglob("*.py")]
    found = [names for text in texts for names in READ_FROM_ENVIRONMENT.findall(text)]
    return {name for names in found for name in names if name}


def settings_in_example() -> list[str]:
    return re.findall(r"^#([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    listed = settings_in_example()

    assert set(listed) == settings_in_code()
    assert len(listed) == len(set(listed))


def test_the_unchanged_example_sets_nothing() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()

    assert all(line.startswith("#") or not line for line in lines)


def direct_dependencies(*, lock: str) -> Iterator[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    yield from project["project"]["dependencies"]
    if lock != "requirements.lock":
        yield from project["project"]["optional-dependencies"]["mysql"]
    if lock == "requirements-test.lock":
        yield from project["dependency-groups"]["dev"]


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-test.lock", "requirements-production.lock"]
)
def test_a_lock_has_every_direct_dependency(lock: str) -> None:
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (REPOSITORY / lock).read_text(), re.MULTILINE))
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in direct_dependencies(lock=lock)}

    assert names <= locked, "pyproject.toml was changed: run make lock"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_lock_has_no_index_addresses_and_a_hash_for_everything(lock: Path) -> None:
    text = lock.read_text()

    assert not re.search(r"://|--(extra-)?index-url|--find-links| @ |^-e|file:", text, re.MULTILINE)
    assert all(
        "--hash=sha256:" in block for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    )


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(file.relative_to(REPOSITORY))
        for file in tracked("*.py")
        if "migrations" not in file.parts
        and (text := file.read_text()).strip()
        and not ast.get_docstring(ast.parse(text))
    ]

    assert not silent


def test_no_module_has_more_than_500_lines() -> None:
    long = {
        str(file.relative_to(REPOSITORY)): lines
        for file in tracked("*.py")
        if (lines := len(file.read_text().splitlines())) > 500 and "migrations" not in file.parts
    }

    assert not long


def test_no_tracked_file_contains_a_home_folder() -> None:
    home = re.compile(r"(?<![\w./-])/(?:home|Users)/\w+/")
    naming = [
        str(file.relative_to(REPOSITORY))
        for file in tracked()
        if file.suffix not in {".png", ".woff2", ".mo"} and home.search(file.read_text(errors="replace"))
    ]

    assert not naming
