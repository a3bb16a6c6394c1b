"""The AWS call log of a run: what is removed from it, and its lines."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.crypto import salted_hmac

from deployments.call_logs.rules import log_file
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.common.rules.redaction import Redactor, Values
from deployments.first_contact.models import ContactRun


def placeholders_of(run: ContactRun) -> Placeholders:
    """Return the placeholders of a run, for its log and its report."""
    key = salted_hmac("deployments.first_contact", run.tag, algorithm="sha256").digest()
    found = Placeholders(key)
    found.learn([run.account.name])
    return found


def redactor_of(run: ContactRun, secrets: Iterable[str] = ()) -> CallRedactor:
    """Return what redacts the calls of a run; `secrets` are its NoEcho values."""
    return CallRedactor(placeholders_of(run), Redactor([Values(list(secrets))]))


def source_of(run: ContactRun) -> str:
    """Return where a run was made: "aws" or "sandbox"; one of the sandbox proves nothing about AWS."""
    return "sandbox" if run.account.is_sandbox else "aws"


def lines_of(run: ContactRun, **facts: Any) -> Iterator[str]:
    """Yield the lines of a run's log: one about the log, then the calls, oldest first."""
    yield log_file.header(source=source_of(run), region=run.account.region, kind="first_contact", **facts)
    for calls in run.steps.values_list("calls", flat=True):
        yield from _unpacked(bytes(calls)).splitlines()


def _unpacked(rest: bytes) -> str:
    """Return the text of compressed pieces, one after the other."""
    found = b""
    while rest:
        piece = zlib.decompressobj()
        found += piece.decompress(rest)
        rest = piece.unused_data
    return found.decode()
