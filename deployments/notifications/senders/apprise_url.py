"""One notification through apprise, in a separate process with a time limit.

apprise blocks, and its addresses may contain any host. So only the schemes of SANSO_NOTIFY_SCHEMES are
accepted, and the process connects only to allowed addresses (`apprise_process`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from deployments.common.addresses import without_address
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.processes import with_children
from deployments.notifications.rules.topics import Reception
from deployments.notifications.senders.outcome import Outcome

LIMIT = 25.0
"""Seconds for the entire attempt, including the start of the process."""
MAX_URL = 1000
_ROOT = Path(__file__).resolve().parents[3]
_KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")


def scheme_of(url: str, schemes: Collection[str]) -> str:
    """Return the scheme of an address. Raise UserFixable if it is not allowed, or not an address."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not rest or len(url) > MAX_URL or not url.isprintable() or scheme not in schemes:
        allowed = ", ".join(sorted(schemes))
        raise UserFixable("SchemeNotAllowed", Code.NOTIFY_SCHEME, "address", allowed=allowed)
    return scheme


def send(
    url: str,
    title: str,
    body: str,
    *,
    networks: tuple[str, ...],
    schemes: Collection[str],
    limit: float = LIMIT,
) -> Outcome:
    """Try once to send it. Errors of the service are not raised."""
    try:
        scheme = scheme_of(url, schemes)
    except UserFixable as refused:
        return Outcome(reception=Reception.AGAIN, problem=refused.message)
    request = json.dumps({"url": url, "title": title, "body": body, "networks": networks})
    with tempfile.TemporaryDirectory(prefix="sanso-notify-") as folder:
        answer = _run(request, folder, limit)
    if answer is None:
        values = {"host": scheme, "seconds": f"{limit:g}"}
        return Outcome(reception=Reception.AGAIN, problem=Message(Code.NOTIFY_TIMED_OUT, values))
    return _outcome(scheme, answer)


def _run(request: str, folder: str, limit: float) -> bytes | None:
    """Return the output of the process; None at the time limit.

    The address passes through its standard input: arguments and environment are readable for other processes.
    """
    process = subprocess.Popen(
        [sys.executable, "-sE", "-m", "deployments.notifications.senders.apprise_process"],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # apprise's log may contain parts of the address
        start_new_session=True,
    )
    try:
        return process.communicate(request.encode(), limit)[0]
    except subprocess.TimeoutExpired:
        return None
    finally:
        with_children(process)
        process.communicate()  # closes the pipes


def _outcome(scheme: str, answer: bytes) -> Outcome:
    try:
        found = json.loads(answer)
    except ValueError:
        found = {}
    if found.get("sent"):
        return Outcome(reception=Reception.SENT)
    if found.get("refused"):
        values = {"host": scheme, "address": str(found["refused"])}
        problem = without_address(Message(Code.NOTIFY_ADDRESS_NOT_ALLOWED, values))
        return Outcome(reception=Reception.AGAIN, problem=problem)
    code = Code.NOTIFY_SERVICE_INVALID if found.get("invalid") else Code.NOTIFY_SERVICE_REJECTED
    status = found.get("status")
    values = {"service": scheme, "status": str(status or "–")}
    return Outcome(reception=Reception.AGAIN, status=status, problem=Message(code, values))
