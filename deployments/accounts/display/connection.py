"""The test of a connection as pages and the API show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import pgettext

from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import ConnectionFinding, Result
from deployments.accounts.rules.quotas import page_of
from deployments.accounts.rules.stored_facts import read_findings
from deployments.accounts.texts import CHECKS, finding_advice, finding_text

_MARKS = {
    Result.OK: ("is-done", "✓"),
    Result.WARNING: ("is-attention", "▲"),
    Result.PROBLEM: ("is-failed", "✕"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One check: its mark, what was found, and what to do about it."""

    check: str
    label: str
    result: Result
    text: str
    advice: str
    actions: tuple[str, ...]
    policy: str
    link: str = ""
    """The page of the quota in Service Quotas, "" without one."""

    @property
    def css_class(self) -> str:
        """Return the class of the mark."""
        return _MARKS[self.result][0]

    @property
    def glyph(self) -> str:
        """Return the mark."""
        return _MARKS[self.result][1]

    @property
    def word(self) -> str:
        """Return the result for screen readers."""
        return _word(self.result)

    @classmethod
    def of(cls, found: ConnectionFinding) -> FindingLine:
        """Return a finding in the active language."""
        return cls(
            check=str(found.check),
            label=str(CHECKS[found.check]),
            result=found.result,
            text=finding_text(found),
            advice=finding_advice(found),
            actions=found.actions,
            policy=found.policy,
            link=page_of(found),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStatus:
    """The state of a test and the result of the last one; `result` is None if there is none."""

    is_running: bool = False
    done: int = 0
    planned: int = 0
    result: Result | None = None
    tested_at: datetime | None = None
    account_number: str = ""
    lines: tuple[FindingLine, ...] = ()

    @property
    def css_class(self) -> str:
        """Return the class of the status."""
        return _MARKS[self.result][0] if self.result else "is-pending"

    @property
    def glyph(self) -> str:
        """Return the mark of the status."""
        return _MARKS[self.result][1] if self.result else "○"

    @property
    def label(self) -> str:
        """Return the result of the last test in a word."""
        if self.result is None:
            return pgettext("connection", "Not tested")
        return {
            Result.OK: pgettext("connection", "Connected"),
            Result.WARNING: pgettext("connection", "Warning"),
            Result.PROBLEM: pgettext("connection", "Failed"),
        }[self.result]

    @property
    def is_failed(self) -> bool:
        """Return whether something must be fixed before the account can be used."""
        return self.result is Result.PROBLEM

    @property
    def worst(self) -> FindingLine | None:
        """Return the first line with the result of the whole, None if everything is fine."""
        if self.result in (None, Result.OK):
            return None
        return next((line for line in self.lines if line.result is self.result), None)


def _word(result: Result) -> str:
    return {
        Result.OK: pgettext("check", "OK:"),
        Result.WARNING: pgettext("check", "Warning:"),
        Result.PROBLEM: pgettext("check", "Problem:"),
    }[result]


def connection_status(test: ConnectionTest | None) -> ConnectionStatus:
    """Return the test of an account in the active language; None is one that was never tested."""
    if test is None:
        return ConnectionStatus()
    return ConnectionStatus(
        is_running=test.is_running,
        done=test.done,
        planned=test.planned,
        result=Result(test.result) if test.result else None,
        tested_at=test.tested_at,
        account_number=test.account_number,
        lines=tuple(FindingLine.of(one) for one in read_findings(test.findings)),
    )


def connection_warnings(tests: Iterable[ConnectionTest]) -> list[tuple[ConnectionTest, ConnectionStatus]]:
    """Return each test with its status."""
    return [(one, connection_status(one)) for one in tests]
