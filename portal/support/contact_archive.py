"""The archive of a first contact: its report and its AWS call log, redacted as a support bundle is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from django.conf import settings

from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.first_contact.display import report
from deployments.first_contact.models import ContactRun
from deployments.first_contact.shared import call_log
from portal.support import bundle
from portal.support.known_values import redactor_with

_README = """\
Sanso first contact

What AWS answered to Sanso in one account. Read it before you send it: every file is text.

README.txt       this file
versions.json    versions of Sanso, Python, packages, the database and the operating system
report.txt       each question, the answer, and what is left in AWS
report.json      the same for programs
aws-calls.jsonl  the AWS call log, in the format of support bundles. The first line says where it
                 was made ("source": "aws" or "sandbox"; a log of the sandbox proves nothing about
                 AWS)

**** stands for secrets. Names, account ids, ids of resources and IP addresses are placeholders:
the same one stands for the same value in all files. A text that somebody wrote may contain what
no rule recognizes: look at reasons and messages.
"""


def name_of(run: ContactRun, now: datetime) -> str:
    """Return the name of the file."""
    return f"sanso-first-contact-{run.tag}-{now:%Y%m%d-%H%M%S}.zip"


def write(output: IO[bytes], run: ContactRun) -> None:
    """Write the archive."""
    bundle.write_files(output, _files(run, redactor_with(call_log.placeholders_of(run))))


def _files(run: ContactRun, redact: CallRedactor) -> Iterator[tuple[str, Iterable[str]]]:
    yield "README.txt", [_README]
    yield "versions.json", [json.dumps(bundle.versions(), indent=1)]
    yield "report.txt", (redact.text(line) for line in report.as_text(run))
    yield "report.json", [json.dumps(_redacted(report.as_json(run), redact), ensure_ascii=False, indent=1)]
    yield "aws-calls.jsonl", call_log.lines_of(run, sanso=settings.SANSO_VERSION)


def _redacted(value: Any, redact: CallRedactor) -> Any:
    if isinstance(value, dict):
        return {name: _redacted(one, redact) for name, one in value.items()}
    if isinstance(value, list):
        return [_redacted(one, redact) for one in value]
    return redact.text(value) if isinstance(value, str) else value
