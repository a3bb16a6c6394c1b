"""manage.py backup and restore: restored data, and refusals with an explanation."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from deployments.common.models.encryption import encrypt
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from portal.backups import archive, backup, engines, manifest
from portal.backups.manifest import BackupError
from tests.builders import make_deployment, make_environment, make_event
from tests.mariadb import MariaDB
from tests.services import REPOSITORY

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
TEXT = "日本語 'quoted' \"double\" back\\slash\nline; INSERT INTO `x` 😀"


@pytest.fixture
def data(settings: Settings, tmp_path: Path) -> Path:
    """A data folder whose key is in use, and rows that are hard to export."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret-key").write_text(settings.SECRET_KEY)
    settings.DATA_DIR = folder
    running = make_deployment(
        make_environment("staging", secret_fingerprints=encrypt("x")), state="stacks", reason=TEXT
    )
    for seq in range(1, 40):
        make_event(running, seq, reason=TEXT)
    return folder


@pytest.fixture
def saved(data: Path, tmp_path: Path) -> Path:
    """A backup of the rows and the key."""
    file = tmp_path / "sanso.tar.gz"
    call_command("backup", str(file), stdout=io.StringIO())
    return file


@pytest.fixture
def elsewhere(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment variables of a portal with an empty database and its own data folder and key."""
    environment = {**os.environ, "SECRET_KEY": "", "SANSO_DATA_DIR": str(tmp_path / "elsewhere")}
    if connection.vendor == "sqlite":
        yield environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/elsewhere/sanso.sqlite3"}
        return
    server: MariaDB = request.getfixturevalue("mariadb_server")
    name = f"restored_{uuid.uuid4().hex[:8]}"
    server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield environment | {"DATABASE_URL": server.url.replace("/sanso", f"/{name}")}
    server.execute(f"DROP DATABASE {name}")


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_everything_comes_back_on_another_data_folder(
    saved: Path, elsewhere: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    done = manage(elsewhere, "restore", str(saved))

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    key = tmp_path / "elsewhere" / "secret-key"
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == (settings.SECRET_KEY, 0o600)
    resealed = manage(elsewhere, "reseal")
    assert (resealed.returncode, resealed.stdout[:1]) == (0, "0"), resealed.stderr
    again = tmp_path / "again.tar.gz"
    assert manage(elsewhere, "backup", str(again)).returncode == 0
    assert rows_of(again) == rows_of(saved)
    refused = manage(elsewhere, "restore", str(saved))
    assert refused.returncode == 1
    assert "The database is not empty" in refused.stderr


def rows_of(file: Path) -> dict[str, int]:
    """Return the number of rows of each table in a backup, including empty tables."""
    with tarfile.open(file) as found:
        member = found.extractfile(archive.MANIFEST)
        assert member is not None
        rows: dict[str, int] = json.loads(member.read())["rows"]
    return rows


def test_the_texts_of_rows_are_exported_unchanged(data: Path, tmp_path: Path) -> None:
    rows = engines.export(tmp_path / "export")

    assert rows["deployments_event"] == 39
    assert rows["deployments_deployment"] == Deployment.objects.count()
    assert rows["deployments_environment"] == Environment.objects.count()


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(saved: Path, part: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(CommandError, match=r"damaged|not a backup"):
        call_command("restore", str(saved))


def test_a_file_that_lacks_its_last_byte_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1])

    with pytest.raises(CommandError, match="damaged"):
        call_command("restore", str(saved))


@pytest.fixture
def changed(saved: Path, tmp_path: Path) -> Callable[[Callable[[Path], object]], Path]:
    """Return a function that applies a change to the backup's extracted files, and returns the new backup."""

    def change(how: Callable[[Path], object]) -> Path:
        folder = tmp_path / "extracted"
        folder.mkdir()
        archive.extract(saved, folder, backup.NAMES)
        how(folder)
        file = tmp_path / "changed.tar.gz"
        archive.write(file, {path.name: path for path in sorted(folder.iterdir())})
        return file

    return change


def append(folder: Path) -> None:
    with (folder / engines.FILES[connection.vendor]).open("ab") as file:
        file.write(b"-- one line more\n")


def forge_rows(folder: Path) -> None:
    text = (folder / archive.MANIFEST).read_text()
    (folder / archive.MANIFEST).write_text(text.replace('"deployments_event": 39', '"deployments_event": 3'))


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (append, "has other content"),
        (forge_rows, "another signature"),
        (lambda folder: (folder / engines.FILES[connection.vendor]).unlink(), "is missing or was added"),
        (lambda folder: (folder / archive.MANIFEST).unlink(), "has no manifest"),
        (lambda folder: (folder / archive.MANIFEST).write_text("{}"), "not a backup"),
        (lambda folder: (folder / "more").write_text("x"), "it has 'more'"),
    ],
)
def test_a_changed_file_is_refused(
    changed: Callable[[Callable[[Path], object]], Path], how: Callable[[Path], object], why: str
) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("restore", str(changed(how)))


def test_another_key_is_refused(saved: Path, settings: Settings, tmp_path: Path) -> None:
    settings.SECRET_KEY, settings.DATA_DIR = "another key", tmp_path / "none"

    with pytest.raises(CommandError, match="another SECRET_KEY"):
        call_command("restore", str(saved))


def test_a_backup_of_a_newer_release_is_refused(data: Path, tmp_path: Path) -> None:
    MigrationRecorder(connection).record_applied("deployments", "9999_from_the_future")
    file = tmp_path / "newer.tar.gz"
    try:
        call_command("backup", str(file), stdout=io.StringIO())
    finally:
        MigrationRecorder(connection).record_unapplied("deployments", "9999_from_the_future")

    with pytest.raises(CommandError, match="9999_from_the_future"):
        call_command("restore", str(file))


def test_a_newer_format_is_refused(saved: Path, tmp_path: Path) -> None:
    archive.extract(saved, tmp_path, backup.NAMES)
    found = manifest.read((tmp_path / archive.MANIFEST).read_text())

    with pytest.raises(BackupError, match="newer version"):
        manifest.read(replace(found, format=2).as_text())


def test_a_backup_never_replaces_another(saved: Path) -> None:
    before = saved.read_bytes()

    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(saved))

    assert saved.read_bytes() == before


def test_an_export_that_fails_or_ends_in_the_middle_leaves_no_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr(engines, "tables", lambda: {"deployments_lost"})

    with pytest.raises(CommandError, match="deployments_lost is not in it"):
        call_command("backup", str(folder / "sanso.tar.gz"))

    assert list(folder.iterdir()) == []


def test_a_dump_that_ends_in_the_middle_is_not_a_backup(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(b"CREATE TABLE `a` (\n);\nINSERT INTO `a` VALUES (1);\nINSERT INTO `a` VA")
    with pytest.raises(BackupError, match="ends in the middle"):
        engines._rows_of_dump(dump)

    dump.write_bytes(b"CREATE TABLE `a` (\nINSERT INTO `a` VALUES (1);\n-- Dump completed on 2026-11-27\n")
    assert engines._rows_of_dump(dump) == {"a": 1}


def test_a_dump_tool_that_fails_says_why(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("of MySQL and MariaDB")
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", 'wrong " and \\ too')
    with pytest.raises(CommandError, match=r"mariadb-dump failed: .*Access denied"):
        call_command("backup", str(tmp_path / "sanso.tar.gz"))

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(CommandError, match="is installed"):
        call_command("backup", str(tmp_path / "sanso.tar.gz"))
    assert not (tmp_path / "sanso.tar.gz").exists()
