"""`manage.py role_policy FOLDER`: write what a template set needs beyond account.yaml."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets import template_files
from deployments.template_sets.rules.set_needs import MOST
from deployments.template_sets.template_files.service_role import ROLE, needs_beyond


class Command(BaseCommand):
    """Write the policies as JSON to standard output, and what they cannot contain to standard error."""

    help = f"Writes the policy that a template set needs in the role {ROLE}, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the folder, and the values that names of resources depend on."""
        parser.add_argument("folder", type=Path, help="the folder of the template set")
        parser.add_argument(
            "--parameter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter's value, if it is not the default; names of resources may depend on it",
        )
        parser.add_argument("--account", default="*", help="the number of the AWS account")
        parser.add_argument(
            "--without-boundary",
            action="store_true",
            help="for an account with RolesNeedBoundary=false",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the policy. Raise CommandError if the folder has no template set."""
        try:
            template_set = template_files.load(options["folder"])
        except UserFixable as exc:
            raise CommandError(error_text(exc)) from exc
        values = dict(one.partition("=")[::2] for one in options["parameter"])
        if unknown := sorted(set(values) - set(template_set.parameters)):
            raise CommandError(f"The template set has no parameter {', '.join(unknown)}.")
        if missing := template_set.missing_templates(values):
            raise CommandError(f"With these values, the set lacks {', '.join(missing)}.")
        found = needs_beyond(
            template_set,
            values,
            account=options["account"],
            needs_boundary=not options["without_boundary"],
        )
        for document in found.policies():
            self.stdout.write(document)
        if not found.statements:
            self.stderr.write(f"The role {ROLE} of account.yaml needs nothing more.")
        for one in found.schemaless:
            self.stderr.write(f"{one}: its permissions are unknown.")
        if not found.is_complete:
            self.stderr.write(f"The policy is for the first {MOST:,} resources.")
