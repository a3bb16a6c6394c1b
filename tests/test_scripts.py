"""The scripts behind `make run` and `make test`, on machines without the required programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services import REPOSITORY

TOOLS = ("sh", "cat", "cksum", "cmp", "dirname", "id", "ls", "rm", "test")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with a few basic tools, without Python, servers and package managers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return str(folder)


def run(script: str, *arguments: str, path: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path, "VENV": str(folder / "venv"), "PYTHON": ""}
    command = ["/bin/sh", str(REPOSITORY / ".ci" / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_error_without_venv_names_the_package(bare_path: str, tmp_path: Path) -> None:
    done = run("environment", "run", path=bare_path, folder=tmp_path)

    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_too_old_or_without_venv_is_skipped(bare_path: str, tmp_path: Path) -> None:
    old = Path(bare_path) / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = run("environment", "run", path=bare_path, folder=tmp_path)

    assert "needs Python 3.11" in done.stderr


def test_a_complete_environment_is_not_installed_again(bare_path: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/bin/true")
    locks = [REPOSITORY / name for name in ("requirements-test.lock", "requirements-uv.lock")]
    sums = subprocess.run(["cksum"], input=b"".join(lock.read_bytes() for lock in locks), capture_output=True)
    (venv / ".installed").write_text(
        f"test {sums.stdout.decode().strip()} portal/sandbox portal/command_line\n"
    )

    for level in ("run", "test"):
        assert run("environment", level, path=bare_path, folder=tmp_path).returncode == 0


def test_the_error_without_apt_names_the_packages(bare_path: str, tmp_path: Path) -> None:
    done = run("packages", path=bare_path, folder=tmp_path)

    assert done.returncode == 1
    assert "redis-server" in done.stderr
