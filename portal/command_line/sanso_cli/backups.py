"""The commands `sanso env backups`, `snapshot`, `drill` and `drills`: backups, and restoring them."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import typer

from sanso_cli import session
from sanso_cli.client import PortalClient
from sanso_cli.options import Name, Output
from sanso_cli.output import Exit, Format, fail, show, warn_of_problems
from sanso_cli.texts import _

COLUMNS: Final = ("name", "cause", "status", "created_at", "size_gib")
DRILL_COLUMNS: Final = ("began_at", "result", "rpo_seconds", "rto_seconds", "text")
INTERVAL: Final = 3.0
"""Seconds between two looks at a snapshot that is being taken."""


def show_backups(name: Name, output: Output = Format.TABLE) -> None:
    """Show the backups of an environment: retention, restorable times, snapshots."""
    api = session.client()
    found = api.get(f"/environments/{session.environment(api, name)['id']}/backups")
    if output is not Format.TABLE:
        show(output, found)
        return
    warn_of_problems(found["sources"])
    if not found["clusters"]:
        show(output, [], COLUMNS)
    for cluster in found["clusters"]:
        show(output, {key: value for key, value in cluster.items() if key != "snapshots"})
        show(output, cluster["snapshots"], COLUMNS)


def take_snapshot(
    name: Name,
    cluster: Annotated[
        str, typer.Option(help=_("The database cluster; needed only if the environment has several."))
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help=_("Wait until the snapshot is available."))
    ] = True,
    output: Output = Format.TABLE,
) -> None:
    """Take a snapshot of an environment's database, which stays until somebody deletes it."""
    api = session.client()
    path = f"/environments/{session.environment(api, name)['id']}"
    found = api.post(f"{path}/snapshots", {"cluster": cluster})
    if wait:
        found = _ended(api, f"{path}/actions/{found['id']}")
    if output is not Format.TABLE:
        show(output, found)
    elif found["state"] != "failed":
        typer.echo(found["text"] or _("The snapshot has been requested."))
    if found["state"] == "failed":
        fail(found["text"], Exit.FAILED)


def run_drill(
    name: Name,
    cluster: Annotated[
        str, typer.Option(help=_("The database cluster; needed only if the environment has several."))
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help=_("Wait until the copy is checked and deleted."))
    ] = True,
    output: Output = Format.TABLE,
) -> None:
    """Restore the newest point of an environment's database as a copy, check it, and delete it."""
    api = session.client()
    path = f"/environments/{session.environment(api, name)['id']}/restore-drills"
    found = api.post(path, {"cluster": cluster})
    if wait:
        found = _ended(api, f"{path}/{found['id']}")
    if output is not Format.TABLE or found["result"]:
        show(output, found)
    else:
        typer.echo(_("The restore drill has been requested."))
    if found["result"] == "failed":
        fail(found["text"], Exit.FAILED)


def show_drills(
    name: Name,
    monthly: Annotated[
        bool | None,
        typer.Option("--monthly/--no-monthly", help=_("Whether the portal runs a drill every month.")),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show the restore drills of an environment, or set whether one runs every month."""
    api = session.client()
    path = f"/environments/{session.environment(api, name)['id']}"
    if monthly is not None:
        api.post(f"{path}/restore-drill-schedule", {"monthly": monthly})
    found = api.get(f"{path}/restore-drills")
    if output is not Format.TABLE:
        show(output, found)
        return
    show(output, found["schedule"])
    show(output, found["items"], DRILL_COLUMNS)


def _ended(api: PortalClient, path: str) -> dict[str, Any]:
    """Return a requested action or a drill when it has ended."""
    while True:
        found: dict[str, Any] = api.get(path)
        if found["ended_at"]:
            return found
        time.sleep(INTERVAL)
