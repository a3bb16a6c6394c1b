"""`manage.py restore FILE`: restore a backup into an empty database and a new data folder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from portal.backups import backup
from portal.backups.manifest import BackupError


class Command(BaseCommand):
    """Restore a backup."""

    help = "Restores a backup into an empty database and a new data folder, and applies migrations."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the path of the file."""
        parser.add_argument("file", type=Path, help="the file that manage.py backup has written")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Restore the backup. Raise CommandError if the file or the target is not valid."""
        try:
            found = backup.restore(options["file"].absolute())
        except (BackupError, DatabaseError, OSError) as exc:
            raise CommandError(f"The backup was not restored. {exc}") from exc
        self.stdout.write(
            f"Restored {sum(found.rows.values())} rows of {len(found.rows)} tables, from {found.created_at}. "
            "Start the processes now."
        )
