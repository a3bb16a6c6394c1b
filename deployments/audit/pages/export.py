"""Audit records as rows of a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from deployments.access.models.audit_records import AuditRecord
from deployments.common.pages.csv_file import as_csv

FIELDS = (
    *("id", "seq", "at", "user_id", "username", "by", "by_id", "address", "request_id", "action"),
    *("permission", "outcome", "refusal", "reason", "name", "account_id", "environment_id"),
    *("deployment_id", "details", "before", "after", "hash", "previous_hash", "account"),
)
"""The columns of docs/audit.md, as the hash covers them, then the hash before, and the account's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFormat:
    """A file format: the text before all rows, between two batches of them and after all of them."""

    content_type: str
    write: Callable[[Iterable[AuditRecord]], str]
    before: str
    between: str = ""
    after: str = ""


def rows(records: Iterable[AuditRecord]) -> Iterator[dict[str, Any]]:
    """Yield the stored values of records by the names of `FIELDS`; one query."""
    listed = list(records)
    previous = AuditRecord.objects.hashes_at({record.seq - 1 for record in listed if record.seq})
    for record in listed:
        values = record.chained_values() | {
            "seq": record.seq,
            "hash": record.hash,
            "previous_hash": previous.get(record.seq - 1, "") if record.seq else "",
            "account": record.account.name if record.account else "",
        }
        yield {name: values[name] for name in FIELDS}


def _csv(records: Iterable[AuditRecord]) -> str:
    return as_csv(tuple(_cell(given[name]) for name in FIELDS) for given in rows(records))


def _cell(value: object) -> str | int:
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)


def _json(records: Iterable[AuditRecord]) -> str:
    return ",\n".join(json.dumps(given, ensure_ascii=False) for given in rows(records))


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
