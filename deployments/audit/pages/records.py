"""Audit records as rows of a list and as a page, and the permissions to see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString

from deployments.access.models.audit_records import BY, AuditRecord, AuditRecordQuerySet
from deployments.access.models.permissions import can, can_somewhere, visible_environments
from deployments.access.rules.roles import Right
from deployments.access.texts.commands import ACTIONS, permission_name
from deployments.cloudformation.status import DisplayStatus
from deployments.common import request_context
from deployments.common.texts import stored_text
from deployments.environments.display import badges

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOBODY = "Sanso"
"""The displayed requester of automatic actions: removals by the retention, fetches by a schedule."""


def may_view_audit(person: User) -> bool:
    """Return whether a person may see audit records of others; seeing one's own takes no right."""
    return can_somewhere(person, Right.VIEW_AUDIT)


def may_view(person: User, record: AuditRecord) -> bool:
    """Return whether a person may see a record: their own, or by a right for its environment."""
    return record.user_id == person.pk or can(person, Right.VIEW_AUDIT, record.environment)


def may_export(person: User) -> bool:
    """Return whether a person may export records: only if they may see all of them."""
    return can(person, Right.VIEW_AUDIT)


def visible_records(person: User) -> AuditRecordQuerySet:
    """Return the records that a person may see by a right, newest first."""
    rows = AuditRecord.objects.for_list()
    if can(person, Right.VIEW_AUDIT):
        return rows
    return rows.of_environments(visible_environments(person, Right.VIEW_AUDIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A record with its labels."""

    record: AuditRecord
    action: str
    outcome: SafeString
    refusal: str
    person: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedValue:
    """One value that a request changed."""

    name: str
    before: str
    after: str
    changed: bool


def row(record: AuditRecord) -> AuditRow:
    """Return a record with its labels in the current language."""
    status = DisplayStatus.FAILED if record.outcome == "refused" else DisplayStatus.DONE
    return AuditRow(
        record=record,
        action=str(ACTIONS.get(record.action, record.action)),
        outcome=badges.status_badge(status, record.get_outcome_display()),
        refusal=stored_text(record.refusal),
        person=person_of(record),
        by=_by(record),
    )


def person_of(record: AuditRecord) -> str:
    """Return the person's name at that time; "Sanso" without a person."""
    if record.username:
        return record.username
    return record.user.get_username() if record.user else NOBODY


def _by(record: AuditRecord) -> str:
    label = str(dict(BY).get(record.by, record.by)) if record.by else "–"
    return f"{label} {record.by_id}" if record.by_id and record.by != request_context.SESSION else label


def differences(record: AuditRecord) -> list[ChangedValue]:
    """Return a record's values before and after, changed ones first."""
    before: Mapping[str, Any] = record.before or {}
    after: Mapping[str, Any] = record.after or {}
    found = [
        ChangedValue(
            name=name,
            before=text_of(before.get(name)),
            after=text_of(after.get(name)),
            changed=before.get(name) != after.get(name),
        )
        for name in dict.fromkeys([*before, *after])
    ]
    return sorted(found, key=lambda one: not one.changed)


def details(record: AuditRecord) -> list[tuple[str, str]]:
    """Return the choices of the request."""
    return [(name, text_of(value)) for name, value in sorted(record.details.items())]


def text_of(value: object) -> str:
    """Return a stored value as a text; a dash for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def permission_text(record: AuditRecord) -> str:
    """Return the name of the permission; a dash if none is needed."""
    return permission_name(record.permission) if record.permission else "–"
