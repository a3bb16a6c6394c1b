"""The live tree of a deployment as it is rendered: its progress, and the rows that fit. No calls here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sanso_cli.texts import _, name_of

GLYPHS = (
    ("FAILED", "✕", "red"),
    ("ROLLBACK", "↺", "magenta"),
    ("IN_PROGRESS", "▶", "blue"),
    ("COMPLETE", "✓", "green"),
)
PHASE_STATUSES = {
    "done": "COMPLETE",
    "in_progress": "IN_PROGRESS",
    "failed": "FAILED",
    "rolled_back": "ROLLBACK_COMPLETE",
    "canceled": "CANCELED",
}
"""The statuses of phases that have begun, in CloudFormation's words."""
URGENT = ("FAILED", "IN_PROGRESS")
"""Parts of the statuses of rows that are shown first where not all rows fit."""
BAR, ROW_BAR = 24, 10
WIDE = 60
"""Columns from which rows have bars."""
SECONDS_UNTIL = 90


@dataclass
class Tree:
    """What a terminal shows of a deployment. The time left is computed at each rendering."""

    deployment: dict[str, Any]
    rows: dict[str, Any]
    notice: str = ""
    is_final: bool = False
    """Whether it is what remains on the screen: what has begun, however many lines that takes."""

    def note(self, *texts: str) -> None:
        """Show what is wrong with the connection, until the next update."""
        self.notice = " ".join(texts)

    def update(self, deployment: dict[str, Any], rows: dict[str, Any]) -> None:
        """Show a newer state."""
        self.deployment, self.rows, self.notice = deployment, rows, ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        now = datetime.now(UTC)
        yield self._progress(now, BAR if options.max_width >= WIDE else ROW_BAR)
        if self.notice:
            yield Text(self.notice, style="yellow", no_wrap=True, overflow="ellipsis")
        rows = visible(self.rows["items"])
        if self.is_final:
            rows = [row for row in rows if status_of(row)]
        room = len(rows) if self.is_final else options.max_height - 1 - bool(self.notice)
        shown, left_out = fitting(rows, room)
        table = Table(box=None, show_header=False, pad_edge=False)
        for _column in range(4):
            table.add_column(no_wrap=True, overflow="ellipsis")
        for row in shown:
            table.add_row(*self._cells(row, now, with_bar=options.max_width >= WIDE))
        yield table
        if left_out:
            yield Text(_("… %(number)d more") % {"number": left_out}, style="dim")

    def _progress(self, now: datetime, width: int) -> Table:
        bar = Table.grid(padding=(0, 1))
        for _column in range(4):
            bar.add_column(no_wrap=True, overflow="ellipsis")
        done = self.deployment["progress"]
        is_slower = self.deployment.get("is_slower_than_forecast")  # older portals do not say so
        left = _left(self.rows.get("expected_end"), now)
        bar.add_row(
            ProgressBar(total=100, completed=done, width=width),
            Text(_("slower than forecast") if is_slower else f"{done} %"),
            Text(name_of(self.deployment["state"])),
            Text(left),
        )
        return bar

    def _cells(self, row: dict[str, Any], now: datetime, *, with_bar: bool) -> list[RenderableType]:
        status = status_of(row)
        glyph, color = next(((g, c) for part, g, c in GLYPHS if part in status), ("·", "white"))
        depth = row["path"].count("/") + (1 if row["path"] else 0)
        name = row["path"].rpartition("/")[2] or self.deployment["environment"]["name"]
        if is_phase(row):
            name = name_of(name.removeprefix("@"))
        return [
            Text(f"{'  ' * depth}{glyph} {name}", style=color),
            Text(row["status"]),
            _row_bar(row, now) if with_bar else "",
            Text(_("slow") if row["is_slow"] else "", style="yellow"),
        ]


def is_phase(row: dict[str, Any]) -> bool:
    """Return whether a row is a phase of the deployment, which has no status of CloudFormation."""
    return bool(row["path"].startswith("@"))


def status_of(row: dict[str, Any]) -> str:
    """Return the status of a row; of a phase, one with the parts of CloudFormation's."""
    if not is_phase(row) or row["status"]:
        return str(row["status"])
    if status := PHASE_STATUSES.get(row.get("phase_status", "")):  # older portals do not have it
        return status
    if row["ended_at"]:
        return "COMPLETE"
    return "IN_PROGRESS" if row["started_at"] else ""


def visible(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stacks, and what is not complete of the rest."""
    return [row for row in rows if row["is_stack"] or not status_of(row).endswith("COMPLETE")]


def fitting(rows: list[dict[str, Any]], room: int) -> tuple[list[dict[str, Any]], int]:
    """Return the rows for so many lines, in their order, and how many are left out: first what is done."""
    if len(rows) <= room:
        return rows, 0
    by_urgency = sorted(range(len(rows)), key=lambda index: _urgency(rows[index]))
    chosen = sorted(by_urgency[: max(0, room - 1)])
    return [rows[index] for index in chosen], len(rows) - len(chosen)


def _urgency(row: dict[str, Any]) -> int:
    status = status_of(row)
    if any(part in status for part in URGENT):
        return 0
    return 1 if not status else 2


def _row_bar(row: dict[str, Any], now: datetime) -> RenderableType:
    """Return how much of its usual time a row that is in progress has taken, "" if that is unknown."""
    start, end = _time(row["started_at"]), _time(row["expected_end"])
    if row["ended_at"] or not start or not end or end <= start:
        return ""
    share = (now - start) / (end - start)
    return ProgressBar(total=100, completed=min(99, max(0, round(100 * share))), width=ROW_BAR)


def _left(expected_end: str | None, now: datetime) -> str:
    end = _time(expected_end)
    if end is None:
        return ""
    seconds = (end - now).total_seconds()
    if seconds < SECONDS_UNTIL:
        return _("about %(number)d s left") % {"number": max(0, round(seconds))}
    return _("about %(number)d min left") % {"number": round(seconds / 60)}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
