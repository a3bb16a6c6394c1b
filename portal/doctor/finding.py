"""The finding of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FindingStatus(StrEnum):
    """Whether something has to be done: nothing, sooner or later, or now."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a check, and how to fix a problem."""

    check: str
    status: FindingStatus
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return a finding that requires no action."""
    return Finding(check=check, status=FindingStatus.OK, text=text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Return a finding that should be fixed sooner or later."""
    return Finding(check=check, status=FindingStatus.WARNING, text=text, fix=fix)


def problem(check: str, text: str, fix: str) -> Finding:
    """Return a finding that must be fixed."""
    return Finding(check=check, status=FindingStatus.PROBLEM, text=text, fix=fix)


def must_be_fixed(findings: Iterable[Finding]) -> bool:
    """Return whether at least one of them must be fixed."""
    return any(finding.status is FindingStatus.PROBLEM for finding in findings)
