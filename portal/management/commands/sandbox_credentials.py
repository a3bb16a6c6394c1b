"""`manage.py sandbox_credentials`: credentials of the sandbox for a shell, the AWS CLI and curl."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployments.aws import sandbox
from deployments.environments.models.accounts import Account

REGION = "ap-northeast-1"


class Command(BaseCommand):
    """Print the sandbox's address, an access key for scripts and the token of the control API."""

    help = "Print an access key of the sandbox and the token of its control API, as export lines or as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the account and the format."""
        parser.add_argument("--account", help="twelve digits; the first sandbox account by default")
        parser.add_argument("--json", action="store_true", help="print JSON instead of export lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch a key from the running sandbox and print it. Raise CommandError if there is none."""
        token_file = Path(settings.SANSO_SANDBOX_TOKEN_FILE)
        url, region, account = settings.SANSO_SANDBOX_URL, REGION, options["account"]
        if not account:
            row = Account.objects.sandboxes().first()
            if row is None:
                raise CommandError("There is no sandbox account: run manage.py ensure_sandbox_account first.")
            region, account = row.region, row.sandbox_account_id
        try:
            key = sandbox.issue_key(url, token_file, account, "script")
        except (OSError, ValueError, KeyError) as problem:
            raise CommandError(
                f"The sandbox at {url} issued no key: {problem}. SANSO_SANDBOX_URL must lead to a running "
                f"sandbox, and {token_file} must be its token."
            ) from problem
        variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": key.id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "SANDBOX_URL": url,
            "SANDBOX_TOKEN": sandbox.read_token(token_file),
            "SANDBOX_ACCOUNT": account,
        }
        if options["json"]:
            self.stdout.write(json.dumps(variables, indent=2))
            return
        for name, value in variables.items():
            self.stdout.write(f"export {name}={shlex.quote(value)}")
