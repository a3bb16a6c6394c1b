"""`manage.py doctor`: check the installation, and print how to fix its problems."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.doctor.examination import examine
from portal.doctor.finding import Finding, FindingStatus, must_be_fixed

LABELS = {FindingStatus.OK: "ok      ", FindingStatus.WARNING: "warning ", FindingStatus.PROBLEM: "PROBLEM "}


class Command(BaseCommand):
    """Print the findings of all checks."""

    help = (
        "Checks the database, Redis, clocks, processes, due rows, disk, accounts, secrets and settings. "
        "The exit code is 1 if something must be fixed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the format."""
        parser.add_argument("--json", action="store_true", help="print JSON instead of lines")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the findings; exit with 1 if one of them must be fixed."""
        findings = examine()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=1))
        else:
            self.stdout.write("\n".join(_lines(finding) for finding in findings))
        if must_be_fixed(findings):
            sys.exit(1)


def _lines(finding: Finding) -> str:
    line = f"{LABELS[finding.status]}{finding.check}: {finding.text}"
    return f"{line}\n        → {finding.fix}" if finding.fix else line
