"""The fixture as one file: all rows that the release wrote, and the artifacts that it uploaded.

Rows are stored as SQLite returns them, by table and column, so that either database can load them.
Sessions are omitted: nobody is logged in. Names of the machine that wrote the fixture are replaced.
"""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
import re
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.upgrade.release import Release

FOLDER = Path(__file__).parent
FILE = "release.json.xz"
USED = "used.json.xz"
"""The same after a later release had used it."""
EVENTS = "deployments_event"
BINARY = "base64"
"""The only key of the object that a binary value is in the file."""
LEFT_OUT = {"django_session", "sqlite_sequence"}
Rows = list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one table, in the order of its columns."""

    columns: list[str]
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """The commit of the release, its tables by name, and its uploaded artifacts by S3 key."""

    commit: str
    tables: dict[str, Table]
    artifacts: dict[str, bytes]

    def records(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table as dictionaries."""
        found = self.tables[table]
        for row in found.rows:
            yield dict(zip(found.columns, row, strict=True))


@lru_cache(maxsize=2)
def read(file: Path = FOLDER / FILE) -> Dump:
    """Return the fixture that is stored next to this module, or another file."""
    kept = json.loads(lzma.decompress(file.read_bytes()), object_hook=_without_base64)
    tables = {name: Table(**table) for name, table in kept["tables"].items()}
    set_keys(tables)
    return Dump(
        commit=kept["commit"],
        tables=tables,
        artifacts={key: base64.b64decode(body) for key, body in kept["artifacts"].items()},
    )


def write(release: Release, artifacts: Mapping[str, bytes], file: Path) -> None:
    """Write the fixture from the release's database, with the artifacts by their keys in S3."""
    tables = {name: Table(columns=columns, rows=rows) for name, columns, rows in _tables(release.database)}
    leave_out_keys(tables)
    kept = {
        "commit": release.commit,
        "tables": {name: asdict(table) for name, table in tables.items()},
        "artifacts": {key: base64.b64encode(body).decode() for key, body in artifacts.items()},
    }
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"), default=_with_base64)
    text = _without_the_machine(text, release)
    file.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def _with_base64(value: bytes) -> dict[str, str]:
    return {BINARY: base64.b64encode(value).decode()}


def _without_base64(value: dict[str, Any]) -> Any:
    return base64.b64decode(value[BINARY]) if set(value) == {BINARY} else value


def leave_out_keys(tables: dict[str, Table]) -> None:
    """Clear the keys of events, which are computed from other columns. Raise ValueError if one differs."""
    kept = [row[:] for row in tables[EVENTS].rows]
    set_keys(tables)
    if kept != tables[EVENTS].rows:
        raise ValueError("the keys of the events are not what the release makes them from")
    key = tables[EVENTS].columns.index("key")
    for row in tables[EVENTS].rows:
        row[key] = ""


def set_keys(tables: dict[str, Table]) -> None:
    """Set the key of every event as the release does: a digest of the stack's path and the EventId."""
    column = tables["deployments_stack"].columns.index
    paths = {row[column("id")]: row[column("path")] for row in tables["deployments_stack"].rows}
    column = tables[EVENTS].columns.index
    stack, event, key = column("stack_id"), column("event_id"), column("key")
    for row in tables[EVENTS].rows:
        row[key] = hashlib.sha256(f"{paths.get(row[stack], '')}\n{row[event]}".encode()).hexdigest()


def _tables(database: Path) -> Iterator[tuple[str, list[str], Rows]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for (name,) in names.fetchall():
        if name not in LEFT_OUT:
            found = connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
            yield name, [column[0] for column in found.description], [list(row) for row in found]
    connection.close()


def artifacts_in(release: Release, account: str) -> Iterator[tuple[str, bytes]]:
    """Yield what the release uploaded to the bucket of an account."""
    s3 = release.aws(account, "s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="sanso/")["Contents"]:
        yield entry["Key"], s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()


def _without_the_machine(text: str, release: Release) -> str:
    """Replace paths and names of the machine. Raise ValueError if one remains."""
    for path in (release.folder, release.checkout):
        text = text.replace(str(path), "/srv/sanso")
    text = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "host", text)
    left = re.findall(r".{,60}(?<!\w)/(?:tmp|root|home|work)/.{,60}", text)
    if left:
        raise ValueError(f"names of this machine are left: {left}")
    return text
