"""Write a backup while everything runs, and restore one into an empty installation."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from portal.backups import archive, engines, manifest
from portal.backups.manifest import BackupError, BackupManifest

NAMES = frozenset({archive.MANIFEST, archive.SIGNATURE, archive.KEY, *engines.FILES.values()})


def write(target: Path) -> BackupManifest:
    """Write a backup, and return its manifest. Raise BackupError if it would be incomplete."""
    with tempfile.TemporaryDirectory(prefix="sanso-backup-", dir=target.parent) as name:
        folder = Path(name)
        database = folder / engines.FILES[connection.vendor]
        applied = _applied()
        rows = engines.export(database)
        files = {database.name: database}
        if key := _key_file():
            files[archive.KEY] = key
        made = BackupManifest(
            format=manifest.FORMAT,
            version=settings.SANSO_VERSION,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            engine=connection.vendor,
            migrations=applied,
            rows=rows,
            files={name: manifest.digest(path) for name, path in files.items()},
            key=manifest.fingerprint(settings.SECRET_KEY),
        )
        text = made.as_text()
        (folder / archive.MANIFEST).write_text(text)
        (folder / archive.SIGNATURE).write_text(manifest.signature(text, settings.SECRET_KEY))
        described = {one: folder / one for one in (archive.MANIFEST, archive.SIGNATURE)}
        archive.write(target, described | files)
    return made


def _applied() -> list[str]:
    return sorted(".".join(migration) for migration in MigrationRecorder(connection).applied_migrations())


def _key_file() -> Path | None:
    """Return the file with the key; None if the key comes from the environment."""
    path = Path(settings.DATA_DIR, archive.KEY)
    return path if path.exists() and path.read_text().strip() == settings.SECRET_KEY else None


def restore(source: Path) -> BackupManifest:
    """Restore a backup into the empty database and the data folder of the settings; return its manifest.

    Everything is checked before anything is written. Raise BackupError.
    """
    with tempfile.TemporaryDirectory(prefix="sanso-restore-") as name:
        folder = Path(name)
        archive.extract(source, folder, NAMES)
        found = archive.check(folder, settings.SECRET_KEY, is_configured=_key_file() is None)
        _check_target(found)
        if archive.KEY in found.files:
            _replace_key((folder / archive.KEY).read_text())
        rows = engines.load(folder / engines.FILES[found.engine])
        differing = {table for table in {*rows, *found.rows} if rows.get(table) != found.rows.get(table)}
        if differing:
            raise BackupError(
                f"The database has other rows of {min(differing)} than the backup. Empty it, and try again."
            )
        call_command("migrate", verbosity=0)
    return found


def _check_target(found: BackupManifest) -> None:
    if found.engine != connection.vendor:
        raise BackupError(f"The backup is of {found.engine}, and DATABASE_URL leads to {connection.vendor}.")
    loader = MigrationLoader(None)
    replaced = (name for squashed in loader.replacements.values() for name in squashed.replaces)
    known = {".".join(migration) for migration in (*loader.disk_migrations, *replaced)}
    if newer := sorted(set(found.migrations) - known):
        raise BackupError(
            f"A newer version of Sanso made the backup: {found.version}, with {newer[-1]}. "
            "Restore it with that one."
        )
    if engines.tables():
        raise BackupError("The database is not empty: restore into a new one.")


def _replace_key(key: str) -> None:
    """Replace the key that this process has created in the empty data folder."""
    path = Path(settings.DATA_DIR, archive.KEY)
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{archive.KEY}.")  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    Path(fresh).replace(path)
