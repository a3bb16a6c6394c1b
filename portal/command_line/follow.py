"""Follow a deployment: a live tree in a terminal, plain lines elsewhere, and the exit code of its result."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from portal.command_line.client import PortalClient
from portal.command_line.output import Exit, err, out
from portal.command_line.texts import _, name_of

SUCCEEDED = "succeeded"
ENDED = frozenset({"succeeded", "failed", "rolled_back", "canceled"})
WAITING = frozenset({"preview", "approval", "scheduled"})
"""States in which a person acts next: the deployment is not over, but nothing goes on by itself."""
GLYPHS = (
    ("FAILED", "✕", "red"),
    ("ROLLBACK", "↺", "magenta"),
    ("IN_PROGRESS", "▶", "blue"),
    ("COMPLETE", "✓", "green"),
)
BAR = 24
SECONDS_UNTIL = 90


def follow(api: PortalClient, pk: int, *, plain: bool = False, stop_when_waiting: bool = True) -> int:
    """Print a deployment to its end. Return the exit code: 0 succeeded, 1 failed, 4 waits for a person."""
    show = _lines if plain or not sys.stdout.isatty() else _tree
    try:
        return show(api, pk, stop_when_waiting=stop_when_waiting)
    except KeyboardInterrupt:
        err.print(_("The deployment goes on. To follow it again: sanso follow %(pk)d") % {"pk": pk})
        return Exit.INTERRUPTED


def code_of(deployment: dict[str, Any]) -> int:
    """Return the exit code of a deployment as it is now."""
    state = deployment["state"]
    if state == SUCCEEDED:
        return 0
    return Exit.WAITS if state in WAITING else Exit.FAILED


def _lines(api: PortalClient, pk: int, *, stop_when_waiting: bool) -> int:
    for message in api.stream(f"/deployments/{pk}/stream"):
        if message.event == "event":
            print(line(message.data), flush=True)  # noqa: T201
        elif message.event == "access":
            err.print(_("The token was revoked or has expired."))
            return Exit.USAGE
        elif stop_when_waiting and message.data.get("state") in WAITING:
            break
    return _result(api, pk)


def _tree(api: PortalClient, pk: int, *, stop_when_waiting: bool) -> int:
    with Live(console=out, refresh_per_second=4, transient=False) as live:
        live.update(tree(api.get(f"/deployments/{pk}"), api.get(f"/deployments/{pk}/rows")))
        for message in api.stream(f"/deployments/{pk}/stream"):
            if message.event == "access":
                err.print(_("The token was revoked or has expired."))
                return Exit.USAGE
            deployment = api.get(f"/deployments/{pk}")
            live.update(tree(deployment, api.get(f"/deployments/{pk}/rows")))
            if stop_when_waiting and deployment["state"] in WAITING:
                break
    return _result(api, pk)


def _result(api: PortalClient, pk: int) -> int:
    found = api.get(f"/deployments/{pk}")
    code = code_of(found)
    values = {"pk": pk, "name": found["environment"]["name"], "state": name_of(found["state"])}
    text = _("Deployment %(pk)d of %(name)s: %(state)s") % values
    if found.get("error"):
        text += f". {found['error']['text']}"
    err.print(Text(("✓ " if code == 0 else "• " if code == Exit.WAITS else "✕ ") + text))
    return code


def line(event: dict[str, Any]) -> str:
    """Return an event as one line: number, time, what, its status, why."""
    at = datetime.fromisoformat(event["at"]).astimezone(UTC).strftime("%H:%M:%SZ")
    if event["source"] == "portal":
        return f"{event['seq']:>5} {at} {event['text'] or event['code']}"
    path = "/".join(filter(None, (event["stack"], event["logical_id"])))
    return " ".join(
        filter(None, (f"{event['seq']:>5}", at, event["status"], path, event["type"], event["reason"]))
    )


def tree(deployment: dict[str, Any], rows: dict[str, Any]) -> Group:
    """Return the stacks and what is not complete in them, with a bar and the expected end."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows["items"]:
        if not row["is_stack"] and row["status"].endswith("COMPLETE"):
            continue
        glyph, color = next(((g, c) for part, g, c in GLYPHS if part in row["status"]), ("·", "white"))
        depth = row["path"].count("/") + (1 if row["path"] else 0)
        name = row["path"].rpartition("/")[2] or deployment["environment"]["name"]
        late = _("slow") if row["is_slow"] else ""
        table.add_row(Text(f"{'  ' * depth}{glyph} {name}", style=color), Text(row["status"]), Text(late))
    bar = Table.grid(padding=(0, 1))
    state = name_of(deployment["state"])
    bar.add_row(
        ProgressBar(total=100, completed=deployment["progress"], width=BAR),
        _("slower than forecast")
        if deployment.get("is_slower_than_forecast")  # older portals do not say so
        else f"{deployment['progress']} %",
        state,
        _left(rows),
    )
    return Group(table, bar)


def _left(rows: dict[str, Any]) -> str:
    if not rows.get("expected_end"):
        return ""
    seconds = (datetime.fromisoformat(rows["expected_end"]) - datetime.now(UTC)).total_seconds()
    if seconds < SECONDS_UNTIL:
        return _("about %(number)d s left") % {"number": max(0, round(seconds))}
    return _("about %(number)d min left") % {"number": round(seconds / 60)}
