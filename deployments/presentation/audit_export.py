"""Audit records as rows of a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from deployments.models import AuditRecord
from deployments.presentation.audit_records import person_of
from deployments.presentation.event_export import as_csv, utc

FIELDS = (
    *("id", "number", "time", "person", "user_id", "by", "by_id", "address", "request_id", "action"),
    *("permission", "result", "refusal", "reason", "name", "account", "account_id", "environment_id"),
    *("deployment_id", "details", "before", "after", "hash"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFormat:
    """A file format: the text before all rows, between two batches of them and after all of them."""

    content_type: str
    write: Callable[[Iterable[AuditRecord]], str]
    before: str
    between: str = ""
    after: str = ""


def values(record: AuditRecord) -> dict[str, Any]:
    """Return a record's stored values by the names of `FIELDS`."""
    return {
        "id": record.pk,
        "number": record.seq,
        "time": utc(record.at),
        "person": person_of(record),
        "user_id": record.user_id,
        "result": record.outcome,
        "account": record.account.name if record.account else "",
        "hash": record.hash,
        **{name: getattr(record, name) for name in ("by", "by_id", "address", "request_id", "action")},
        **{name: getattr(record, name) for name in ("permission", "refusal", "reason", "name", "account_id")},
        **{name: getattr(record, name) for name in ("environment_id", "deployment_id", "details")},
        **{name: getattr(record, name) for name in ("before", "after")},
    }


def _csv(records: Iterable[AuditRecord]) -> str:
    return as_csv(tuple(_cell(given[name]) for name in FIELDS) for given in map(values, records))


def _cell(value: object) -> str | int:
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)


def _json(records: Iterable[AuditRecord]) -> str:
    return ",\n".join(json.dumps(values(record), ensure_ascii=False) for record in records)


FORMATS = {
    "csv": AuditFormat(
        content_type="text/csv; charset=utf-8",
        write=_csv,
        before=f"\ufeff{as_csv([FIELDS])}",  # spreadsheets recognize UTF-8 by this mark
    ),
    "json": AuditFormat(
        content_type="application/json", write=_json, before="[\n", between=",\n", after="\n]\n"
    ),
}
