"""`manage.py support_bundle [DEPLOYMENT]`: write what somebody else needs to find a fault to one archive."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from portal.support import bundle


class Command(BaseCommand):
    """Write a support bundle."""

    help = (
        "Writes an archive with versions, doctor's findings and the end of the logs, and of a deployment its "
        "AWS call log: as text, without secrets, with placeholders for names. Read it before you send it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the number of the deployment and the path of the file."""
        parser.add_argument("deployment", type=int, nargs="?", help="the number of a deployment")
        parser.add_argument("--output", type=Path, help="the file to write; it must not exist")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the archive, readable by its owner alone. Raise CommandError if it cannot be written."""
        deployment = self._deployment(options["deployment"])
        path: Path = options["output"] or Path(bundle.name_of(deployment, timezone.now()))
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc
        try:
            with os.fdopen(descriptor, "wb") as output:
                bundle.write(output, deployment, with_aws=True)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.stdout.write(f"{path}: read it before you send it (README.txt in it says what each file is).")

    def _deployment(self, number: int | None) -> Deployment | None:
        if number is None:
            return None
        try:
            found = Deployment.objects.for_page().filter(pk=number).first()
        except DatabaseError as exc:
            raise CommandError("The database does not respond; leave the number out.") from exc
        if found is None:
            raise CommandError(f"There is no deployment {number}.")
        return found
