"""`manage.py load_recording FILE`: import a recording that `export_deployment` wrote, here or elsewhere."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.deployment_pages import recordings


class Command(BaseCommand):
    """Import one deployment."""

    help = "Imports a recorded deployment for replay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and its owner."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", required=True, help="the user who is shown as its owner")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the rows. Raise CommandError if the file is invalid or the user does not exist."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        try:
            deployment = recordings.load(json.loads(options["file"].read_text()), user)
        except (OSError, ValueError, RecursionError) as exc:
            raise CommandError(f"{options['file']} is not a recording: {exc}") from exc
        except UserFixable as exc:
            raise CommandError(error_text(exc)) from exc
        self.stdout.write(f"Deployment {deployment.pk}: {deployment.get_absolute_url()}")
