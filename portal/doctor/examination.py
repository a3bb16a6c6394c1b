"""All checks in their order: those that others depend on come first."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from portal.doctor import (
    accounts,
    database,
    encryption,
    machine,
    processes,
    redis_server,
    rows,
    secrets,
    sign_in,
    unsafe_settings,
)
from portal.doctor.finding import Finding, FindingStatus

NEED_DATABASE: tuple[Callable[[], list[Finding]], ...] = (lambda: rows.judge(rows.read()),)
NEED_AWS: tuple[Callable[[], list[Finding]], ...] = (lambda: accounts.judge(accounts.read()),)


def examine(*, with_aws: bool = True) -> list[Finding]:
    """Run every possible check, and return the findings. `with_aws`: also those that call AWS."""
    of_database = database.judge(database.read())
    findings = [*of_database, *redis_server.judge(redis_server.read()), *processes.judge(processes.read())]
    findings += encryption.judge(encryption.read())
    findings += machine.judge(machine.read(settings.DATA_DIR))
    findings += secrets.judge(secrets.read())
    findings += unsafe_settings.judge(unsafe_settings.read())
    findings += sign_in.judge(sign_in.read())
    blocked = any(
        one.check in ("database", "migrations") and one.status is FindingStatus.PROBLEM for one in of_database
    )
    if not blocked:
        checks = NEED_DATABASE + (NEED_AWS if with_aws else ())
        findings += [finding for check in checks for finding in check()]
    return findings
