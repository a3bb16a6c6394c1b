"""Triggers of the audit tables, for migrations: recorded columns are not changed, and rows not deleted.

SQLite drops triggers when a migration alters a table: such a migration calls `create_triggers` at its end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError

log = logging.getLogger(__name__)

RECORDS, CUTS, ANCHORS = "deployments_auditrecord", "deployments_auditcut", "deployments_auditanchor"
TEXTS = (
    *("username", "by", "by_id", "address", "request_id", "action", "permission", "outcome", "reason", "name"),
)
OTHERS = (
    *("id", "at", "user_id", "refusal", "account_id", "environment_id", "deployment_id", "details"),
    *("before", "after"),
)
NAMES = ("audit_record_kept", "audit_record_stays", "audit_cut_kept", "audit_cut_stays") + (
    *("audit_anchor_kept", "audit_anchor_stays"),
)
REFUSAL = "audit records are not changed"
# The chain's writer sets the number and the hash, once.
_CHAINED = "OLD.seq IS NOT NULL OR NEW.seq IS NULL"
# The retention removes what is up to a recorded number.
_STAYS = f"OLD.seq IS NULL OR NOT EXISTS (SELECT 1 FROM {CUTS} WHERE {CUTS}.seq >= OLD.seq)"


def create_triggers(apps: Any, schema_editor: Any) -> None:
    """Create the triggers; log what the portal's user lacks if the server refuses it."""
    connection = schema_editor.connection
    drop_triggers(connection)
    try:
        with connection.cursor() as cursor:
            for statement in statements(connection.vendor):
                cursor.execute(statement)
    except DatabaseError as exc:
        if connection.vendor != "mysql":
            raise
        # 1142: the privilege TRIGGER is missing; 1419: with binary logs, log_bin_trust_function_creators is.
        log.warning("audit records are not protected by triggers, see docs/audit.md: %s", exc)


def drop_triggers(connection: Any) -> None:
    """Drop the triggers that exist."""
    with connection.cursor() as cursor:
        for name in NAMES:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def statements(vendor: str) -> Iterator[str]:
    """Return the statements that create the triggers on SQLite, or on MySQL and MariaDB."""
    quote = '"{}"' if vendor == "sqlite" else "`{}`"
    columns = {name: quote.format(name) for name in (*TEXTS, *OTHERS)}
    if vendor == "sqlite":
        changed = [f"OLD.{column} IS NOT NEW.{column}" for column in columns.values()]
    else:  # texts are compared by the collation otherwise, which ignores case
        binary = {name: f"CAST({{}}.{columns[name]} AS BINARY)" for name in TEXTS}
        terms = [binary.get(name, f"{{}}.{column}") for name, column in columns.items()]
        changed = [f"NOT ({term.format('OLD')} <=> {term.format('NEW')})" for term in terms]
    conditions = (
        (RECORDS, "UPDATE", " OR ".join([_CHAINED, *changed])),
        (RECORDS, "DELETE", _STAYS),
        (CUTS, "UPDATE", "1 = 1"),
        (CUTS, "DELETE", "1 = 1"),
        (ANCHORS, "UPDATE", "1 = 1"),
        (ANCHORS, "DELETE", "1 = 1"),
    )
    for name, (table, event, condition) in zip(NAMES, conditions, strict=True):
        head = f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW"
        if vendor == "sqlite":
            yield f"{head} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        else:
            signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{REFUSAL}'"
            yield f"{head} BEGIN IF {condition} THEN {signal}; END IF; END"
