"""Runs a fetch in a process of its own, and ends it when its time is over."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from deployments.common.addresses import without_address
from deployments.common.errors import FetchFailed, UserFixable
from deployments.common.message_codes import Code
from deployments.common.processes import with_children
from deployments.template_sets.sources.archives import megabytes
from deployments.template_sets.sources.spec import ARCHIVE, Fetched, FetchSpec, read_answer, request
from deployments.template_sets.sources.urls import check_url

log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[3]
_PREFIX = "sanso-fetch-"
PROCESS = "deployments.template_sets.fetch_process"
"""The module that runs: it is above this package, since it reads template sets as well."""
AT_ONCE = 4
"""How many fetches run at once in a worker: each may use `limits.memory`."""
_running = threading.BoundedSemaphore(AT_ONCE)
ABANDONED = 600
"""Seconds after which a folder belongs to no fetch any more."""
_KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KILLED_BY_LIMIT = (signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGXFSZ)


def fetch(spec: FetchSpec) -> Fetched:
    """Return the refs of a source that match, and the versions that are not known.

    This takes up to `limits.seconds`, and waits before if this process has `AT_ONCE` fetches in progress.
    Nothing is written but in a temporary folder, which is deleted.

    Raise UserFixable if the source is refused, FetchFailed if a later fetch may succeed; both with a message
    that says why.
    """
    if spec.kind == "git":
        check_url(spec.url)
    started = time.monotonic()
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        if spec.kind == "archive":
            (folder / ARCHIVE).write_bytes(spec.archive)
        with _running:
            status = _run(spec, folder)
        errors = (folder / "errors").read_text(errors="replace").strip()
        if errors:
            log.warning("a fetch of %s wrote: %s", spec.kind, errors[-2000:])
        text = (folder / "answer").read_bytes()
    log.info("a fetch of %s took %.1f s", spec.kind, time.monotonic() - started)
    if status is None or -status == signal.SIGALRM:
        raise FetchFailed("FetchFailed", Code.SOURCE_TIMED_OUT, seconds=f"{spec.limits.seconds:g}")
    if -status in _KILLED_BY_LIMIT:
        limit = megabytes(spec.limits.memory)
        raise UserFixable("SourceRefused", Code.SOURCE_OUT_OF_MEMORY, limit=limit)
    try:
        return read_answer(text)
    except UserFixable as error:
        error.message = without_address(error.message)
        raise
    except ValueError as exc:
        why = f"the process that fetches ended with {status}"
        raise FetchFailed("FetchFailed", Code.SOURCE_FAILED, why=why) from exc


def _remove_abandoned() -> None:
    """Remove what fetches left whose worker was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED:
                shutil.rmtree(folder)


def _run(spec: FetchSpec, folder: Path) -> int | None:
    """Run the process until its end, and return its exit status; None if its time was over.

    Credentials pass through its standard input: arguments and environment are readable for other processes.
    """
    with (folder / "answer").open("wb") as output, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-sE", "-m", PROCESS],
            cwd=_ROOT,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            process.communicate(request(spec, str(folder)), spec.limits.seconds)
            return process.returncode
        except subprocess.TimeoutExpired:
            return None
        finally:
            with_children(process)
