"""Keep the calls of each step of a deployment in its AWS call log.

A log never stops a step: what cannot be redacted or written is left out, and the worker's log says so. The
calls of a step whose worker is killed are lost; what was written before stays.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from deployments.aws import call_capture
from deployments.aws.call_capture import CollectedCalls, RawCall
from deployments.call_logs.models import LoggedCall
from deployments.call_logs.rules import log_file
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.common.rules.redaction import Redactor
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import redactors

log = logging.getLogger(__name__)

MAX_SECONDS = 0.5
"""Time for the bodies of one step; the others are left out, so that a step never waits longer."""
MAX_QUESTIONS = 500
"""Different calls of a deployment whose latest answer is remembered."""
REMEMBERED = 16
"""Deployments of which a process remembers texts and answers."""
BATCH = 2000
_Key = tuple[int, str, str]


@dataclass(slots=True)
class CallLog:
    """What this process remembers of a log: texts it has redacted, and the latest answer to each call."""

    secrets: Redactor
    redact: CallRedactor | None = None
    latest: dict[bytes, bytes] = field(default_factory=dict)
    repeated: dict[bytes, int] = field(default_factory=dict)


_logs: dict[_Key, CallLog] = {}
_lock = Lock()


def placeholders_of(deployment: Deployment) -> Placeholders:
    """Return the placeholders of a deployment's log, also for what is sent with it."""
    key = salted_hmac("deployments.call_logs", str(deployment.pk), algorithm="sha256").digest()
    found = Placeholders(key)
    environment = deployment.environment
    found.learn((environment.name, environment.stack_name, environment.account.name))
    people = (deployment.requested_by, deployment.applied_by, environment.owner)
    found.learn(person.get_username() for person in people if person is not None)
    found.learn(environment.labels.values_list("value", flat=True))
    return found


@contextmanager
def kept(deployment: Deployment) -> Iterator[None]:
    """Keep the calls inside the block, also if it ends with an exception."""
    found = _begun(deployment)
    if found is None:
        yield
        return
    with call_capture.collecting() as collected:
        try:
            yield
        finally:
            _write(deployment, found, collected)


def _begun(deployment: Deployment) -> CallLog | None:
    """Return the log of a deployment, with its NoEcho values: the end of a step may delete them."""
    if settings.SANSO_CALL_LOG_BYTES <= 0 or settings.SANSO_CALL_LOG_DAYS <= 0:
        return None
    try:
        secrets = (deployment.sealed_parameters, deployment.environment.secret_fingerprints)
        return _log_of(deployment, (deployment.pk, *secrets))
    except Exception:
        log.exception("deployment %s: its calls to AWS are not logged", deployment.pk)
        return None


def _log_of(deployment: Deployment, key: _Key) -> CallLog:
    """Return what this process remembers of a log; nothing once there are other secrets to remove."""
    with _lock:
        found = _logs.pop(key, None)
        if found is None:
            found = CallLog(redactors.of_deployment(deployment))
        while len(_logs) >= REMEMBERED:
            del _logs[next(iter(_logs))]  # the one that was used least recently
        _logs[key] = found
        return found


def _write(deployment: Deployment, found: CallLog, collected: CollectedCalls) -> None:
    if not collected.calls:
        return
    try:
        if found.redact is None:
            found.redact = CallRedactor(placeholders_of(deployment), found.secrets)
        entries = list(entries_of(f"deployment {deployment.pk}", found, found.redact, collected))
        with transaction.atomic():
            known = LoggedCall.objects.operations_of(deployment)
            LoggedCall.objects.bulk_create(
                (_row(deployment, call, values, known) for call, values in entries), batch_size=50
            )
            LoggedCall.objects.shrink(deployment, settings.SANSO_CALL_LOG_BYTES)
    except Exception:
        log.exception("deployment %s: calls to AWS were not logged", deployment.pk)


def entries_of(
    name: str, found: CallLog, redact: CallRedactor, collected: CollectedCalls
) -> Iterator[tuple[RawCall, dict[str, Any]]]:
    """Yield what is written of a step's calls, without answers that are the same as the one before.

    `name` is what the worker's log calls their owner.
    """
    begun = time.monotonic()
    for call in collected.calls:
        asked, answered = log_file.question(call), log_file.answer(call)
        if 0 < call.status < 300 and found.latest.get(asked) == answered:
            found.repeated[asked] = found.repeated.get(asked, 0) + 1
            continue
        in_time = time.monotonic() - begun < MAX_SECONDS
        try:
            values = log_file.entry(call, redact, with_body=in_time or call.status >= 300)
        except Exception:  # noqa: BLE001  # a log never stops a step
            # Its message may have a part of what could not be redacted.
            log.warning("%s: a call of %s could not be redacted", name, call.operation)
            continue
        if len(found.latest) >= MAX_QUESTIONS:
            found.latest.clear()
        if in_time:
            found.latest[asked] = answered
        if repeated := found.repeated.pop(asked, 0):
            values["answers_like_the_last"] = repeated
        yield call, values
    if collected.left_out:
        log.warning("%s: %s calls of a step were not logged", name, collected.left_out)


def _row(
    deployment: Deployment, call: RawCall, values: dict[str, Any], known: set[tuple[str, str]]
) -> LoggedCall:
    content = zlib.compress(log_file.line(values).encode("utf-8", "replace"))
    is_first = (call.service, call.operation) not in known
    known.add((call.service, call.operation))
    return LoggedCall(
        deployment=deployment,
        at=call.at,
        service=call.service,
        operation=call.operation,
        is_kept=is_first or not 0 < call.status < 300,
        size=len(content),
        content=content,
    )


def lines_of(deployment: Deployment, **facts: Any) -> Iterator[str]:
    """Yield the lines of a deployment's log: one about the log, then the calls, oldest first."""
    account = deployment.environment.account
    source = "sandbox" if account.is_sandbox else "aws"
    about = {"kind": deployment.kind, "state": deployment.state, "error": deployment.error_code}
    yield log_file.header(source=source, region=account.region, **about, **facts)
    for content in LoggedCall.objects.of(deployment).values_list("content", flat=True).iterator(100):
        yield zlib.decompress(bytes(content)).decode()


def prune(now: datetime) -> int:
    """Delete calls that are older than the setting, one batch. Return the number of deleted rows."""
    old = LoggedCall.objects.before(now - timedelta(days=max(settings.SANSO_CALL_LOG_DAYS, 0)))
    keys = list(old.order_by("at").values_list("pk", flat=True)[:BATCH])
    LoggedCall.objects.filter(pk__in=keys).delete()
    return len(keys)
