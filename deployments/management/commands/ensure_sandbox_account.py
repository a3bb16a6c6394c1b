"""`manage.py ensure_sandbox_account`: the account row that stands for the sandbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deployments.models import Account


class Command(BaseCommand):
    """Make the sandbox's account where it is missing."""

    help = "Make the account that stands for the sandbox, once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name, region and account id, all with defaults."""
        parser.add_argument("--name", default="sandbox")
        parser.add_argument("--region", default="ap-northeast-1")
        parser.add_argument("--account-id", default="000000000000")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the row unless it is there."""
        Account.objects.get_or_create(
            name=options["name"],
            defaults={
                "region": options["region"],
                "is_sandbox": True,
                "sandbox_account_id": options["account_id"],
            },
        )
