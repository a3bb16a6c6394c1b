"""`manage.py export_deployment PK`: write a deployment that has ended as a recording to standard output."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment


class Command(BaseCommand):
    """Export one deployment."""

    help = "Writes a deployment that has ended, with its stacks, resources and events, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the number of the deployment."""
        parser.add_argument("number", type=int, help="the number of the deployment")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the JSON. Raise CommandError if the deployment does not exist or is active."""
        deployment = Deployment.objects.for_page().filter(pk=options["number"]).first()
        if deployment is None:
            raise CommandError(f"There is no deployment {options['number']}.")
        try:
            recording = recordings.dump(deployment)
        except UserFixable as exc:
            raise CommandError(error_text(exc)) from exc
        self.stdout.write(json.dumps(recording, ensure_ascii=False, indent=1))
