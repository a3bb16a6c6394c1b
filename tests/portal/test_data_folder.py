"""Permissions of the data folder: open ones are restricted, and nothing outside the folder is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.data_folder import restrict
from tests.services import REPOSITORY


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder from a version that did not restrict permissions."""
    folder = tmp_path / "data"
    (folder / "logs").mkdir(parents=True)
    (folder / "sandbox" / "tmp").mkdir(parents=True)
    for name in ("secret-key", "sanso.sqlite3", "sanso.sqlite3-wal", "logs/web.log", "sandbox/tmp/data.ibd"):
        (folder / name).write_text("secret")
        (folder / name).chmod(0o644)
    for opened in (folder, folder / "logs", folder / "sandbox", folder / "sandbox" / "tmp"):
        opened.chmod(0o755)
    return folder


def test_an_open_folder_is_restricted_to_its_owner(data: Path) -> None:
    assert restrict(data) == ""

    assert {mode(path) for path in data.rglob("*") if path.is_file()} == {0o600}
    assert {mode(path) for path in [data, *data.rglob("*")] if path.is_dir()} == {0o700}


def test_a_program_stays_executable_for_its_owner(data: Path) -> None:
    (data / "sandbox" / "bootstrap").touch(mode=0o755)

    restrict(data)

    assert mode(data / "sandbox" / "bootstrap") == 0o700


def test_targets_of_links_are_not_changed(data: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    for name in ("file", "named twice"):
        (outside / name).touch(mode=0o644)
    (data / "sandbox" / "folder").symlink_to(outside)
    (data / "logs" / "worker.log").symlink_to(outside / "file")
    (data / "logs" / "hard.log").hardlink_to(outside / "named twice")

    assert restrict(data) == ""

    assert mode(outside) == 0o755
    assert {mode(outside / name) for name in ("file", "named twice")} == {0o644}
    assert mode(data / "logs") == 0o700


def test_a_folder_with_other_peoples_files_keeps_its_own_permissions(data: Path) -> None:
    """SANSO_DATA_DIR may name a home folder or /srv."""
    (data / "letters").mkdir(mode=0o755)
    (data / "letters" / "one").touch(mode=0o644)

    assert "has other files in it as well (letters)" in restrict(data)

    assert mode(data) == 0o755
    assert mode(data / "letters") == 0o755
    assert mode(data / "letters" / "one") == 0o644
    assert mode(data / "secret-key") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_a_file_that_cannot_be_restricted_is_reported(data: Path) -> None:
    nobody = 65534
    script = f"""
import os, sys
from pathlib import Path
from portal.data_folder import restrict
os.chdir(sys.argv[1])
os.setuid({nobody})
print(restrict(Path(".")))
"""
    for path in [data, *data.rglob("*")]:
        os.chown(path, 0 if path.name == "secret-key" else nobody, 0)

    text = subprocess.run(
        [sys.executable, "-c", script, str(data)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout

    assert "Other users may read ./secret-key" in text
    assert mode(data / "sanso.sqlite3") == 0o600
