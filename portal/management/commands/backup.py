"""`manage.py backup FILE`: write the database and the secret key to one file, while everything runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from portal.backups import backup
from portal.backups.manifest import BackupError


class Command(BaseCommand):
    """Write a backup."""

    help = "Writes a backup of the database and the secret key to a new file, readable by its owner alone."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the path of the file."""
        parser.add_argument("file", type=Path, help="the file to write; it must not exist")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the backup. Raise CommandError if it would be incomplete."""
        try:
            made = backup.write(options["file"].absolute())
        except (BackupError, DatabaseError, OSError) as exc:
            raise CommandError(f"No backup was written. {exc}") from exc
        number = sum(made.rows.values())
        self.stdout.write(f"{number} rows of {len(made.rows)} tables, version {made.version}.")
