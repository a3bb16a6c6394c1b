"""Every target of `make` installs first what it uses, on a machine with Python, gcc and make alone."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.services import LIMIT, REPOSITORY

TARGETS = sorted(set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)))
INSTALLS_NOTHING = {"help"}
NEEDS_NO_DEBIAN_PACKAGES = {"help", "run"}
USES_THE_ENVIRONMENT = re.compile(r"(?<![\w-])\.venv(-checkov)?/")


def commands_of(target: str) -> list[str]:
    """Return the commands that `make` would run for a target, those of its prerequisites first."""
    dry_run = subprocess.run(
        ["make", "--dry-run", "--always-make", "--no-print-directory", target],
        cwd=REPOSITORY,
        env={
            name: value
            for name, value in os.environ.items()
            if name not in {"MAKEFLAGS", "MAKELEVEL", "VENV"}
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return dry_run.stdout.replace("\\\n", " ").splitlines()


@pytest.fixture(params=TARGETS, scope="module")
def target(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def commands(target: str) -> list[str]:
    return commands_of(target)


def first(commands: list[str], pattern: re.Pattern[str]) -> int:
    """Return the place of the first command that matches, or the number of commands."""
    places = (place for place, command in enumerate(commands) if pattern.search(command))
    return next(places, len(commands))


def test_a_target_installs_the_packages_before_it_uses_them(target: str, commands: list[str]) -> None:
    installs = first(commands, re.compile(r"\.ci/environment (run|test)"))

    assert (installs < len(commands)) == (target not in INSTALLS_NOTHING)
    assert installs <= first(commands, USES_THE_ENVIRONMENT)
    debian = first(commands, re.compile(r"\.ci/packages"))
    assert (debian < installs) == (target not in NEEDS_NO_DEBIAN_PACKAGES)


def test_everything_that_a_target_runs_exists(commands: list[str]) -> None:
    text = "\n".join(commands)
    modules = re.findall(r"python -m ([\w.]+)", text)
    scripts = re.findall(r"(?<!\S)(\.ci/[\w./-]+|tests/[\w./-]+|manage\.py)", text)

    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    assert [path for path in scripts if not Path(REPOSITORY, path).exists()] == []
    for path in re.findall(r"(?:^|[;&] *)(\.ci/\w[\w-]*)", text, re.MULTILINE):
        assert os.access(REPOSITORY / path, os.X_OK), path


def test_a_person_who_may_not_install_is_told_what_to_ask_for(tmp_path: Path) -> None:
    """Not root, without sudo: the packages are named, and nothing is tried."""
    for name, script in {
        "id": "echo 1000",
        "apt-get": "echo called",
        "dirname": 'exec /usr/bin/dirname "$@"',
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    script = (REPOSITORY / ".ci" / "packages").read_text().replace("PATH=$PATH:/usr/sbin\n", "")

    ended = subprocess.run(
        ["/bin/sh", "-c", script, "packages", "checks"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert ended.returncode == 1
    assert re.search(r"As root: apt-get install .*\bgcc\b.*\blibmariadb-dev\b", ended.stderr)
    assert "called" not in ended.stdout
