"""`manage.py verify_audit`: whether the audit records are as they were written, and complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployments.access.rules.audit_chain import ChainFinding, ChainProblem, check_export
from deployments.audit.steps.chain import anchors_in
from deployments.audit.steps.verification import verify

TEXTS = {
    ChainProblem.CHANGED: "Record {first} (row {pk}) was changed.",
    ChainProblem.MOVED: "Record {first} (row {pk}) was moved: another record belongs there.",
    ChainProblem.MISSING: "{records} missing.",
    ChainProblem.END_MISSING: "{records} missing at the end.",
    ChainProblem.HEAD: "The stored end of the chain does not match record {first}.",
    ChainProblem.ANCHOR: (
        "The anchor of {day} does not match record {first}: this record or an earlier one was changed."
    ),
    ChainProblem.CUT: "Records up to {last} were removed without a record of the removal.",
}


class Command(BaseCommand):
    """Verify the audit records, and exit with 1 if something is wrong."""

    help = "Verify that audit records were neither changed, removed nor re-ordered. Exit code 1 if they were."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option for files of anchors."""
        parser.add_argument(
            "--anchors",
            action="append",
            type=Path,
            metavar="FILE",
            help="a file of daily anchors, for example a copy; by default the one of SANSO_AUDIT_ANCHORS",
        )

        parser.add_argument(
            "--export",
            type=Path,
            metavar="FILE",
            help="a file that was exported as JSON: it is verified alone, without the database",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was verified. Raise CommandError if something is wrong."""
        own = [] if options["export"] else [Path(settings.SANSO_AUDIT_ANCHORS)]
        try:
            anchors = [point for path in options["anchors"] or own for point in self._read(path)]
        except (OSError, ValueError) as exc:
            raise CommandError(f"The anchors could not be read: {exc}") from exc
        if options["export"]:
            self._verify_export(options["export"], anchors)
            return
        found = verify(anchors)
        self.stdout.write(f"{found.checked} records verified, up to number {found.end.seq}.")
        self.stdout.write(f"Hash: {found.end.hash}")
        self.stdout.write(f"Anchors in files: {len(anchors)}. Records not chained yet: {found.waiting}.")
        self._report(found.findings)

    def _verify_export(self, path: Path, anchors: list[Any]) -> None:
        try:
            found = check_export(json.loads(path.read_text()), anchors)
        except (OSError, ValueError, TypeError, AttributeError) as exc:
            raise CommandError(f"The file is no export of audit records as JSON: {exc}") from exc
        numbers = f", from number {found.first} to {found.last}" if found.checked else ""
        self.stdout.write(f"{found.checked} exported records verified{numbers}.")
        self.stdout.write(f"Between them, not in the file: {found.absent}. Not chained: {found.waiting}.")
        self._report(found.findings)

    def _report(self, findings: list[ChainFinding]) -> None:
        """Print what is wrong. Raise CommandError if something is."""
        for finding in findings:
            self.stderr.write(_text(finding))
        if findings:
            raise CommandError(f"The audit records are not intact: {len(findings)} problem(s).")

    def _read(self, path: Path) -> list[Any]:
        if not path.exists():
            self.stderr.write(f"There is no file {path}: the end is compared with the database alone.")
        return anchors_in(path)


def _text(finding: ChainFinding) -> str:
    first, last = finding.first, finding.last
    records = f"Record {first} is" if first == last else f"Records {first} to {last} are"
    return TEXTS[finding.problem].format(
        records=records, first=first, last=last, pk=finding.pk, day=finding.day
    )
