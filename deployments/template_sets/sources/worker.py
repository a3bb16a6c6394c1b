"""What the process that fetches does: it limits itself, reads a request, and writes the answer.

What it reads may be hostile, so it has no database, no keys and no environment of the portal.
"""

from __future__ import annotations

import ctypes
import logging
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import printable, refused
from deployments.template_sets.sources import git, https, ssh
from deployments.template_sets.sources.archives import Archive, collect, megabytes
from deployments.template_sets.sources.folders import Folder, allowed
from deployments.template_sets.sources.spec import (
    ARCHIVE,
    MB,
    Fetched,
    FetchedVersion,
    FetchLimits,
    FetchSpec,
    answer,
    failure,
    read_request,
)
from deployments.template_sets.sources.urls import check_url

Check = Callable[[Mapping[str, bytes], str], None]
GRACE = 5
"""Seconds that the portal has to stop the process, before it stops by itself: the portal may be gone."""


def limit(limits: FetchLimits) -> None:
    """Limit memory, time and the sizes of files of this process; it leaves no core with secrets."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    seconds = int(limits.seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    largest = 4 * limits.unpacked + 10 * MB
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds + GRACE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


PR_SET_DUMPABLE = 4
"""https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html"""


def fetched(spec: FetchSpec, folder: Path) -> Fetched:
    """Return what was fetched. Raise UserFixable if it is refused."""
    if spec.kind == "archive":
        with (folder / ARCHIVE).open("rb") as file:
            archive = Archive(file, spec.limits)
        files = collect(archive, archive.below_its_folder(spec.path), spec.limits)
        return Fetched(versions=(FetchedVersion(files=files),))
    if spec.kind == "folder":
        tree = Folder(allowed(spec.url, spec.local_folders), spec.limits.file)
        return Fetched(versions=(FetchedVersion(files=collect(tree, spec.path, spec.limits)),))
    url = check_url(spec.url)
    if url.scheme == "file":
        return git.fetch_local(spec, url.path)
    transport = ssh if url.scheme == "ssh" else https
    return git.fetch_remote(transport.repository(url, spec), spec, folder)


def main(source: BinaryIO, target: BinaryIO, check: Check) -> None:
    """Read a request, and write the answer: one line, and the contents of files.

    `check` raises UserFixable if the files in a folder are not a valid template set.
    """
    logging.disable()  # of what libraries say of a server, nothing is needed that the errors do not have
    try:
        spec, folder = read_request(source.read())
        limit(spec.limits)
        tempfile.tempdir = folder  # whatever is left there is removed with it
        line, contents = answer(_checked(fetched(spec, Path(folder)), spec.path, check))
    except UserFixable as exc:
        line, contents = failure(exc), []
    except MemoryError:
        line, contents = failure(refused(Code.SOURCE_OUT_OF_MEMORY, limit=megabytes(spec.limits.memory))), []
    except Exception as exc:  # noqa: BLE001  # whatever a hostile source causes: the portal logs it
        traceback.print_exc()
        why = printable(f"{type(exc).__name__}: {exc}")
        line, contents = failure(UserFixable("FetchFailed", Code.SOURCE_FAILED, why=why)), []
    target.write(line)
    target.writelines(contents)
    target.flush()


def _checked(found: Fetched, path: str, check: Check) -> Fetched:
    """Return what was fetched, with the problem of each version."""

    def problem_of(version: FetchedVersion) -> UserFixable | None:
        try:
            check(version.files, path)
        except UserFixable as problem:
            return problem
        return None

    versions = tuple(replace(version, problem=problem_of(version)) for version in found.versions)
    return replace(found, versions=versions)
