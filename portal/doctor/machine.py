"""This machine: the space in the data folder, and its permissions."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from portal.doctor.finding import Finding, ok, problem, warning

GIGABYTE = 1024**3
LOW, TOO_LOW = 2 * GIGABYTE, GIGABYTE // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """The data folder: free bytes, whether it can be written, and whether others can read its key."""

    path: str
    free: int
    is_writable: bool
    is_readable_by_others: bool


def read(folder: Path) -> FolderFacts:
    """Return the facts about the data folder."""
    key = folder / "secret-key"
    mode = key.stat().st_mode if key.exists() else 0
    return FolderFacts(
        path=str(folder),
        free=shutil.disk_usage(folder if folder.exists() else folder.parent).free,
        is_writable=os.access(folder, os.W_OK),
        is_readable_by_others=bool(mode & (stat.S_IRWXG | stat.S_IRWXO)),
    )


def judge(facts: FolderFacts) -> list[Finding]:
    """Return the findings about the data folder."""
    free = f"{facts.free / GIGABYTE:.1f} GB are free in the data folder {facts.path}."
    findings = []
    if facts.free < TOO_LOW:
        findings.append(problem("disk", free, "Free some space now: writes will fail soon."))
    elif facts.free < LOW:
        findings.append(warning("disk", free, "Free some space, or move SANSO_DATA_DIR to a larger disk."))
    if not facts.is_writable:
        findings.append(
            problem(
                "data folder",
                f"{facts.path} cannot be written by this user.",
                "Run this as the user of the services, or give the folder to it (chown).",
            )
        )
    if facts.is_readable_by_others:
        findings.append(
            problem(
                "data folder",
                "Other users can read the secret key.",
                f"Run chmod 600 {facts.path}/secret-key",
            )
        )
    return findings or [ok("disk", free)]
