"""`manage.py ensure_sandbox_account`: the account of the sandbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.accounts import Account


class Command(BaseCommand):
    """Create the sandbox's account if it does not exist."""

    help = "Create the account of the sandbox if it does not exist."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the name, region and account id, all with defaults."""
        parser.add_argument("--name", default="sandbox")
        parser.add_argument("--region", default="ap-northeast-1")
        parser.add_argument("--account-id", default="000000000000")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the row if it does not exist."""
        with transaction.atomic():
            account, is_new = Account.objects.get_or_create(
                name=options["name"],
                defaults={
                    "region": options["region"],
                    "is_sandbox": True,
                    "sandbox_account_id": options["account_id"],
                },
            )
            if is_new:
                after = {"name": account.name, "region": account.region}
                AuditRecord.objects.write(
                    action="add_account", name=account.name, account=account, before={}, after=after
                )
